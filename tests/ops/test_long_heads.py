"""Requests and responses with a long head, through the proxies of deploy/."""

import asyncio
import http.client
import socket
import time
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest

from bench.journeys.wire import Connection
from bench.wrk import Request
from tests.support.proxies import PROXIES
from tests.support.service import patience, ready_service, service_folder

# Of a request line, gunicorn reads 4 KB. A redirect to it may quote each octet twice.
LONGEST = 20_000
LONG = b"HTTP/1.1 302 Found\r\nLocation: /%s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % (LONGEST * b"a")


async def answer_at_length(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        asked = await reader.readuntil(b"\r\n\r\n")
        writer.write(LONG.replace(b"302 Found", b"200 OK") if b" /readyz " in asked else LONG)
        await writer.drain()
    writer.close()


async def statuses(folder: Path, name: str) -> list[int]:
    """Those of some requests to a server that is there twice: a failure counts only where there is another one."""
    server = await asyncio.start_server(answer_at_length, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with closing(server), PROXIES[name](folder, port, "localhost", also=port) as proxy:
        answers = []
        for _ in range(4):
            with closing(Connection(proxy, "127.0.0.1")) as client:
                answers.append((await client.call(Request("/"), 20 * patience())).status)
        return answers


@pytest.mark.parametrize("name", PROXIES)
def test_long_head_is_no_failure_of_a_server(name: str) -> None:
    with service_folder() as folder:
        assert asyncio.run(statuses(folder, name)) == [302] * 4


# HAProxy's buffer holds less than this head and body. The end of the body does not come.
CLIENTS = 32
LONG_REQUEST = b"POST /api/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 65000\r\n%s\r\n%s" % (
    b"".join(b"X-%d: %s\r\n" % (number, 800 * b"a") for number in range(90)),
    64_000 * b" ",
)


@pytest.mark.long
@pytest.mark.parametrize("name", PROXIES)
def test_long_head_with_half_a_body_delays_nobody(name: str) -> None:
    with (
        ready_service(WEB_WORKERS="2", TRUSTED_PROXIES="1") as service,
        service_folder() as folder,
        PROXIES[name](folder, service.port) as proxy,
        ExitStack() as stack,
    ):
        for _ in range(CLIENTS):
            client = stack.enter_context(closing(socket.create_connection(("127.0.0.1", proxy), timeout=10)))
            with suppress(ConnectionError):  # it is refused meanwhile
                client.sendall(LONG_REQUEST)

        started = time.monotonic()
        with closing(http.client.HTTPConnection("localhost", proxy, timeout=20)) as other:
            other.request("GET", "/livez")
            status = other.getresponse().status

    assert status == 200
    assert time.monotonic() - started < 9  # the proxies wait for ten
