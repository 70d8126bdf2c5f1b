"""A receiver of webhooks on this machine, and endpoints for it."""

import json
import socket
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from ipaddress import ip_network
from threading import Thread
from typing import Any

from standardwebhooks import Webhook as Verifier

from profiles.webhooks import messages, posting
from profiles.webhooks.answers import Answer
from profiles.webhooks.models import Kind, WebhookDelivery, WebhookEndpoint
from profiles.webhooks.sender import POLL_SECONDS, WebhookSender
from tests.support import run_worker
from tests.support.http_gateway import Gateway, Webhook

LOOPBACK = [ip_network("127.0.0.0/8")]


class Receiver(Gateway):
    """Records requests, answers with `status`, and hangs while `answers` is not set. See `Gateway`."""

    def __init__(self) -> None:
        super().__init__(Request)
        self.url = f"http://127.0.0.1:{self.server_port}/hook"

    @property
    def events(self) -> list[dict[str, Any]]:
        """The bodies that came, oldest first."""
        return [json.loads(message["body"]) for message in self.messages]


class Request(Webhook):
    def read(self, body: bytes) -> dict[str, Any]:
        return {"body": body, "path": self.path, **{name.lower(): value for name, value in self.headers.items()}}


def endpoint(url: str, *events: str, **values: Any) -> WebhookEndpoint:
    """An endpoint for these events, or for all."""
    return WebhookEndpoint.objects.create(url=url, events=list(events or Kind.values), **values)


def verified(secret: str, message: dict[str, Any]) -> Any:
    """The event of a recorded request, checked with this secret. Raises WebhookVerificationError."""
    return Verifier(secret).verify(message["body"], message)


def secret_of(target: WebhookEndpoint) -> str:
    return messages.secret(target.nonce)


def deliver(sender: WebhookSender | None = None) -> None:
    """Deliver what is due, as the worker does."""
    sender = sender or WebhookSender()
    while sender._round() or sender._tries:
        sender._wait(POLL_SECONDS)


@contextmanager
def delivering() -> Iterator[WebhookSender]:
    """A sender in a thread of its own, as in the worker."""
    sender = WebhookSender()
    with run_worker.running(sender):
        yield sender


def stored() -> list[tuple[str, dict[str, Any]]]:
    """The kinds and data of all events, oldest first."""
    return list(WebhookDelivery.objects.order_by("pk").values_list("kind", "data"))


@contextmanager
def answering(said: bytes) -> Iterator[str]:
    """The URL of a server that answers one request with these bytes."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            peer, _ = server.accept()
            with peer:
                peer.recv(65536)
                with suppress(OSError):  # it does not read on
                    peer.sendall(said)

        thread = Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        thread.join()


def begin(url: str) -> Future[Answer]:
    """Begin to send a webhook to this URL."""
    return posting.begin(url, {"content-type": "application/json"}, b"{}")


def post(url: str) -> Answer:
    """The answer to a webhook that is sent to this URL."""
    return begin(url).result(posting.SECONDS + 5)
