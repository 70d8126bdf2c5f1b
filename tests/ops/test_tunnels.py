"""CONNECT, through the proxies of deploy/: no client gets a tunnel to gunicorn."""

import http.client
import socket
import time
from contextlib import ExitStack, closing

import pytest

from tests.support.proxies import PROXIES
from tests.support.service import patience, ready_service, service_folder

# Each would stop a process of the web for two seconds.
CLIENTS = 16
# Whoever asks for a form gets what the service wants to see of any method that could change something.
CONNECT = (
    "CONNECT http://localhost:443/livez HTTP/1.1\r\nHost: localhost:443\r\nOrigin: http://localhost\r\n"
    "Cookie: {name}={token}\r\nX-CSRFToken: {token}\r\n\r\n"
)


def request_with_token(port: int) -> bytes:
    with closing(http.client.HTTPConnection("localhost", port, timeout=20)) as client:
        client.request("GET", "/admin/login/")
        name, token = client.getresponse().headers["Set-Cookie"].partition(";")[0].split("=")
    return CONNECT.format(name=name, token=token).encode()


@pytest.mark.parametrize("name", PROXIES)
def test_connect_delays_nobody(name: str) -> None:
    """gunicorn ends a connection after CONNECT, and its process waits until the other side does, too."""
    with (
        ready_service(WEB_WORKERS="2", TRUSTED_PROXIES="1") as service,
        service_folder() as folder,
        PROXIES[name](folder, service.port) as proxy,
        ExitStack() as stack,
    ):
        request = request_with_token(proxy)
        for _ in range(CLIENTS):
            client = stack.enter_context(closing(socket.create_connection(("127.0.0.1", proxy), timeout=20)))
            client.sendall(request)

        started = time.monotonic()
        for _ in range(20):
            with closing(http.client.HTTPConnection("localhost", proxy, timeout=20)) as other:
                other.request("GET", "/livez")
                assert other.getresponse().status == 200

    assert time.monotonic() - started < 4 * patience()
