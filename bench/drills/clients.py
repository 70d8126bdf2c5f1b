"""Clients that are slow, silent or send too much, through a proxy with a file of deploy/, and what others notice."""

import os
import socket
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

import drf_spectacular_sidecar
import psutil

from bench.clients import addresses
from bench.drills.env import DrillEnv, Row, running

SLOW, IDLE, READERS = 500, 10_000, 100
HELD_SECONDS = 20.0
LARGE = 20_000_000
HEAD = b"POST /api/auth/signup HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
GET = "GET {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def slow_heads() -> Row:
    return _held("Slow heads", f"{SLOW} clients send a head, one byte a second", SLOW, HEAD, b"X")


def slow_bodies() -> Row:
    first = HEAD + b"Content-Length: 3000\r\n\r\n{"
    return _held("Slow bodies", f"{SLOW} clients send a body, one byte a second", SLOW, first, b" ")


def never_close() -> Row:
    what = f"{SLOW} clients are answered with Connection: close, and never close"
    return _held("Never closed", what, SLOW, GET.format("/livez").encode())


def slow_readers() -> Row:
    static = Path(drf_spectacular_sidecar.__file__).parent / "static"
    largest = max(static.rglob("*.js"), key=lambda path: path.stat().st_size).relative_to(static)
    what = f"{READERS} clients with SO_RCVBUF=1024 request a script of 1.5 MB and read 2 kB a second of it"
    return _held("Slow readers", what, READERS, GET.format(f"/static/{largest}").encode(), reads=2000)


def idle() -> Row:
    return _held("Idle connections", f"{IDLE:,} connections that send nothing", IDLE)


def nearly_whole() -> Row:
    fields = b"".join(b"X-%d: %s\r\n" % (number, b"x" * 7000) for number in range(4))
    first = HEAD + fields + b"Content-Length: 65000\r\n\r\n" + b" " * 64_000
    what = f"{IDLE:,} connections that send 92 kB of a request, and not the rest"
    return _held("Nearly whole requests", what, IDLE, first)


def large_bodies() -> Row:
    """All of each body is sent, whatever the server answers meanwhile."""
    with running(proxy=proxy()) as on:
        answers: Counter[str] = Counter()
        with on.load():
            began = time.monotonic()
            for head in (f"Content-Length: {LARGE}", "Transfer-Encoding: chunked"):
                answers.update(f"{head.partition(':')[0]}: {_send_large(on.port, head)}" for _ in range(10))
            note = _noticed(on, began, time.monotonic())
            on.over()
        told = ", ".join(f"{number} × {answer}" for answer, number in answers.items())
        return on.row("20 MB bodies", "10 with Content-Length, 10 in chunks, one after another", told, note)


def _send_large(port: int, head: str) -> str:
    """The status line, or what happened instead."""
    chunk = b"x" * 65536
    sent = 0
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        try:
            client.sendall(HEAD + head.encode() + b"\r\n\r\n")
            while sent < LARGE:
                client.sendall(chunk if "Length" in head else b"10000\r\n" + chunk + b"\r\n")
                sent += len(chunk)
        except OSError:  # the server has answered and closed
            pass
        with suppress(OSError):
            return client.recv(4096).split(b"\r\n")[0].decode().partition(" ")[2] or "closed without an answer"
        return f"reset after {sent / 1e6:.1f} MB"


def _held(name: str, what: str, number: int, first: bytes = b"", then: bytes = b"", reads: int = 0) -> Row:
    """Connections that send `first`, then `then` every second, and read so many bytes every second."""
    with running(proxy=proxy()) as on:
        with on.load():
            with _opened(on.port, number, first, then, reads) as sockets:
                began = time.monotonic()
                time.sleep(HELD_SECONDS)
                notes = [_noticed(on, began, time.monotonic())]
                notes.append(f"{on.memory():.0f} MB meanwhile, and {proxy()} {_memory_of_proxy():.0f} MB")
                still = sum(map(_is_open, sockets))
                notes.append(f"{still:,} of {len(sockets):,} still open after {HELD_SECONDS:.0f} s")
            on.over()
        return on.row(name, what, *notes)


@contextmanager
def _opened(port: int, number: int, first: bytes, then: bytes, reads: int) -> Iterator[list[socket.socket]]:
    sockets: list[socket.socket] = []
    done = Event()
    own = addresses("127.90.0.0/16")
    thread = Thread(target=_go_on, args=(sockets, then, reads, done))
    try:
        for _ in range(number):
            client = socket.socket()
            if reads:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
            client.settimeout(10)
            client.bind((next(own), 0))  # the proxies limit the connections of one address
            client.connect(("127.0.0.1", port))
            sockets.append(client)
            client.sendall(first)
        thread.start()
        yield sockets
    finally:
        done.set()
        if thread.ident:
            thread.join()
        for client in sockets:
            client.close()


def _go_on(sockets: list[socket.socket], then: bytes, reads: int, done: Event) -> None:
    while not done.wait(1):
        for client in sockets:
            client.setblocking(False)
            with suppress(OSError):
                if then:
                    client.send(then)
                if reads:
                    client.recv(reads)


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


def _noticed(on: DrillEnv, began: float, ended: float) -> str:
    """How long others waited for answers before and meanwhile."""
    calls = [call for call in list(on.users.calls) if call.step != "SMS"]
    before = _waits([call.milliseconds for call in calls if call.ended < began])
    meanwhile = _waits([call.milliseconds for call in calls if began <= call.began and call.ended <= ended])
    return f"others' answers, median and slowest: before {before}, meanwhile {meanwhile}"


def _waits(waits: list[float]) -> str:
    return f"{statistics.median(waits):.0f} and {max(waits):.0f} ms" if waits else "none"


def proxy() -> str:
    """The proxy named by `python -m bench.drills --proxy`."""
    return os.environ.get("DRILL_PROXY", "caddy")


def _memory_of_proxy() -> float:
    """MB (PSS) of the proxy that this process started, with its workers."""
    [started] = [each for each in psutil.Process().children() if each.name() == proxy()]
    return sum(each.memory_full_info().pss for each in [started, *started.children(recursive=True)]) / 1e6
