"""Responses with a long head, through the proxies of deploy/."""

import asyncio
from contextlib import closing, suppress
from pathlib import Path

import pytest

from bench.journeys.wire import Connection
from bench.wrk import Request
from tests.support.proxies import PROXIES
from tests.support.service import patience, service_folder

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
