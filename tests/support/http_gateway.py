"""SMS gateways on this machine that use HTTP."""

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

ACCEPTED = b'{"id": "ref-1"}'


class Gateway(ThreadingHTTPServer):
    """A `webhook`. It records messages, answers with `status` and `answer`, and hangs while `answers` is not set."""

    daemon_threads = True
    # As many connections may wait as a worker opens at once. The default is 5, and Linux drops the others for a second.
    request_queue_size = 128
    status = 200
    answer = ACCEPTED
    headers: dict[str, str] = {}

    def __init__(self, handler: type[BaseHTTPRequestHandler] | None = None) -> None:
        super().__init__(("127.0.0.1", 0), handler or Webhook)
        self.messages: list[dict[str, Any]] = []
        self.asked, self.answers = Event(), Event()
        self.answers.set()
        self.url = f"webhook+http://127.0.0.1:{self.server_port}/sms"

    def handle_error(self, *args: Any) -> None:
        """Print nothing when a client closes the connection."""


class Webhook(BaseHTTPRequestHandler):
    server: Gateway

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        if len(body) < length:
            return  # a killed worker sends a part, which is no message
        self.server.messages.append(self.read(body))
        self.server.asked.set()
        self.server.answers.wait()
        self.reply(self.server.status, self.server.answer)

    def do_GET(self) -> None:
        self.reply(200, b"")

    def reply(self, status: int, body: bytes) -> None:
        self.send_response(status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def read(self, body: bytes) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(body)
        return message

    def log_message(self, *args: Any) -> None:
        """Print nothing."""


def running(made: Callable[[], Any] = Gateway) -> Iterator[Any]:
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
