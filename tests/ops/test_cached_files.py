"""nginx keeps the files of the page and that of the results, so that a crowd does not ask the service for each."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path

import httpx
import pytest

from bench.journeys.wire import Answer
from tests.ops.test_crowded_proxies import Crowd
from tests.support.proxies import DEPLOY, nginx
from tests.support.service import ready_service, service_folder

pytestmark = pytest.mark.long

FILE = "/static/page/main.js"
RESULTS = "/api/v1/results/file"


class Service:
    """Answers after some seconds with the number of the request, in the coding that is asked for.

    With `later`, all but the first request get this status, and nginx may keep an answer for one second.
    """

    def __init__(self, status: str = "200 OK", seconds: float = 0.0, later: str = "") -> None:
        self.asked: list[str] = []
        self.status, self.seconds, self.later = status, seconds, later

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.asked.append(head)
            body = f"{len(self.asked):04}"
            await asyncio.sleep(self.seconds)
            kept = "Cache-Control: no-store\r\n" if "/api/" in head else ""
            kept += "X-Accel-Expires: 1\r\n" if self.later else ""
            more = f"{kept}Content-Length: 4\r\nX-Request-ID: it\r\nVary: Accept-Encoding\r\nConnection: close"
            writer.write(f"HTTP/1.1 {self.status}\r\nContent-Type: text/plain\r\n{more}\r\n\r\n{body}".encode())
            await writer.drain()
            self.status = self.later or self.status
        writer.close()


@asynccontextmanager
async def in_front_of(service: Service, folder: Path) -> AsyncIterator[int]:
    """The port of nginx in front of this service."""
    server = await asyncio.start_server(service.serve, "127.0.0.1", 0, backlog=1024)
    with closing(server), nginx(folder, server.sockets[0].getsockname()[1]) as port:
        yield port


async def asked(
    folder: Path,
    *requests: tuple[str, str],
    at_once: bool = False,
    status: str = "200 OK",
    seconds: float = 0.0,
    **headers: str,
) -> tuple[list[Answer], Service]:
    """The answers to requests for these paths with these values of Accept-Encoding, and these headers."""
    service = Service(status, seconds)
    async with in_front_of(service, folder) as port:
        crowd = Crowd(port)
        calls = [crowd.call(path, **{"Accept-Encoding": coding}, **headers) for path, coding in requests]
        return (await asyncio.gather(*calls) if at_once else [await call for call in calls]), service


def test_crowd_asks_for_a_file_once() -> None:
    many = [(FILE, "gzip, br"), (f"{FILE}?1", f"gzip;q=1, {'x' * 20}"), (FILE, "deflate, gzip")] * 30

    with service_folder() as folder:
        answers, service = asyncio.run(asked(folder, *many, at_once=True))

    assert len(service.asked) == 1 and "\r\nAccept-Encoding: gzip\r\n" in service.asked[0]
    assert {(answer.status, answer.body) for answer in answers} == {(200, b"0001")}
    ids = {re.search(rb"x-request-id: (\S+)", answer.head.lower()) for answer in answers}
    assert len({found and found[1] for found in ids}) == len(answers)
    assert all(b"vary: accept-encoding" in answer.head.lower() for answer in answers)


def test_crowd_waits_for_the_copy_of_a_busy_service() -> None:
    """Otherwise a small crowd takes all of the room, and the page of those who are refused stays empty."""
    with service_folder() as folder:
        answers, service = asyncio.run(asked(folder, *[(FILE, "gzip")] * 30, at_once=True, seconds=1.5))

    assert len(service.asked) == 1
    assert {(answer.status, answer.body) for answer in answers} == {(200, b"0001")}


@pytest.mark.parametrize(
    "again",
    [
        RESULTS,
        f"{RESULTS}?1",
        f"{RESULTS}/",
        "/api/v1/results/%66ile",
        "/api/v1/results%2ffile",
        "//api/./v1/results/file",
    ],
)
def test_file_of_the_results_is_read_once_by_whoever_asks_for_it_again_and_again(again: str) -> None:
    """Otherwise one client could leave no room for others, or for their exports."""
    with service_folder() as folder:
        answers, service = asyncio.run(asked(folder, (again, ""), (RESULTS, "br"), (again, "x"), at_once=True))

    assert [head.partition("\r\n")[0] for head in service.asked] == [f"GET {RESULTS} HTTP/1.1"]
    assert {(answer.status, answer.body) for answer in answers} == {(200, b"0001")}
    assert all(b"cache-control: no-store" in answer.head.lower() for answer in answers)


async def asked_until_the_copy_is_old(folder: Path, path: str) -> list[Answer]:
    """All answers until the service has been asked twice. It refuses the second request."""
    service, answers = Service(later="503 Service Unavailable"), []
    async with in_front_of(service, folder) as port, asyncio.timeout(30):
        while len(service.asked) < 2:
            answers.append(await Crowd(port).call(path))  # a new one: it has some hundred addresses
    return answers


@pytest.mark.parametrize("path", [FILE, RESULTS])
def test_old_copy_is_better_than_none_while_the_service_is_away(path: str) -> None:
    with service_folder() as folder:
        answers = asyncio.run(asked_until_the_copy_is_old(folder, path))

    assert {(answer.status, answer.body) for answer in answers} == {(200, b"0001")}


def test_nobody_waits_for_others_while_there_are_no_results() -> None:
    with service_folder() as folder:
        answers, service = asyncio.run(asked(folder, *[(RESULTS, "")] * 4, at_once=True, status="404 Not Found"))

    assert len(service.asked) == 1
    assert {(answer.status, answer.body) for answer in answers} == {(404, b"0001")}


@pytest.mark.parametrize(
    ("method", "status", "allowed"),
    [("GET", 404, "*"), ("HEAD", 404, "*"), ("OPTIONS", 200, "https://app.example.org")],
)
def test_pages_of_other_origins_read_the_file_of_the_results(method: str, status: int, allowed: str) -> None:
    asking = {"Origin": "https://app.example.org", "Access-Control-Request-Method": "GET"}
    with (
        ready_service(CORS_ORIGINS=asking["Origin"]) as service,
        service_folder() as folder,
        nginx(folder, service.port) as port,
    ):
        answer = httpx.request(method, f"http://localhost:{port}{RESULTS}", headers=asking)

    assert answer.status_code == status
    assert answer.headers.get_list("Access-Control-Allow-Origin") == [allowed]


@pytest.mark.parametrize("path", [FILE, RESULTS])
def test_service_sees_nothing_else_of_who_asks_first(path: str) -> None:
    """It refuses another host, or a head that is too long. Then there would be no copy, and others would wait."""
    long = {"X-Forwarded-For": "x" * 5000}
    with service_folder() as folder:
        first = (f"http://other.example{path}?{'x' * 5000}", "gzip")
        _, service = asyncio.run(asked(folder, first, Cookie="a=b", Range="bytes=0-1", Any="1", **long))

    [request, *fields] = service.asked[0].strip().split("\r\n")
    sent = dict(field.split(": ", 1) for field in fields)
    assert request == f"GET {path} HTTP/1.1"
    assert sent.keys() == {"Accept-Encoding", "Connection", "Host", "X-Forwarded-For", "X-Forwarded-Proto"}
    assert sent["Host"] == "localhost"
    assert re.fullmatch(r"127\.0\.1\.\d+", sent["X-Forwarded-For"])


def test_codings_have_copies_of_their_own() -> None:
    with service_folder() as folder:
        answers, _ = asyncio.run(asked(folder, (FILE, "gzip"), (FILE, "br"), (FILE, ""), (FILE, "gzip, br")))

    assert [answer.body for answer in answers] == [b"0001", b"0002", b"0002", b"0001"]


@pytest.mark.parametrize(
    "path",
    [
        "/admin/users/user/1/change/..%2f..%2f..%2f..%2f..%2fstatic/page/main.js",
        "/i/../static/page/main.js",
        "/static/page%2fmain.js",
        "/static/page//main.js",
        "/static/./page/main.js",
        "/static/page/main%2ejs",
    ],
)
def test_path_that_can_be_read_in_two_ways_is_neither_kept_nor_answered_with_a_copy(path: str) -> None:
    with service_folder() as folder:
        answers, _ = asyncio.run(asked(folder, (path, "gzip"), (FILE, "gzip"), (path, "gzip"), (FILE, "gzip")))

    assert [answer.body for answer in answers] == [b"0001", b"0002", b"0003", b"0002"]


@pytest.mark.parametrize("path", ["/", "/api/v1/voting", "/staticky"])
def test_nothing_else_is_kept(path: str) -> None:
    with service_folder() as folder:
        answers, _ = asyncio.run(asked(folder, (path, "gzip"), (path, "gzip")))

    assert [answer.body for answer in answers] == [b"0001", b"0002"]


def test_copies_of_the_page_outlive_a_quiet_day() -> None:
    """nginx deletes those that nobody asked for in this time, ten minutes by default. Its clock cannot be set."""
    text = (DEPLOY / "nginx.conf").read_text()

    assert re.search(r"keys_zone=inviting_app_static:[^;#]* inactive=30d\s", text)


async def asked_of_two() -> list[Answer]:
    """The answers to requests for files that only one of two servers has."""
    services = [Service(), Service("404 Not Found")]
    first, second = [await asyncio.start_server(service.serve, "127.0.0.1", 0) for service in services]
    ports = [server.sockets[0].getsockname()[1] for server in (first, second)]
    with closing(first), closing(second), service_folder() as folder, nginx(folder, ports[0], also=ports[1]) as port:
        crowd = Crowd(port)
        return [await crowd.call(f"/static/page/{number}.js") for number in range(4)]


def test_file_of_another_version_comes_from_its_server() -> None:
    """While one host after the other gets a new version. Otherwise the page stays empty."""
    assert [answer.status for answer in asyncio.run(asked_of_two())] == [200] * 4
