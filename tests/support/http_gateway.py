"""SMS gateways on this machine that use HTTP."""

import base64
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qsl

SID, TOKEN = "AC0123456789abcdef", "t0ken-of-twilio"


class Gateway(ThreadingHTTPServer):
    """A JSON webhook. It records messages, answers with `status`, and hangs while `answers` is not set."""

    daemon_threads = True
    status = 200
    location = ""

    def __init__(self, handler: type[BaseHTTPRequestHandler] | None = None) -> None:
        super().__init__(("127.0.0.1", 0), handler or Webhook)
        self.messages: list[dict[str, Any]] = []
        self.asked, self.answers = Event(), Event()
        self.answers.set()
        self.url = f"json://127.0.0.1:{self.server_port}/sms?:to={{phone}}"

    def handle_error(self, *args: Any) -> None:
        """Print nothing when a client closes the connection."""


class Twilio(Gateway):
    """Accepts requests of Twilio's "Create a Message resource", with the account's basic authentication.

    Apprise's `twilio://` knows one host only. Its `form://` says the same to any other:
    form://SID:TOKEN@host/2010-04-01/Accounts/SID/Messages.json?:To={phone}&:From=+1...&:message=Body&:title=&:version=&:type=
    (a field with an empty name is left out).
    """

    def __init__(self) -> None:
        super().__init__(TwilioMessages)
        self.url = (
            f"form://{SID}:{TOKEN}@127.0.0.1:{self.server_port}/2010-04-01/Accounts/{SID}/Messages.json"
            "?:To={phone}&:From=%2B15005550006&:message=Body&:title=&:version=&:type="
        )


class Webhook(BaseHTTPRequestHandler):
    server: Gateway

    def do_POST(self) -> None:
        self.server.messages.append(self.read(self.rfile.read(int(self.headers["Content-Length"]))))
        self.server.asked.set()
        self.server.answers.wait()
        self.send_response(self.status())
        if self.server.location:
            self.send_header("Location", self.server.location)
        self.end_headers()

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def read(self, body: bytes) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(body)
        return message

    def status(self) -> int:
        return self.server.status

    def log_message(self, *args: Any) -> None:
        """Print nothing."""


class TwilioMessages(Webhook):
    def read(self, body: bytes) -> dict[str, Any]:
        return dict(parse_qsl(body.decode(), keep_blank_values=True))

    def status(self) -> int:
        if self.path != f"/2010-04-01/Accounts/{SID}/Messages.json":
            return 404
        known = base64.b64encode(f"{SID}:{TOKEN}".encode()).decode()
        if self.headers["Authorization"] != f"Basic {known}":
            return 401
        return 201 if self.server.messages[-1].keys() == {"To", "From", "Body"} else 400


def running(made: type[Any] = Gateway) -> Iterator[Any]:
    """Run a server of this class until the test ends. Its event `answers` is set."""
    with made() as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.answers.set()
            server.shutdown()
            thread.join()
