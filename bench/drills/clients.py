"""Clients that are slow, silent or send too much, through a proxy with a file of deploy/, and what others notice."""

import socket
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Event, Thread

import psutil

from bench import machine
from bench.clients import addresses
from bench.drills.env import DrillEnv, Row, running

HELD_SECONDS = 20.0
LARGE = 20_000_000
# A static file of 1.5 MB.
SCRIPT = "/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js"
HEAD = b"POST /api/auth/signup HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
GET = "GET {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
# 92 kB of a request, whose last thousand bytes are never sent.
UNFINISHED = (
    HEAD
    + b"".join(b"X-%d: %s\r\n" % (number, b"x" * 7000) for number in range(4))
    + b"Content-Length: 65000\r\n\r\n"
    + b" " * 64_000
)


@dataclass(frozen=True)
class Held:
    """Connections that send `first`, then `then` every second, and read so many bytes every second."""

    name: str
    what: str
    number: int
    first: bytes = b""
    then: bytes = b""
    reads: int = 0

    def __call__(self, proxy: str) -> Row:
        with running(proxy=proxy) as on:
            with on.load():
                with self._opened(next(on.ports)) as sockets:
                    began = time.monotonic()
                    time.sleep(HELD_SECONDS)
                    waits = _waits(on, began)
                    memory = f"{on.memory():.0f}, {_memory_of(proxy):.0f}"
                    still = f"{sum(map(_is_open, sockets)):,} of {self.number:,}"
                on.over()
            return on.row(f"{self.name}, {proxy}", self.what, *waits, still, memory)

    @contextmanager
    def _opened(self, port: int) -> Iterator[list[socket.socket]]:
        sockets: list[socket.socket] = []
        done = Event()
        own = addresses("127.90.0.0/16")
        thread = Thread(target=self._go_on, args=(sockets, done))
        try:
            for _ in range(self.number):
                client = socket.socket()
                sockets.append(client)
                if self.reads:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
                client.settimeout(10)
                client.bind((next(own), 0))  # the proxies limit the connections of one address
                client.connect(("127.0.0.1", port))
                client.sendall(self.first)
            thread.start()
            yield sockets
        finally:
            done.set()
            if thread.ident:
                thread.join()
            for client in sockets:
                client.close()

    def _go_on(self, sockets: list[socket.socket], done: Event) -> None:
        while not done.wait(1):
            for client in sockets:
                client.setblocking(False)
                with suppress(OSError):
                    if self.then:
                        client.send(self.then)
                    if self.reads:
                        client.recv(self.reads)


def large_bodies(proxy: str) -> Row:
    """All of each body is sent, whatever the server answers meanwhile."""
    with running(proxy=proxy) as on:
        with on.load():
            began = time.monotonic()
            answers = Counter(_send_large(next(on.ports), chunked) for chunked in [False, True] * 10)
            waits = _waits(on, began)
            on.over()
        told = ", ".join(f"{number} × {answer}" for answer, number in answers.items())
        memory = f"{on.memory():.0f}, {_memory_of(proxy):.0f}"
        return on.row(f"20 MB bodies, {proxy}", f"20 bodies in turn, 10 of them in chunks: {told}", *waits, "", memory)


def _send_large(port: int, chunked: bool) -> str:
    """The status of the answer, or what happened instead."""
    head = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % LARGE
    chunk = b"x" * 65536
    sent = 0
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        with suppress(OSError):  # when the server has answered and closed
            client.sendall(HEAD + head + b"\r\n\r\n")
            while sent < LARGE:
                client.sendall(b"10000\r\n" + chunk + b"\r\n" if chunked else chunk)
                sent += len(chunk)
        with suppress(OSError):
            return client.recv(4096).decode().partition(" ")[2][:3] or "closed without an answer"
        return f"reset after {sent / 1e6:.1f} MB"


def _is_open(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        while got := client.recv(65536):
            pass
        return bool(got)
    except BlockingIOError:
        return True
    except OSError:
        return False


def _waits(on: DrillEnv, began: float) -> list[str]:
    """Median and slowest time in which others were answered, before this time and since."""
    calls = [call for call in list(on.users.calls) if call.step != "SMS"]
    parts = [
        [call.seconds * 1000 for call in calls if call.ended < began],
        [call.seconds * 1000 for call in calls if call.began >= began],
    ]
    return [f"{statistics.median(waits):.0f}, {max(waits):.0f}" if waits else "none" for waits in parts]


def _memory_of(proxy: str) -> float:
    """MB (PSS) of the proxy that this process started, with its workers."""
    return sum(machine.memory(each)[1] for each in psutil.Process().children() if each.name() == proxy)


DRILLS: dict[str, Callable[[str], Row]] = {
    "slow-heads": Held("Slow heads", "500 clients send a byte of a head each second", 500, HEAD, b"X"),
    "slow-bodies": Held(
        "Slow bodies",
        "500 clients send a byte of a body each second",
        500,
        HEAD + b"Content-Length: 3000\r\n\r\n{",
        b" ",
    ),
    "never-close": Held(
        "Never closed", "500 clients do not close after their answer", 500, GET.format("/livez").encode()
    ),
    "slow-readers": Held(
        "Slow readers",
        "100 clients read 2 kB of 1.5 MB each second (SO_RCVBUF=1024)",
        100,
        GET.format(SCRIPT).encode(),
        reads=2000,
    ),
    "idle": Held("Idle connections", "10,000 connections send nothing", 10_000),
    "unfinished": Held("Unfinished requests", "10,000 connections send 92 kB and not the rest", 10_000, UNFINISHED),
    "large-bodies": large_bodies,
}
