"""SMS gateways on this machine that deliver into people's hands; the attackers never look here."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import NamedTuple


class Sms(NamedTuple):
    code: str
    text: str


class Inboxes:
    """What every phone has received, the oldest first, whichever gateway brought it."""

    def __init__(self) -> None:
        self.of: defaultdict[str, list[Sms]] = defaultdict(list)

    def wait(self, phone: str, count: int, seconds: float = 20.0) -> list[Sms]:
        """The phone's messages, once there are so many. Raises TimeoutError."""
        deadline = time.monotonic() + seconds
        while len(self.of[phone]) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(self.of[phone])} of {count} SMS have arrived")
            time.sleep(0.01)
        return list(self.of[phone])


class Sink(ThreadingHTTPServer):
    """A JSON webhook: delivers, unless it is `down` (answers 503) or `hanging` (takes the message and says nothing)."""

    daemon_threads = True
    request_queue_size = 128
    down = False
    hanging = False
    takes_seconds = 0.0
    # Requests that no gateway gets, such as for a key that a forged token names.
    fetched = 0

    def __init__(self, inboxes: Inboxes, address: str) -> None:
        super().__init__((address, 0), Handler)
        self.inboxes = inboxes
        self.stopping = Event()
        self.url = f"json://{address}:{self.server_port}/sms?:to={{phone}}"

    def handle_error(self, *args: object) -> None:
        """Nothing on the terminal: who hung up is none of our worry."""


class Handler(BaseHTTPRequestHandler):
    server: Sink

    def do_POST(self) -> None:
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.server.hanging:
            self.server.stopping.wait(30)
            return
        time.sleep(self.server.takes_seconds)
        if not self.server.down:
            text = message["message"]
            self.server.inboxes.of[message["to"]].append(Sms(text.rpartition("#")[2].strip(), text))
        self.send_response(503 if self.server.down else 200)
        self.end_headers()

    def do_GET(self) -> None:
        self.server.fetched += 1
        self.send_error(404)

    def log_message(self, *args: object) -> None:
        """Nothing on the terminal."""


@contextmanager
def running(inboxes: Inboxes, address: str = "127.0.0.1") -> Iterator[Sink]:
    with Sink(inboxes, address) as sink:
        thread = Thread(target=sink.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield sink
        sink.stopping.set()
        sink.shutdown()
        thread.join()
