"""An SMS gateway on this machine: a JSON webhook that keeps every SMS for the owner of the phone."""

import time
from collections import defaultdict
from contextlib import contextmanager
from typing import NamedTuple

from tests.support import http_gateway

running = contextmanager(http_gateway.running)


class Sms(NamedTuple):
    code: str
    text: str
    # time.monotonic() of its arrival.
    at: float


def code_of(text: str) -> str:
    """The code in the last line of an SMS."""
    return text.rpartition("#")[2].strip()


class Inboxes:
    """The SMS of each phone, oldest first, whichever gateway delivered them."""

    def __init__(self) -> None:
        self.of: defaultdict[str, list[Sms]] = defaultdict(list)

    def wait(self, phone: str, count: int = 1, seconds: float = 20.0) -> list[Sms]:
        """The phone's messages, as soon as there are `count`. Raises TimeoutError."""
        deadline = time.monotonic() + seconds
        while len(self.of[phone]) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(self.of[phone])} of {count} SMS have arrived")
            time.sleep(0.01)
        return list(self.of[phone])


class FakeGateway(http_gateway.Gateway):
    """Delivers, unless its `status` is not 200, or it hangs because `answers` is clear."""

    request_queue_size = 1024
    # The time that each SMS takes.
    seconds = 0.0
    # GET requests, which no gateway receives: for example for a key that a forged token names.
    fetched = 0

    def __init__(self) -> None:
        super().__init__(Handler)
        self.inboxes = Inboxes()


class Handler(http_gateway.Webhook):
    server: FakeGateway
    protocol_version = "HTTP/1.1"  # it keeps connections, as gateways do

    def do_POST(self) -> None:
        message = self.read(self.rfile.read(int(self.headers["Content-Length"])))
        delivers = self.server.status == 200 and self.server.answers.is_set()
        if delivers:
            sms = Sms(code_of(message["text"]), message["text"], time.monotonic())
            self.server.inboxes.of[message["to"]].append(sms)
        self.server.answers.wait()
        time.sleep(self.server.seconds)
        self.reply(200 if delivers else 503, http_gateway.ACCEPTED if delivers else b"")

    def do_GET(self) -> None:
        self.server.fetched += 1
        self.send_error(404)
