"""Load on a server: so many connections, each sending its next request when the last one was answered.

By wrk where it is on the PATH, which costs the machine least; else by aiohttp. Both send the same requests and tell
the same of them.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import shutil
import subprocess
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bench.machine import percentile

if TYPE_CHECKING:
    import aiohttp  # where it is used: only `make bench` installs it

SCRIPT = Path(__file__).with_suffix(".lua")
TIMEOUT_SECONDS = 30.0
# After which a connection is not used again: less than servers keep one, so that none is closed just then.
IDLE_SECONDS = 3.0


@dataclass(frozen=True)
class Request:
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    # JSON; with one it is a POST.
    body: str = ""

    @property
    def method(self) -> str:
        return "POST" if self.body else "GET"

    @property
    def all_headers(self) -> dict[str, str]:
        return self.headers | ({"Content-Type": "application/json"} if self.body else {})

    def raw(self, port: int) -> bytes:
        """As it goes over the wire."""
        body = self.body.encode()
        lines = [f"{self.method} {self.path} HTTP/1.1", f"Host: localhost:{port}"]
        lines += [f"{name}: {value}" for name, value in self.all_headers.items()]
        lines += [f"Content-Length: {len(body)}"] if body else []
        return "\r\n".join([*lines, "", ""]).encode() + body


@dataclass
class Deck:
    """Requests in a fixed order: those that are good once are each sent once, the others again and again."""

    requests: list[Request]
    once: bool = False
    dealt: int = 0

    @property
    def left(self) -> list[Request]:
        return self.requests[self.dealt :] if self.once else self.requests

    def deal(self) -> Request | None:
        """The next one, or None if a deck that is good once is through."""
        if self.once and self.dealt >= len(self.requests):
            return None
        self.dealt += 1
        return self.requests[(self.dealt - 1) % len(self.requests)]


@dataclass
class Outcome:
    """What came of a load. Latencies are milliseconds."""

    seconds: float
    requests: int
    # Answers other than 2xx.
    refused: int
    # Connections that were refused, broken or silent.
    errors: int
    p50: float | None
    p99: float | None
    # There were too few requests that are good once, so some were sent again or the load ended early.
    exhausted: bool = False

    @property
    def per_second(self) -> float:
        return (self.requests - self.refused) / self.seconds

    @property
    def comparable(self) -> bool:
        """Whether the rate is the server's, not bounded by what was asked or flattered by refusals."""
        return not self.exhausted and self.refused + self.errors <= self.requests / 100

    @property
    def clean(self) -> bool:
        return not (self.refused or self.errors or self.exhausted)


def run(port: int, deck: Deck, *, connections: int, seconds: float) -> Outcome:
    """Load the server on this port of the loopback network. Raises RuntimeError if no load could be made."""
    if not deck.left:
        return Outcome(seconds, 0, 0, 0, None, None, exhausted=True)
    if shutil.which("wrk"):
        return _wrk(port, deck, connections, seconds)
    return asyncio.run(_aiohttp(port, deck, connections, seconds))


def _wrk(port: int, deck: Deck, connections: int, seconds: float) -> Outcome:
    requests = deck.left
    with tempfile.NamedTemporaryFile() as file:
        for request in requests:
            raw = request.raw(port)
            file.write(b"%d\n%s\n" % (len(raw), raw))
        file.flush()
        command = [
            "wrk",
            "-t1",
            f"-c{connections}",
            f"-d{max(1, round(seconds))}s",
            f"--timeout={TIMEOUT_SECONDS:.0f}s",
        ]
        command += ["-s", str(SCRIPT), f"http://127.0.0.1:{port}/", "--", file.name]
        said = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 2 * TIMEOUT_SECONDS)
    outcome, issued = parse(said.stdout, said.stderr)
    if deck.once:
        outcome.exhausted = issued > len(requests)
        deck.dealt += min(issued, len(requests))
    return outcome


def parse(stdout: str, stderr: str = "") -> tuple[Outcome, int]:
    """What wrk and its script say, and how many requests were begun. Raises RuntimeError if there is no such line."""
    for line in stdout.splitlines():
        if line.startswith("{"):
            told = json.loads(line)
            issued = told.pop("issued")
            return Outcome(**told), issued
    raise RuntimeError(f"wrk made no load: {stdout} {stderr}")


async def _aiohttp(port: int, deck: Deck, connections: int, seconds: float) -> Outcome:
    waits: list[float] = []
    failed = {"refused": 0, "errors": 0}
    started = time.monotonic()

    async def client() -> None:
        while time.monotonic() < started + seconds and (request := deck.deal()):
            sent = time.monotonic()
            status, _ = await call(session, port, request)
            waits.append((time.monotonic() - sent) * 1000)
            if not 200 <= status < 300:
                failed["refused" if status else "errors"] += 1

    async with session_of(connections) as session:
        await asyncio.gather(*(client() for _ in range(connections)))
    took = time.monotonic() - started
    answered = len(waits) - failed["errors"]
    exhausted = deck.once and not deck.left
    return Outcome(
        took, answered, **failed, p50=percentile(waits, 0.5), p99=percentile(waits, 0.99), exhausted=exhausted
    )


def once(port: int, request: Request) -> tuple[int, str]:
    """Send one request on a connection of its own; status and body of its answer."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)) as connection:
        connection.request(request.method, request.path, request.body or None, request.all_headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def session_of(connections: int) -> aiohttp.ClientSession:
    """A client that keeps up to so many connections open."""
    import aiohttp

    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections, keepalive_timeout=IDLE_SECONDS),
        timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
    )


async def call(session: aiohttp.ClientSession, port: int, request: Request) -> tuple[int, bytes]:
    """Status and body of the answer; 0 without one."""
    import aiohttp

    try:
        async with session.request(
            request.method,
            f"http://127.0.0.1:{port}{request.path}",
            headers=request.all_headers,
            data=request.body or None,
        ) as answer:
            return answer.status, await answer.read()
    except (aiohttp.ClientError, TimeoutError):
        return 0, b""
