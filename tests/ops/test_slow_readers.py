"""Clients that read large responses slowly, through HAProxy, which does not collect these."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from http.client import HTTPConnection

import pytest

from tests.support.proxies import PROXIES, haproxy
from tests.support.service import patience, ready_service, service_folder

# More than the connections that gunicorn accepts.
CLIENTS = 64
# What HAProxy takes of a response before the client reads it: tune.bufsize in deploy/haproxy.cfg.
BUFFER = 131072


def begin_reading(port: int, path: str) -> socket.socket:
    """A client that asks for this several times, since the system's own buffers take most of one response."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
    client.connect(("127.0.0.1", port))
    client.sendall(16 * f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return client


def status(port: int, path: str) -> int:
    with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as client:
        client.request("GET", path, headers={"Host": "localhost"})
        return client.getresponse().status


def test_large_responses_have_only_a_part_of_the_threads() -> None:
    with (
        # haproxy.cfg counts on the connections of two web processes.
        ready_service(WEB_WORKERS="2", TRUSTED_PROXIES="1") as service,
        service_folder() as folder,
        haproxy(folder, service.port) as port,
        ExitStack() as stack,
    ):
        files = [one for one in (service.data / "static").rglob("*") if one.is_file() and one.stat().st_size > BUFFER]
        large = ["/schema", *(f"/{file.relative_to(service.data)}" for file in sorted(files))]
        for number in range(CLIENTS):
            stack.enter_context(closing(begin_reading(port, large[number % len(large)])))

        started = time.monotonic()
        answers = [status(port, "/livez") for _ in range(20)]

    assert answers == [200] * 20
    assert time.monotonic() - started < 4 * patience()


def test_large_responses_need_http_1_1() -> None:
    """In HTTP/1.0 gunicorn may end them with the connection, and its process would wait for those who read slowly."""
    paths = ("/api/v1/results/file", "/api/v1/profiles/me/%65xport/", "/static/drf_spectacular_sidecar/redoc.js")
    with (
        ready_service(TRUSTED_PROXIES="1") as service,
        service_folder() as folder,
        haproxy(folder, service.port) as port,
    ):
        for path in paths:
            assert status(port, path) in (401, 404)
            with closing(socket.create_connection(("127.0.0.1", port), timeout=30)) as client:
                client.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\nConnection: x\r\n\r\n".encode())
                assert client.recv(12) == b"HTTP/1.1 505"


@pytest.mark.parametrize("name", PROXIES)
def test_crowd_leaves_few_connections_to_gunicorn_idle(name: str) -> None:
    """Otherwise gunicorn ends the connections of large responses, and its process waits for those who read slowly."""
    with (
        ready_service(TRUSTED_PROXIES="1") as service,
        service_folder() as folder,
        PROXIES[name](folder, service.port) as port,
        ThreadPoolExecutor(CLIENTS) as pool,
    ):
        answers = set(pool.map(lambda _: status(port, "/"), range(2 * CLIENTS)))
        assert answers <= {200, 503}  # 503 on a machine that is busy

        with closing(HTTPConnection("127.0.0.1", service.port, timeout=30)) as client:
            client.request("GET", "/livez", headers={"Host": "localhost"})
            assert client.getresponse().headers["Connection"] == "keep-alive"
