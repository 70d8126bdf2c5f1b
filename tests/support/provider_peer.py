"""A provider's HTTP API on this machine: it answers what a test says, and records what it is asked.

`providers` beside this file has what each provider answers, as data.
"""

import socket
import tomllib
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import parse_qsl, urlsplit

FOLDER = Path(__file__).with_name("providers")
PAGE = b"<!DOCTYPE html><html><body><h1>Welcome to nginx!</h1> error 7 {id: 1}</body></html>"


@dataclass
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass
class Reply:
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    # `whole`; `cut` ends in the middle of the body; `silent` says nothing; `reset` ends before a status line; `drip`
    # sends headers without an end.
    manner: str = "whole"


# Answers that show of no provider whether the SMS was sent.
BROKEN = {
    "an HTML page": Reply(200, PAGE, {"Content-Type": "text/html"}),
    "an empty body": Reply(200, b""),
    "an empty object": Reply(200, b"{}"),
    "an empty list": Reply(200, b"[]"),
    "half of a JSON text": Reply(200, b'{"id": "12", "status": "o'),
    "a body that ends too early": Reply(200, b'{"id": "12"}', manner="cut"),
    "a connection that ends without an answer": Reply(manner="reset"),
    "a deep JSON text": Reply(200, b"[" * 60_000),
    "a body without an end": Reply(200, b" " * 80_000),
    "a page of a broken server": Reply(500, PAGE, {"Content-Type": "text/html"}),
    "a page of a proxy": Reply(502, PAGE, {"Content-Type": "text/html"}),
    "a proxy that waited": Reply(504, b""),
}


@cache
def played(name: str) -> dict[str, Any]:
    """What this provider is asked and answers."""
    return tomllib.loads((FOLDER / f"{name}.toml").read_text())


def as_reply(answer: dict[str, Any]) -> Reply:
    """An answer of `played`."""
    body = answer.get("body", "").encode(answer.get("encoding", "utf-8"))
    return Reply(answer.get("status", 200), body, answer.get("headers", {"Content-Type": "application/json"}))


class Peer(ThreadingHTTPServer):
    """Answers every request with `reply`."""

    daemon_threads = True
    # As many connections may wait as a worker opens at once. The default is 5, and Linux drops the others for a second.
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.reply = Reply()
        self.asked: list[Asked] = []
        # `running` of http_gateway sets it at the end, so that a silent request ends.
        self.answers = Event()
        # The client has closed the connection of a `drip`.
        self.closed = Event()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    def choose(self, asked: Asked) -> Reply:
        """The answer to this request."""
        self.asked.append(asked)
        return self.reply

    def handle_error(self, *args: object) -> None:
        """Print nothing when a client closes the connection."""


class Handler(BaseHTTPRequestHandler):
    server: Peer
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        reply = self.server.choose(Asked(self.command, url.path, query, dict(self.headers), body))
        if reply.manner == "silent":
            self.server.answers.wait()
        if reply.manner == "drip":
            self.drip()
        if reply.manner in ("silent", "reset", "drip"):
            self.close_connection = True
            return
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.send_header("Connection", "close")  # the next test's server may get the same port
        self.end_headers()
        if reply.manner == "cut":
            self.wfile.write(reply.body[: len(reply.body) // 2])
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        else:
            self.wfile.write(reply.body)

    def drip(self) -> None:
        """Send headers until the client closes the connection."""
        try:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while not self.server.answers.wait(0.01):
                self.wfile.write(b"X-More: 1\r\n")
        except OSError:
            self.server.closed.set()

    do_GET = do_POST = do_PUT = answer

    def log_message(self, *args: object) -> None:
        """Print nothing."""
