"""On gunicorn's own port, without a proxy, a client holds a thread for a short time at most."""

import select
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress

import pytest

from tests.ops.test_proxies import CLIENTS, HEAD, THREADS, connected, status
from tests.support.service import Service, patience, ready_service


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with ready_service(WEB_WORKERS="1", WEB_THREADS=str(THREADS)) as started:
        yield started


def test_client_that_reads_slowly_delays_nobody(service: Service) -> None:
    """The system takes the whole response."""
    with ExitStack() as stack:
        for _ in range(CLIENTS):
            client = stack.enter_context(closing(socket.socket()))
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
            client.connect(("127.0.0.1", service.port))
            client.sendall(b"GET /schema HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert status(service.port, "/livez") == 200  # after those that came before

        started = time.monotonic()
        assert status(service.port, "/livez") == 200
        assert service.sign_up("9991110061", "127.0.0.1") == 200

    assert time.monotonic() - started < patience()


@pytest.mark.parametrize(
    "sent",
    [HEAD, HEAD + b"Content-Length: 20\r\n\r\n{", b"GARBAGE\r\n\r\n", b"GET /livez HTTP/1.0\r\n\r\n"],
    ids=["half a head", "half a body", "no HTTP", "a whole request, and no end"],
)
def test_client_holds_a_thread_of_gunicorn_for_a_short_time(service: Service, sent: bytes) -> None:
    """One byte a second does not prolong it."""
    with ExitStack() as stack:
        clients = [stack.enter_context(closing(connected(service.port))) for _ in range(THREADS)]
        for client in clients:
            client.sendall(sent)
        started = time.monotonic()
        ended = False
        while not ended:
            for client in clients:
                with suppress(OSError):
                    client.send(b"x")
            ended = bool(select.select(clients, [], [], 1)[0])
        assert status(service.port, "/livez") == 200

    assert time.monotonic() - started < 8 * patience()
