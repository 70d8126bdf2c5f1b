"""A browser that asks nginx for the files of the page over HTTP/2, when the copies are older than some seconds."""

import socketserver
import ssl
import time
from collections import Counter
from pathlib import Path
from threading import Thread

import pytest

from tests.ops.test_many_streams import ACK, END_HEADERS, END_STREAM, HEADERS, PREFACE, SETTINGS, frame, opened, packed
from tests.support.proxies import nginx
from tests.support.service import service_folder

pytestmark = pytest.mark.long

# More than the requests that nginx takes at once on a connection. The page has still more.
FILES = [f"/static/page/{name}.0123456789ab.js" for name in "abcdefghijkl"]
HASHED, SHORT = "max-age=315360000, public, immutable", "max-age=1, public"
# Longer than SHORT, and than the 5 s of deploy/nginx.conf for files whose age the service does not say.
OLD_SECONDS = 6
DATA, RST_STREAM = 0, 3
# As the service when it is busy.
SLOW_SECONDS = 0.3


class Upstream(socketserver.ThreadingTCPServer):
    """Answers the first request for a file at once, and others slowly."""

    daemon_threads = True
    cache_control = HASHED

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.asked: Counter[str] = Counter()


class Answering(socketserver.StreamRequestHandler):
    server: Upstream

    def handle(self) -> None:
        path = self.rfile.readline().decode().split()[1]
        while self.rfile.readline().strip():
            pass
        self.server.asked[path] += 1
        if self.server.asked[path] > 1:
            time.sleep(SLOW_SECONDS)
        cache = f"Cache-Control: {self.server.cache_control}"
        self.wfile.write(f"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n{cache}\r\nConnection: close\r\n\r\n{{}}".encode())


def read(client: ssl.SSLSocket, octets: int) -> bytes:
    found = b""
    while len(found) < octets:
        more = client.recv(octets - len(found))
        assert more, "nginx has closed the connection"
        found += more
    return found


def refused(port: int) -> list[str]:
    """Ask for the files one after the other, on one connection. Returns those that were refused."""
    found = []
    with opened(port) as client:
        client.sendall(PREFACE + frame(SETTINGS, 0, 0) + frame(SETTINGS, ACK, 0))
        for number, path in enumerate(FILES):
            head = {":method": "GET", ":scheme": "https", ":path": path, ":authority": "localhost"}
            client.sendall(frame(HEADERS, END_HEADERS | END_STREAM, 2 * number + 1, packed(head)))
            kind = flags = 0
            while not (kind == RST_STREAM or (kind in (DATA, HEADERS) and flags & END_STREAM)):
                length, kind, flags = int.from_bytes(read(client, 3)), *read(client, 2)
                read(client, 4 + length)
            if kind == RST_STREAM:
                found.append(path)
    return found


@pytest.mark.parametrize("cache_control", [HASHED, SHORT])
def test_old_copies_are_sent_in_full_while_the_service_is_slow(certificate: Path, cache_control: str) -> None:
    """nginx refuses what is more than eight requests. One that gets an old copy must not count for longer than that."""
    with Upstream() as server, service_folder() as folder:
        server.cache_control = cache_control
        Thread(target=server.serve_forever, daemon=True).start()
        with nginx(folder, server.server_address[1], tls=certificate) as port:
            assert not refused(port)
            time.sleep(OLD_SECONDS)

            assert not refused(port)
        server.shutdown()

    assert set(server.asked.values()) == {1 if cache_control == HASHED else 2}
