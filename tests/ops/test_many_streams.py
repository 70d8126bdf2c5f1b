"""One client that begins as many requests as its connections allow, over TLS, through the proxies of deploy/."""

import socket
import socketserver
import ssl
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Condition, Thread
from typing import Any

import psutil
import pytest

from tests.support.ports import free_port
from tests.support.proxies import PROXIES, haproxy, nginx
from tests.support.service import service_folder

# Of one address: less than the firewall and deploy/haproxy.cfg allow.
CONNECTIONS = 100
MOST_STREAMS = 250
# One request on each of 100 connections takes a sixth of it.
MOST_BYTES = 30 * 2**20

# A header of 4 KB, kept in the table of HPACK, and the byte that stands for it from then on (RFC 7541, 6.1 and 6.2.1).
LONG_HEADER = b"\x40\1a\x7f\xa1\x1e" + 4000 * b"x"
AGAIN = b"\xbe"
# As many of them as nginx takes in one request.
LONG_HEADERS = 7

# Of those that read nothing, and how often each asks for five responses.
SLOW_READERS = 30
ROUNDS = 20
# Any buffer takes it whole.
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\nConnection: close\r\n\r\n" + 100_000 * b"x"

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADERS, SETTINGS, DATA, WINDOW_UPDATE, END_HEADERS, END_STREAM, ACK = 1, 4, 0, 8, 4, 1, 1
MAX_CONCURRENT_STREAMS = 3
HEAD = {
    ":method": "POST",
    ":scheme": "https",
    ":path": "/api/auth/login",
    ":authority": "localhost",
    "content-type": "application/json",
    "content-length": "60000",
}
# The same without HTTP/2.
PLAIN = b"POST /api/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\nx"


def frame(kind: int, flags: int, stream: int, content: bytes = b"") -> bytes:
    return len(content).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + content


def packed(head: dict[str, str]) -> bytes:
    """The fields in HPACK, none of them indexed or compressed (RFC 7541, 6.2.2)."""
    parts = [part.encode() for pair in head.items() for part in pair]
    return b"".join((b"" if place % 2 else b"\0") + bytes([len(part)]) + part for place, part in enumerate(parts))


def stalled(stream: int) -> bytes:
    """A request of which the first byte of the body comes, and no more."""
    return frame(HEADERS, END_HEADERS, stream, packed(HEAD)) + frame(DATA, 0, stream, b"x")


def opened(port: int) -> ssl.SSLSocket:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=10), server_hostname="localhost")


def begin_requests(client: ssl.SSLSocket) -> None:
    if client.selected_alpn_protocol() == "h2":
        client.sendall(PREFACE + frame(SETTINGS, 0, 0) + frame(SETTINGS, ACK, 0))
        client.sendall(b"".join(map(stalled, range(1, 2 * MOST_STREAMS, 2))))
    else:
        client.sendall(PLAIN)


def memory(port: int) -> int:
    """What the program on this port has of the machine's memory, with its processes."""
    [listening] = {each.pid for each in psutil.net_connections("tcp") if each.laddr.port == port and not each.raddr}
    program = psutil.Process(listening)
    parent = program.parent()
    family = [parent, *parent.children()] if parent and parent.name() == program.name() else [program]
    return sum(each.memory_info().rss for each in family)


@pytest.mark.parametrize("name", PROXIES)
def test_stalled_requests_of_one_client_take_little_memory(name: str, certificate: Path) -> None:
    with (
        service_folder() as folder,
        PROXIES[name](folder, free_port(), "localhost", tls=certificate) as port,
        ExitStack() as stack,
    ):
        before = memory(port)
        for _ in range(CONNECTIONS):
            begin_requests(stack.enter_context(opened(port)))
        last = stack.enter_context(opened(port))
        last.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" if last.selected_alpn_protocol() != "h2" else PREFACE)
        last.recv(1)  # by now the proxy has read the others

        assert memory(port) - before < MOST_BYTES


def test_refusals_that_nobody_reads_take_little_memory_of_nginx(certificate: Path) -> None:
    """The others have no HTTP/2. nginx keeps a refused request until the client gives it a window for the refusal."""
    with (
        service_folder() as folder,
        nginx(folder, free_port(), "localhost", tls=certificate) as port,
        ExitStack() as stack,
    ):
        before = memory(port)
        for _ in range(CONNECTIONS):
            begin_requests_without_window(stack.enter_context(opened(port)))
        last = stack.enter_context(opened(port))
        last.sendall(PREFACE)
        last.recv(1)

        assert memory(port) - before < 2 * MOST_BYTES


@pytest.mark.parametrize("name", [name for name in PROXIES if name != "caddy"])  # it keeps the garbage of responses
def test_client_that_reads_nothing_takes_little(name: str, certificate: Path) -> None:
    """It takes little memory, and holds no connection to the service."""
    with (
        Upstream(("127.0.0.1", 0), Closing) as server,
        service_folder() as folder,
        ExitStack() as stack,
    ):
        Thread(target=server.serve_forever, daemon=True).start()
        stack.callback(server.shutdown)
        port = stack.enter_context(PROXIES[name](folder, server.server_address[1], "localhost", tls=certificate))
        before = memory(port)
        clients = [stack.enter_context(opened(port)) for _ in range(SLOW_READERS)]
        for client in clients:
            begin_reading_nothing(client)
        for number in range(ROUNDS):
            for client in clients:
                client.sendall(five_requests(client, number))
            assert server.has_answered(SLOW_READERS)

        assert memory(port) - before < MOST_BYTES


def test_haproxy_takes_no_http_2(certificate: Path) -> None:
    with (
        service_folder() as folder,
        haproxy(folder, free_port(), "localhost", tls=certificate) as port,
        opened(port) as client,
    ):
        assert client.selected_alpn_protocol() == "http/1.1"
        client.sendall(PREFACE + frame(SETTINGS, 0, 0))

        assert client.recv(100).startswith(b"HTTP/1.1 400 ")


def begin_reading_nothing(client: ssl.SSLSocket) -> None:
    """What HTTP/2 allows to be sent is much more than what the sockets take."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
    if client.selected_alpn_protocol() == "h2":
        window, more = b"\0\4" + (2**31 - 1).to_bytes(4), (2**31 - 2**16).to_bytes(4)
        settings = frame(SETTINGS, 0, 0, window) + frame(SETTINGS, ACK, 0)
        client.sendall(PREFACE + settings + frame(WINDOW_UPDATE, 0, 0, more))


def begin_requests_without_window(client: ssl.SSLSocket) -> None:
    """As many at once as the server allows, each with long headers."""
    client.sendall(PREFACE + frame(SETTINGS, 0, 0, b"\0\4" + bytes(4)) + frame(SETTINGS, ACK, 0))
    head = b"".join(client.recv(1) for _ in range(9))
    told = b"".join(client.recv(1) for _ in range(int.from_bytes(head[:3])))
    settings = {told[place + 1]: int.from_bytes(told[place + 2 : place + 6]) for place in range(0, len(told), 6)}
    get = packed({":method": "GET", ":scheme": "https", ":path": "/livez", ":authority": "localhost"})
    for number in range(settings[MAX_CONCURRENT_STREAMS]):
        headers = AGAIN * LONG_HEADERS if number else LONG_HEADER + AGAIN * (LONG_HEADERS - 1)
        client.sendall(frame(HEADERS, END_HEADERS | END_STREAM, 2 * number + 1, get + headers))


def five_requests(client: ssl.SSLSocket, number: int) -> bytes:
    if client.selected_alpn_protocol() != "h2":
        return 5 * b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
    get = packed({":method": "GET", ":scheme": "https", ":path": "/livez", ":authority": "localhost"})
    streams = range(10 * number + 1, 10 * number + 11, 2)
    return b"".join(frame(HEADERS, END_HEADERS | END_STREAM, stream, get) for stream in streams)


class Upstream(socketserver.ThreadingTCPServer):
    """Counts the requests, but no health checks."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.begun = self.open = 0
        self._changed = Condition()

    def count(self, change: int) -> None:
        with self._changed:
            self.begun += change > 0
            self.open += change
            self._changed.notify_all()

    def has_answered(self, requests: int) -> bool:
        """Whether so many have come and none is open, within less than HAProxy gives a client that reads nothing."""
        with self._changed:
            return self._changed.wait_for(lambda: self.begun >= requests and not self.open, timeout=8)


class Closing(socketserver.StreamRequestHandler):
    """Answers a request, and waits until the other side has closed, as gunicorn does with some of them."""

    server: Upstream

    def handle(self) -> None:
        head = b"".join(iter(self.rfile.readline, b"\r\n"))
        counted = b" /readyz " not in head
        self.server.count(counted)
        with suppress(ConnectionError):
            self.wfile.write(RESPONSE)
            self.request.recv(1)
        self.server.count(-counted)
