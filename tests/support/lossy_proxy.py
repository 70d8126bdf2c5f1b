"""A network between client and service that loses requests and responses, and whatever else a test wants of it."""

import http.client
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

# Headers of one connection, which are not passed on.
HOP = {"connection", "transfer-encoding", "content-length", "host"}


@dataclass
class LossyProxy:
    """What happens to the requests, and what has happened. `received` counts what the service was asked."""

    service_port: int
    port: int = 0
    received: Counter[str] = field(default_factory=Counter)
    # The probability that a request is lost before the service gets it, and the same after that.
    loss: float = 0.0
    chance: random.Random = field(default_factory=random.Random)
    # Responses that are given instead of the service's, by "METHOD /path": status, headers and body.
    answers: dict[str, list[tuple[int, dict[str, str], bytes]]] = field(default_factory=dict)
    # Whose responses are lost, once for each time that it is listed.
    lose: list[str] = field(default_factory=list)
    # What the service gets instead of an access token, such as an expired one.
    replaced: Callable[[str], str] = str
    lock: Lock = field(default_factory=Lock)

    @property
    def site(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def taken(self, name: str) -> tuple[int, dict[str, str], bytes] | None:
        with self.lock:
            waiting = self.answers.get(name)
            return waiting.pop(0) if waiting else None

    def is_lost(self, name: str = "") -> bool:
        with self.lock:
            if name in self.lose:
                self.lose.remove(name)
                return True
            return self.chance.random() < self.loss

    def forwarded(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, Any, bytes]:
        with self.lock:
            self.received[f"{method} {path.partition('?')[0]}"] += 1
        scheme, _, token = headers.get("Authorization", "").partition(" ")
        if token:
            headers["Authorization"] = f"{scheme} {self.replaced(token)}"
        with closing(http.client.HTTPConnection("127.0.0.1", self.service_port, timeout=30)) as peer:
            peer.request(method, path, body, headers)
            answer = peer.getresponse()
            return answer.status, answer.headers.items(), answer.read()


@contextmanager
def lossy_proxy(service_port: int) -> Iterator[LossyProxy]:
    proxy = LossyProxy(service_port)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            name = f"{self.command} {self.path.partition('?')[0]}"
            if proxy.is_lost():
                self.close_connection = True
                return
            headers = {key: value for key, value in self.headers.items() if key.lower() not in HOP}
            status, given, content = proxy.taken(name) or proxy.forwarded(self.command, self.path, body, headers)
            self.send_response(status)
            for key, value in dict(given).items():
                if key.lower() not in HOP:
                    self.send_header(key, value)
            if status != 204:
                self.send_header("Content-Length", str(len(content)))
            if proxy.is_lost(name):
                content = content[: len(content) // 2]
                self.close_connection = True
                if proxy.chance.random() < 0.5:
                    return  # not even the status arrives
            with suppress(OSError):
                self.end_headers()
                self.wfile.write(content)

        do_POST = do_DELETE = do_GET

        def log_message(self, *args: Any) -> None:
            """Print nothing."""

    class Server(ThreadingHTTPServer):
        request_queue_size = 128

    with Server(("127.0.0.1", 0), Handler) as server:
        proxy.port = server.server_port
        Thread(target=server.serve_forever, daemon=True).start()
        yield proxy
        server.shutdown()
