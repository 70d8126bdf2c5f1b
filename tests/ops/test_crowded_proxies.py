"""More requests than there is room for, through the proxies of deploy/."""

import asyncio
import re
import socket
from collections.abc import Sequence
from contextlib import ExitStack, closing, suppress
from itertools import cycle, islice
from pathlib import Path

import pytest

from bench.journeys.wire import Answer, Connection
from bench.wrk import Request
from tests.support.proxies import PROXIES, haproxy, nginx
from tests.support.service import patience, service_folder

pytestmark = pytest.mark.long

PAGE, FILE, EXPORT = "/", "/api/v1/results/file", "/api/v1/profiles/me/export"
ADMIN, EXPORT_OF_A_LIST, PROFILES = "/admin/", "/admin/users/user/export/", "/api/v1/profiles"
# One of the files of /docs, which are the largest.
DOCS_FILE = "/static/drf_spectacular_sidecar/redoc/bundles/redoc.standalone.js.map"
# The service takes each for a sign-up, so whoever wants more room than sign-ups have may use any of them. A request for
# a code to another number is one of that number.
CHANGE = "/api/v1/profiles/me/phone"
SIGN_UPS = ("/api/auth/signup", "/api/auth/signup/", "/api/auth/%73ignup", CHANGE, f"{CHANGE}/")
# More than the room for sign-ups, and than the connections that gunicorn accepts besides. HAProxy refuses fewest.
CROWD, REFUSED = 200, 50
# limit_conn of deploy/nginx.conf: for one IPv4 address or IPv6 /64, for a /56, and for a /48.
OF_ONE_ADDRESS, FILES_OF_ONE_ADDRESS = 100, 4
ROOM = {
    "page": ([PAGE], (OF_ONE_ADDRESS, 200, 300)),
    "sign-up": (SIGN_UPS, (25, 50, 75)),
    "results and exports": (
        [FILE, f"{FILE}/", EXPORT, f"{EXPORT}/", EXPORT_OF_A_LIST],
        (FILES_OF_ONE_ADDRESS, 16, 16),
    ),
    "admin": (
        [ADMIN, "/admin/login/", "/%61dmin/users/user/", PROFILES, f"{PROFILES}/?ordering=created_at"],
        (10, 40, 40),
    ),
    "docs": ([DOCS_FILE], (10, 40, 40)),
    "receipts": (["/sms/receipts/x", "/sms/receipts/y/", "/sms/%72eceipts/x"], (10, 40, 40)),
}
# Addresses of one client, and the place of its room in ROOM.
NETWORKS = {
    "IPv4": (["192.0.2.1"], 0),
    "IPv6 /64": ([f"2001:db8:0:a::{number:x}" for number in range(1, 99)], 0),
    "IPv6 /56": ([f"2001:db8:0:a{number:02x}::1" for number in range(256)], 1),
    "IPv6 /48": ([f"2001:db8:0:{number:x}00::1" for number in range(1, 256)], 2),
}
# Large files of all clients together, behind nginx, which keeps on disk what they read.
ALL_FILES = 200
# Of one address, in deploy/haproxy.cfg.
CONNECTIONS = 500
# Connections beyond these. HAProxy's threads look at connections at the same moment: they refuse a few more or fewer.
SURPLUS, INEXACT = 50, 20
# Of all clients together, behind Caddy, which holds what they read in memory.
LARGE_FILES = 64
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"


class Held:
    """A service whose responses, but those to probes, wait until it is released."""

    def __init__(self) -> None:
        self.released = asyncio.Event()
        self.asked = asyncio.Semaphore(0)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            if length := re.search(rb"content-length: (\d+)", head, re.IGNORECASE):
                await reader.readexactly(int(length[1]))
            if b" /readyz " not in head:
                self.asked.release()
                await self.released.wait()
            writer.write(OK)
            await writer.drain()
        writer.close()


class Crowd:
    """Clients, each at an address of its own unless they share this one."""

    def __init__(self, port: int, address: str = "") -> None:
        self.port, self.address, self.number = port, address, 0

    async def call(self, path: str, **headers: str) -> Answer:
        self.number += 1
        connection = Connection(self.port, self.address or f"127.0.1.{self.number}")
        body = "{}" if path in SIGN_UPS else ""
        answer = await connection.call(Request(path, headers, body), 20 * patience())
        connection.close()
        return answer


async def crowded(folder: Path, name: str, paths: Sequence[str]) -> tuple[list[Answer], Answer]:
    """The answers to a crowd, and to somebody who opens the page while there is no room for more of these paths."""
    held = Held()
    server = await asyncio.start_server(held.serve, "127.0.0.1", 0, backlog=1024)
    with closing(server), PROXIES[name](folder, server.sockets[0].getsockname()[1]) as port:
        crowd = Crowd(port)
        calls = [asyncio.ensure_future(crowd.call(path)) for path in islice(cycle(paths), CROWD)]
        for answered in islice(asyncio.as_completed(calls), REFUSED):
            await answered
        page = asyncio.ensure_future(crowd.call(PAGE))
        await asyncio.wait([page], timeout=0.3)
        held.released.set()
        return await asyncio.gather(*calls), await page


def check_refusal(answer: Answer) -> None:
    """It is the service's own problem, with a moment to come back."""
    problem = answer.json
    assert (answer.status, problem["status"], problem["code"]) == (503, 503, "unavailable")
    assert b"\r\ncontent-type: application/problem+json\r\n" in answer.head.lower()
    assert re.search(rb"\r\nretry-after: %d\r\n" % problem["retry_after"], answer.head.lower())
    assert 2 <= problem["retry_after"] <= 20


@pytest.mark.parametrize("name", PROXIES)
def test_whoever_finds_no_room_is_told_when_to_come_back(name: str) -> None:
    with service_folder() as folder:
        answers, page = asyncio.run(crowded(folder, name, SIGN_UPS))

    refused = [answer for answer in answers if answer.status != 200]
    assert REFUSED <= len(refused) < CROWD / 2
    for answer in refused:
        check_refusal(answer)
    assert len({answer.json["retry_after"] for answer in refused}) > 2, "all would come back in the same second"
    assert page.status == 200, "there is more room for all but sign-ups"


@pytest.mark.parametrize(
    "paths", [[DOCS_FILE, FILE], [EXPORT, f"{EXPORT}/", "/api/v1/profiles/me/%65xport"]], ids=["files", "exports"]
)
def test_large_files_take_little_memory_of_caddy(paths: list[str]) -> None:
    with service_folder() as folder:
        answers, page = asyncio.run(crowded(folder, "caddy", paths))

    answered = [answer.status for answer in answers].count(200)
    assert LARGE_FILES <= answered <= LARGE_FILES + 4, "Caddy counts before it sends, so a few more may pass at once"
    assert page.status == 200


async def called_from_one_client(folder: Path, paths: list[str], addresses: list[str], refused: int) -> list[Answer]:
    """The answers to requests for these paths, one after the other, from these addresses of one client."""
    held = Held()
    server = await asyncio.start_server(held.serve, "127.0.0.1", 0, backlog=1024)
    with closing(server), nginx(folder, server.sockets[0].getsockname()[1], claimed_by="Client") as port:
        crowd = Crowd(port, "127.0.2.1")
        clients = zip(paths, cycle(addresses), strict=False)
        calls = [asyncio.ensure_future(crowd.call(path, Client=address)) for path, address in clients]
        for answered in islice(asyncio.as_completed(calls), refused):
            await answered
        held.released.set()
        return await asyncio.gather(*calls)


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("kind", ROOM)
def test_client_with_too_many_requests_is_told_when_to_come_back(kind: str, network: str) -> None:
    (paths, rooms), (addresses, place) = ROOM[kind], NETWORKS[network]
    with service_folder() as folder:
        asked = list(islice(cycle(paths), rooms[place] + 5))
        answers = asyncio.run(called_from_one_client(folder, asked, addresses, 5))

    refused = [answer for answer in answers if answer.status != 200]
    assert len(refused) == 5
    for answer in refused:
        check_refusal(answer)


def test_clients_of_other_networks_have_room_of_their_own() -> None:
    others = ["192.0.2.1", "192.0.2.2", "2001:db8:0:a::1", "2001:db8:0:b::1", "::ffff:192.0.2.3", "::ffff:192.0.2.4"]
    with service_folder() as folder:
        asked = [FILE] * FILES_OF_ONE_ADDRESS * len(others)
        answers = asyncio.run(called_from_one_client(folder, asked, others, 0))

    assert [answer.status for answer in answers] == [200] * len(asked)


def test_clients_fill_only_a_part_of_the_disk() -> None:
    clients = [f"192.0.2.{number}" for number in range(1, ALL_FILES // FILES_OF_ONE_ADDRESS + 3)]
    with service_folder() as folder:
        asked = [FILE] * (ALL_FILES + 5)
        answers = asyncio.run(called_from_one_client(folder, asked, clients, 5))

    assert [answer.status for answer in answers].count(200) == ALL_FILES


async def called_after_hanging_up(folder: Path) -> Answer:
    """The answer to a client that has hung up on as many requests as it has room for."""
    held = Held()
    server = await asyncio.start_server(held.serve, "127.0.0.1", 0, backlog=1024)
    with closing(server), nginx(folder, server.sockets[0].getsockname()[1]) as port:
        for _ in range(OF_ONE_ADDRESS):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(Request(PAGE).raw(port))
            await held.asked.acquire()
            writer.close()
            await writer.wait_closed()
        answer = await Crowd(port, "127.0.0.1").call(PAGE)
        held.released.set()
        return answer


def test_client_that_hangs_up_has_no_more_room() -> None:
    with service_folder() as folder:
        check_refusal(asyncio.run(called_after_hanging_up(folder)))


async def is_refused(client: socket.socket) -> bool:
    """Wait until HAProxy ends this connection. It says nothing to those that it refuses, and 408 to idle ones."""
    client.setblocking(False)
    with suppress(ConnectionResetError):
        return not await asyncio.get_running_loop().sock_recv(client, 1)
    return True


async def called_beside_many_connections(folder: Path) -> tuple[int, Answer]:
    """How many connections of one client HAProxy refuses, and the answer to another client."""
    held = Held()
    held.released.set()
    server = await asyncio.start_server(held.serve, "127.0.0.1", 0)
    with closing(server), haproxy(folder, server.sockets[0].getsockname()[1]) as port, ExitStack() as stack:
        here = ("127.0.0.1", port)
        opened = [
            stack.enter_context(socket.create_connection(here, source_address=("127.0.2.1", 0)))
            for _ in range(CONNECTIONS + SURPLUS)
        ]
        ended = [asyncio.ensure_future(is_refused(client)) for client in opened]
        for end in islice(asyncio.as_completed(ended), SURPLUS - INEXACT):
            await end
        answer = await Crowd(port).call(PAGE)
        refused = sum(end.done() and end.result() for end in ended)
        for end in ended:
            end.cancel()
        return refused, answer


def test_client_opens_only_a_part_of_all_connections() -> None:
    with service_folder() as folder:
        refused, answer = asyncio.run(called_beside_many_connections(folder))

    assert abs(refused - SURPLUS) <= INEXACT
    assert answer.status == 200
