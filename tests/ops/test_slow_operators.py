"""What an operator asks for and does not get in time is no failure of a server: others would not be served."""

import asyncio
from contextlib import closing, suppress
from pathlib import Path

import pytest

from bench.journeys.wire import Connection
from bench.wrk import Request
from tests.support.proxies import PROXIES
from tests.support.service import patience, service_folder

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
# A file that is complete before it is sent, and the publication of the results.
SLOW = ["/admin/profiles/activation/export/", "/admin/profiles/votingperiod/publish/"]


async def give_up_operators(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Close the connection without an answer. A proxy takes that for the same as none in time, and needs not wait."""
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        if b" /admin/" not in await reader.readuntil(b"\r\n\r\n"):
            writer.write(OK)
            await writer.drain()
    writer.close()


async def statuses(folder: Path, name: str) -> list[int]:
    """Those of a user's requests after those of an operator, to a server that is there twice."""
    server = await asyncio.start_server(give_up_operators, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    async def ask(proxy: int, request: Request) -> int:
        with closing(Connection(proxy, "127.0.0.1")) as client:
            return (await client.call(request, 20 * patience())).status

    with closing(server), PROXIES[name](folder, port, "localhost", also=port) as proxy:
        for path in SLOW * 2:
            assert await ask(proxy, Request(path, body="{}")) in (502, 503)
        return [await ask(proxy, Request("/")) for _ in range(4)]


@pytest.mark.parametrize("name", PROXIES)
def test_operator_who_waits_in_vain_takes_no_server_from_others(name: str) -> None:
    with service_folder() as folder:
        assert asyncio.run(statuses(folder, name)) == [200] * 4
