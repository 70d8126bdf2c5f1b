"""One client that sends request after request, through the proxies of deploy/."""

import http.client
import json
from collections.abc import Iterator
from contextlib import closing, suppress
from threading import Event, Thread

import pytest

from tests.support.proxies import PROXIES
from tests.support.service import Service, patience, ready_service, service_folder

pytestmark = pytest.mark.long

# More than the connections that gunicorn accepts, and fewer than those that nginx allows to one address.
BUSY = 60
# Each takes a while in the service.
SIGN_UP = json.dumps({"phone": "9991234567"})


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with ready_service(TRUSTED_PROXIES="1", WEB_WORKERS="2") as started:
        yield started


@pytest.mark.parametrize("name", PROXIES)
def test_busy_client_keeps_nobody_waiting(service: Service, name: str) -> None:
    done = Event()

    def call(port: int, method: str, path: str, body: str | None = None) -> int:
        """The status of a request on a new connection. The busy client has another address than the others."""
        source = ("127.0.0.2" if body else "127.0.0.1", 0)
        with closing(http.client.HTTPConnection("127.0.0.1", port, 10 * patience(), source)) as peer:
            peer.request(method, path, body, {"Host": "localhost", "Content-Type": "application/json"})
            return peer.getresponse().status

    def keep_busy(port: int) -> None:
        while not done.is_set():
            with suppress(OSError, http.client.HTTPException):
                call(port, "POST", "/api/auth/signup", SIGN_UP)

    with service_folder() as folder, PROXIES[name](folder, service.port) as port:
        busy = [Thread(target=keep_busy, args=[port]) for _ in range(BUSY)]
        for thread in busy:
            thread.start()
        try:
            assert [call(port, "GET", "/livez") for _ in range(8)] == [200] * 8
        finally:
            done.set()
            for thread in busy:
                thread.join()
