"""Two servers behind a proxy of deploy/, one of which ends."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager, closing, suppress
from pathlib import Path

import pytest

from bench.journeys.wire import Answer, Connection
from bench.wrk import Request
from tests.support.proxies import PROXIES
from tests.support.service import patience, service_folder

# What .env.example advises for the proxies that ask for /readyz.
DRAIN_SECONDS = 6
ASKING = ("caddy", "haproxy")
IN_A_ROW = 30
REFUSAL = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"


class Ending:
    """Both servers. The first request to either is read, and its connection closed as by a server that ends."""

    def __init__(self) -> None:
        self.requests = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            head = await reader.readuntil(b"\r\n\r\n")
            if length := re.search(rb"content-length: (\d+)", head, re.IGNORECASE):
                await reader.readexactly(int(length[1]))
            is_check = b" /readyz " in head
            self.requests += not is_check
            if is_check or self.requests > 1:
                writer.write(OK)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def proxy_of(folder: Path, name: str, *handlers: Handler) -> AsyncIterator[Connection]:
    """A connection to the proxy in front of two servers with these handlers."""
    with ExitStack() as stack:
        servers = [await asyncio.start_server(handler, "127.0.0.1", 0) for handler in handlers]
        first, second = [stack.enter_context(closing(server)).sockets[0].getsockname()[1] for server in servers]
        port = stack.enter_context(PROXIES[name](folder, first, also=second))
        yield stack.enter_context(closing(Connection(port, "127.0.0.1")))


async def asked(folder: Path, name: str, request: Request) -> tuple[Answer, int]:
    """The answer of the proxy, and how many times it has sent the request."""
    ending = Ending()
    async with proxy_of(folder, name, ending.serve, ending.serve) as connection:
        return await connection.call(request, 20 * patience()), ending.requests


@pytest.mark.parametrize("name", PROXIES)
def test_request_whose_answer_was_lost_is_repeated_only_if_it_changes_nothing(name: str) -> None:
    with service_folder() as folder:
        read, times_read = asyncio.run(asked(folder, name, Request("/api/v1/profiles/me", {}, "")))
    with service_folder() as folder:
        written, times_written = asyncio.run(asked(folder, name, Request("/api/auth/signup", {}, "{}")))

    assert (read.status, times_read) == (200, 2)
    assert (written.json["code"], times_written) == ("unavailable", 1)


class Draining:
    """A server that says it is not ready when it is told to, and serves."""

    def __init__(self) -> None:
        self.requests, self.drains = 0, False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            is_check = b" /readyz " in await reader.readuntil(b"\r\n\r\n")
            self.requests += not is_check
            writer.write(REFUSAL if is_check and self.drains else OK)
            await writer.drain()
        writer.close()


async def seconds_until_left_alone(folder: Path, name: str) -> tuple[float, set[int]]:
    """How long the proxy sends requests to a server that drains, and the statuses of all."""
    draining, other = Draining(), Draining()
    async with proxy_of(folder, name, draining.serve, other.serve) as connection:
        statuses: set[int] = set()
        alone = 0
        while not draining.requests:
            statuses.add((await connection.call(Request("/"), 20)).status)
        draining.drains, began = True, time.monotonic()
        ended = began
        while alone < IN_A_ROW and time.monotonic() < began + 60:
            before = draining.requests
            statuses.add((await connection.call(Request("/"), 20)).status)
            await asyncio.sleep(0.02)
            alone = alone + 1 if draining.requests == before else 0
            ended = ended if alone else time.monotonic()
        return ended - began, statuses


@pytest.mark.long
@pytest.mark.parametrize("name", ASKING)
def test_server_that_drains_gets_no_more_requests_before_it_stops(name: str) -> None:
    with service_folder() as folder:
        seconds, statuses = asyncio.run(seconds_until_left_alone(folder, name))

    assert 0 < seconds < (DRAIN_SECONDS - 1) * patience()
    assert statuses == {200}
