"""An SMS gateway on this machine: a JSON webhook that keeps every SMS for the owner of the phone."""

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
    # time.monotonic() of its arrival.
    at: float


class Inboxes:
    """The SMS of each phone, oldest first, whichever gateway delivered them."""

    def __init__(self) -> None:
        self.of: defaultdict[str, list[Sms]] = defaultdict(list)

    def wait(self, phone: str, count: int, seconds: float = 20.0) -> list[Sms]:
        """The phone's messages, as soon as there are `count`. Raises TimeoutError."""
        deadline = time.monotonic() + seconds
        while len(self.of[phone]) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(self.of[phone])} of {count} SMS have arrived")
            time.sleep(0.01)
        return list(self.of[phone])


class FakeGateway(ThreadingHTTPServer):
    """Delivers, unless it is `down` (answers 503) or `hanging` (accepts the message and never answers)."""

    daemon_threads = True
    request_queue_size = 1024
    down = False
    hanging = False
    # The time that each SMS takes.
    seconds = 0.0
    # GET requests, which no gateway receives: for example for a key that a forged token names.
    fetched = 0

    def __init__(self, inboxes: Inboxes, address: str) -> None:
        super().__init__((address, 0), Handler)
        self.inboxes = inboxes
        self.stopping = Event()
        self.url = f"json://{address}:{self.server_port}/sms?:to={{phone}}"

    def handle_error(self, *args: object) -> None:
        """Say nothing about clients that close the connection early."""


class Handler(BaseHTTPRequestHandler):
    server: FakeGateway

    def do_POST(self) -> None:
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.server.hanging:
            self.server.stopping.wait(30)
            return
        if not self.server.down:
            text = message["message"]
            sms = Sms(text.rpartition("#")[2].strip(), text, time.monotonic())
            self.server.inboxes.of[message["to"]].append(sms)
        time.sleep(self.server.seconds)
        self.send_response(503 if self.server.down else 200)
        self.end_headers()

    def do_GET(self) -> None:
        self.server.fetched += 1
        self.send_error(404)

    def log_message(self, *args: object) -> None:
        """Print nothing."""


@contextmanager
def running(inboxes: Inboxes | None = None, address: str = "127.0.0.1") -> Iterator[FakeGateway]:
    with FakeGateway(inboxes or Inboxes(), address) as gateway:
        thread = Thread(target=gateway.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield gateway
        gateway.stopping.set()
        gateway.shutdown()
        thread.join()
