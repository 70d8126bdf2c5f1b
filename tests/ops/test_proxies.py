"""Slow, silent and oversized clients, through the proxies of deploy/ and on gunicorn's own port."""

import http.client
import json
import re
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing

import psycopg
import pytest
from django.conf import settings

from tests.support.proxies import BUFFERING, PROXIES
from tests.support.service import Service, patience, ready_service, service_folder

# More than the connections that gunicorn accepts, so that each drill would stop it if they reached it.
CLIENTS = 64

LIMIT = settings.BODY_MAX_BYTES
ENDLESS_HEAD = b"GET /livez HTTP/1.1\r\n" + b"X: y\r\n" * 10_000
HEAD = b"POST /api/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    # haproxy.cfg counts on the connections of two web processes.
    with ready_service(WEB_WORKERS="2", TRUSTED_PROXIES="1") as started:
        yield started


@pytest.fixture(scope="module", params=PROXIES)
def proxy(service: Service, request: pytest.FixtureRequest) -> Iterator[int]:
    """The port of each proxy in front of the service."""
    with service_folder() as folder, PROXIES[request.param](folder, service.port) as port:
        yield port


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def send(port: int, *parts: bytes) -> bytes:
    """The whole response to these parts. Each part is sent after the response to the one before."""
    with closing(connected(port)) as client:
        answers = b""
        for part in parts:
            client.sendall(part)
            answers += client.recv(65536)
        return answers + b"".join(iter(lambda: client.recv(65536), b""))


def status(port: int, path: str) -> int:
    with closing(http.client.HTTPConnection("localhost", port, timeout=10)) as client:
        client.request("GET", path)
        return client.getresponse().status


def chunked(body: bytes, size: int = 1000) -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


STALLED = {
    "nothing": b"",
    "half a head": HEAD,
    "half a body": HEAD + b"Content-Length: 20\r\n\r\n{",
    "a padded length": HEAD + b"Content-Length: " + b"0" * 100 + b"20\r\n\r\n{",
    "blank lines": b"\r\n\r\nPOST",
    # Answered, and never closed by the client.
    "a whole request": b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    "almost a whole body": HEAD + b"Content-Length: 65000\r\n\r\n" + b" " * 64_000,
    "a body too large": HEAD + b"Content-Length: 100000\r\n\r\n{",
    "a body of unknown size": HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{",
}


@pytest.mark.parametrize("sent", STALLED.values(), ids=STALLED)
def test_client_that_stalls_delays_nobody(proxy: int, sent: bytes) -> None:
    with ExitStack() as stack:
        for _ in range(CLIENTS):
            client = stack.enter_context(closing(connected(proxy)))
            client.sendall(sent)

        started = time.monotonic()
        answers = [status(proxy, "/livez") for _ in range(3)]

    assert answers == [200] * 3
    assert time.monotonic() - started < 9  # the proxies wait for ten


@pytest.mark.parametrize("proxy", BUFFERING, indirect=True)
def test_client_that_reads_slowly_delays_nobody(service: Service, proxy: int) -> None:
    files = [file for file in (service.data / "static").rglob("*") if file.is_file()]
    # Fewer clients at once get those of /docs.
    open_to_all = [file for file in files if "drf_spectacular_sidecar" not in file.parts]
    largest = max(open_to_all, key=lambda file: file.stat().st_size).relative_to(service.data)
    with ExitStack() as stack:
        for _ in range(CLIENTS):
            client = stack.enter_context(closing(socket.socket()))
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
            client.settimeout(10)
            client.connect(("127.0.0.1", proxy))
            # Several, since the system's own buffers take most of one response.
            client.sendall(16 * f"GET /{largest} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            assert client.recv(12) == b"HTTP/1.1 200"

        started = time.monotonic()
        answers = [status(proxy, "/livez") for _ in range(3)]

    assert answers == [200] * 3
    assert time.monotonic() - started < 4 * patience()


def received(client: socket.socket) -> bytes:
    """One answer with its body, which may come in several pieces."""
    answer, missing = b"", True
    while missing and (piece := client.recv(65536)):
        answer += piece
        head, ended, body = answer.partition(b"\r\n\r\n")
        length = re.search(rb"\r\ncontent-length: (\d+)", head, re.IGNORECASE)
        missing = not ended or bool(length and len(body) < int(length[1]))
    return answer


@pytest.mark.parametrize(
    "sent",
    [
        HEAD + b"Content-Length: %d\r\n\r\n" % (LIMIT + 1) + b" " * (LIMIT + 1),
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(b" " * (LIMIT + 1)),
        HEAD + b"Expect: 100-continue\r\nContent-Length: 100000\r\n\r\n",
    ],
    ids=["too large", "too large in chunks", "too large, and not sent before 100"],
)
def test_body_over_the_limit_is_refused_as_a_problem(proxy: int, sent: bytes) -> None:
    with closing(connected(proxy)) as client:
        client.sendall(sent)
        answer = received(client)
        if answer.startswith(b"HTTP/1.1 100 "):
            client.sendall(b" " * 100_000)
            answer = received(client)

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"\r\ncontent-type: application/problem+json\r\n" in answer.lower()
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "payload_too_large"


# HAProxy waits for as much as its buffer holds, and forwards nothing of it either.
@pytest.mark.parametrize("proxy", ["nginx", "caddy"], indirect=True)
def test_length_over_the_limit_is_refused_before_the_body_is_sent(proxy: int) -> None:
    with closing(connected(proxy)) as client:
        client.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % (LIMIT + 1))
        answer = received(client)

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "payload_too_large"


@pytest.mark.parametrize(
    "sent",
    [
        HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % LIMIT + b" " * LIMIT,
        HEAD + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b" " * LIMIT),
    ],
    ids=["a length", "chunks"],
)
def test_body_up_to_the_limit_reaches_the_service(proxy: int, sent: bytes) -> None:
    answer = send(proxy, sent)

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"This is not JSON: see line 1, column %d." % (LIMIT + 1) in answer


def test_request_in_pieces_is_read_as_one(proxy: int) -> None:
    body = b'{"code": "x"}'
    request = HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)

    with closing(connected(proxy)) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in request:
            client.send(bytes([byte]))
        answer = b"".join(iter(lambda: client.recv(65536), b""))

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1") == 1


def test_client_that_expects_100_is_told_to_continue(proxy: int) -> None:
    head = HEAD + b"Connection: close\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"

    answers = send(proxy, head, b"{}")

    assert answers.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 400 ")


def test_endless_head_is_refused(proxy: int) -> None:
    with closing(connected(proxy)) as client:
        client.sendall(ENDLESS_HEAD)
        answer = client.recv(65536)

    assert re.match(rb"HTTP/1.1 (400|431) ", answer)


@pytest.mark.parametrize(
    "sent", [ENDLESS_HEAD, HEAD + b"Content-Length: 100000\r\n\r\n"], ids=["a head without end", "a body too large"]
)
@pytest.mark.parametrize("through_proxy", [True, False], ids=["proxy", "port"])
def test_client_that_disconnects_ends_no_process(
    proxy: int, service: Service, sent: bytes, through_proxy: bool
) -> None:
    web = service.part("gunicorn")
    assert web is not None
    processes = web.children()
    for _ in range(5):
        with closing(connected(proxy if through_proxy else service.port)) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closes by a reset
            client.sendall(sent)

    assert service.answers("/livez") == 200
    assert web.children() == processes


def test_address_that_a_client_claims_is_not_believed(proxy: int, service: Service) -> None:
    body = json.dumps({"phone": f"99951{proxy:05}"})
    headers = {"Content-Type": "application/json", "X-Forwarded-For": "192.0.2.66"}
    with closing(http.client.HTTPConnection("localhost", proxy, timeout=10)) as client:
        client.request("POST", "/api/auth/signup", body, headers)
        assert client.getresponse().status == 200

    with psycopg.connect(**service.database) as database:
        addresses = database.execute("SELECT DISTINCT host(address) FROM users_challenge").fetchall()
    assert addresses == [("127.0.0.1",)]


@pytest.mark.parametrize(
    ("head", "body", "answer"),
    [
        (b"Content-Length: %d" % LIMIT, b" " * LIMIT, b"400"),
        (b"Content-Length: %d" % (LIMIT + 1), b"", b"413"),
        (b"Transfer-Encoding: chunked", chunked(b" " * LIMIT), b"400"),
        (b"Transfer-Encoding: chunked", chunked(b" " * (LIMIT + 1)), b"413"),
    ],
    ids=["64 KB", "more", "64 KB in chunks", "more in chunks"],
)
def test_gunicorns_port_has_the_body_limit_too(service: Service, head: bytes, body: bytes, answer: bytes) -> None:
    got = send(service.port, HEAD + b"Connection: close\r\n" + head + b"\r\n\r\n" + body)

    assert got.startswith(b"HTTP/1.1 " + answer)
