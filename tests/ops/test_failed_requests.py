"""A request that fails takes no server from others: clients and slow operators can make requests fail."""

import asyncio
from contextlib import closing, suppress
from pathlib import Path

import pytest

from bench.journeys.wire import Connection
from bench.wrk import Request
from tests.support.proxies import PROXIES
from tests.support.service import patience, service_folder

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
# What an operator may wait for in vain: a file that is complete before it is sent, and the publication of the results.
SLOW = ["/admin/profiles/activation/export/", "/admin/profiles/votingperiod/publish/"]
# One of each upstream of nginx that is for clients.
REFUSED = ["/api/auth/login", "/api/auth/signup"]


async def fail_posts(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """End the connection of a POST that is not read yet, as gunicorn does if it refuses the head. Answer all others.

    A proxy takes that for the same as no answer in time, and needs not wait.
    """
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        if await reader.readexactly(4) == b"POST":
            return writer.transport.abort()
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await writer.drain()
    writer.close()


async def statuses(folder: Path, name: str, failing: list[str]) -> list[int]:
    """Those of a user's requests after POSTs to these paths have failed, to a server that is there twice."""
    server = await asyncio.start_server(fail_posts, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    async def ask(proxy: int, request: Request) -> int:
        with closing(Connection(proxy, "127.0.0.1")) as client:
            return (await client.call(request, 20 * patience())).status

    with closing(server), PROXIES[name](folder, port, "localhost", also=port) as proxy:
        for path in failing * 2:
            assert await ask(proxy, Request(path, body="{}")) in (502, 503)
        return [await ask(proxy, Request("/")) for _ in range(4)]


@pytest.mark.parametrize("failing", [SLOW, REFUSED], ids=["slow", "refused"])
@pytest.mark.parametrize("name", PROXIES)
def test_failed_requests_take_no_server_from_others(name: str, failing: list[str]) -> None:
    with service_folder() as folder:
        assert asyncio.run(statuses(folder, name, failing)) == [200] * 4
