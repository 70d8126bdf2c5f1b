"""A provider's HTTP API on this machine: it answers what a test says, and records what it is asked."""

import socket
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event
from urllib.parse import parse_qsl, urlsplit


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
    # `whole`; `cut` ends in the middle of the body; `silent` says nothing; `reset` ends before a status line.
    manner: str = "whole"


class Peer(ThreadingHTTPServer):
    """Answers every request with `reply`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.reply = Reply()
        self.asked: list[Asked] = []
        # `running` of http_gateway sets it at the end, so that a silent request ends.
        self.answers = Event()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    def handle_error(self, *args: object) -> None:
        """Print nothing when a client closes the connection."""


class Handler(BaseHTTPRequestHandler):
    server: Peer
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        self.server.asked.append(Asked(self.command, url.path, query, dict(self.headers), body))
        reply = self.server.reply
        if reply.manner == "silent":
            self.server.answers.wait()
        if reply.manner in ("silent", "reset"):
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

    do_GET = do_POST = do_PUT = answer

    def log_message(self, *args: object) -> None:
        """Print nothing."""
