"""An SMS gateway on this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class Gateway(ThreadingHTTPServer):
    """A JSON webhook: keeps what it is sent, and refuses while `status` says so."""

    daemon_threads = True
    status = 200

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Webhook)
        self.messages: list[dict[str, Any]] = []
        self.url = f"json://127.0.0.1:{self.server_port}/sms?:to={{phone}}"


class Webhook(BaseHTTPRequestHandler):
    server: Gateway

    def do_POST(self) -> None:
        self.server.messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """Nothing on the terminal."""


def running() -> Iterator[Gateway]:
    with Gateway() as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()
