"""One address that sends request after request, and one with many people, through the proxies of deploy/."""

import asyncio
import http.client
import json
from collections.abc import Iterator
from contextlib import closing, suppress
from threading import Event, Thread

import pytest

from tests.support.proxies import PROXIES, haproxy
from tests.support.service import Service, patience, ready_service, service_folder

pytestmark = pytest.mark.long

# More than the connections that gunicorn accepts, and fewer than those that nginx allows to one address.
BUSY = 60
# Each takes a while in the service.
SIGN_UP = json.dumps({"phone": "9991234567"})

# More than can have the connections of one address at once. They open the page within these seconds.
PEOPLE, SECONDS, CONNECTIONS = 120, 4, 6


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


async def visit(port: int, after: float) -> list[bytes]:
    """The statuses that a browser gets on its connections, which it keeps open until the proxy closes them."""

    async def call() -> bytes:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=("127.0.0.3", 0))
            with closing(writer):
                writer.write(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
                status = (await reader.readline()).split()[1]
                await reader.read()
                return status
        except (OSError, IndexError) as error:
            return repr(error).encode()

    await asyncio.sleep(after)
    return await asyncio.gather(*(call() for _ in range(CONNECTIONS)))


def test_people_behind_one_address_open_the_page(service: Service) -> None:
    """HAProxy limits the connections of one address, and has only HTTP/1.1."""

    async def visits(port: int) -> list[list[bytes]]:
        return await asyncio.gather(*(visit(port, SECONDS * number / PEOPLE) for number in range(PEOPLE)))

    with service_folder() as folder, haproxy(folder, service.port) as port:
        answers = asyncio.run(visits(port))

    assert {status for each in answers for status in each} == {b"200"}
