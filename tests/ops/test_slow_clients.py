"""Clients that send slowly, nothing or too much, or never close: none of them holds a thread, the process or memory."""

from __future__ import annotations

import json
import select
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from inviting_app.ops.incoming import LARGEST_BODY, LARGEST_HEAD, ROOM, SMALL, Request, awaits_a_word, look
from tests.support.service import Service, prepared_folder, services

THREADS = 2
HEAD = b"POST /api/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with prepared_folder() as folder, services(folder) as make:
        started = make(WEB_WORKERS="1", WEB_THREADS=str(THREADS))
        started.wait_until_ready()
        yield started


def connected(service: Service) -> socket.socket:
    return socket.create_connection(("127.0.0.1", service.port), timeout=10)


def send(service: Service, *parts: bytes) -> bytes:
    """All that is answered to these parts, each sent once the one before was answered, until the server closes."""
    with closing(connected(service)) as client:
        answers = b""
        for part in parts:
            client.sendall(part)
            answers += client.recv(65536)
        return answers + b"".join(iter(lambda: client.recv(65536), b""))


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        HEAD,
        HEAD + b"Content-Length: 20\r\n\r\n{",
        HEAD + b"Content-Length: " + b"0" * 100 + b"20\r\n\r\n{",
        b"\r\n\r\nPOST",
        # Answered, and never closed by the client.
        b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        HEAD + b"Content-Length: 100000\r\n\r\n{",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{",
    ],
    ids=[
        "nothing",
        "half a head",
        "half a body",
        "a padded length",
        "blank lines",
        "a whole request",
        "a body too large",
        "a body of unknown size",
    ],
)
def test_client_that_does_not_go_on_holds_nobody_up(service: Service, sent: bytes) -> None:
    with ExitStack() as stack:
        for _ in range(THREADS + 2):
            client = stack.enter_context(closing(connected(service)))
            client.sendall(sent)

        started = time.monotonic()
        answers = [service.answers("/livez") for _ in range(3)]

    assert answers == [200] * 3
    assert time.monotonic() - started < 5  # they hold on for ten


@pytest.mark.parametrize(
    "sent",
    [
        HEAD + b"Content-Length: 100000\r\n\r\n" + b" " * 100000,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        HEAD + b"Expect: 100-continue\r\nContent-Length: 100000\r\n\r\n",
    ],
    ids=["too large", "of unknown size", "too large, and not sent before a word"],
)
def test_body_that_is_not_wanted_is_refused_in_words(service: Service, sent: bytes) -> None:
    answer = send(service, sent)

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"\r\nConnection: close\r\n" in answer
    assert b'"code": "payload_too_large"' in answer


def test_request_in_pieces_is_one_request(service: Service) -> None:
    body = b'{"code": "x"}'
    request = HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)

    with closing(connected(service)) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in request:
            client.send(bytes([byte]))
        answer = b"".join(iter(lambda: client.recv(65536), b""))

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1") == 1


def test_two_requests_at_once_are_answered_in_order(service: Service) -> None:
    first = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
    second = b"GET /api/nowhere HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

    answers = send(service, first + second)

    assert answers.index(b"HTTP/1.1 200 ") < answers.index(b"HTTP/1.1 404 ")


def test_client_that_waits_to_be_told_so_is_told_to_go_on(service: Service) -> None:
    head = HEAD + b"Connection: close\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"

    answers = send(service, head, b"{}")

    assert answers.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 400 ")


@pytest.mark.parametrize(
    "sent",
    [b"GET /livez HTTP/1.1\r\n" + b"X: y\r\n" * (LARGEST_HEAD // 6), HEAD + b"Content-Length: 100000\r\n\r\n"],
    ids=["a head without end", "a body too large"],
)
def test_client_that_breaks_off_ends_no_process(service: Service, sent: bytes) -> None:
    web = service.part("gunicorn")
    assert web is not None
    (process,) = web.children()
    for _ in range(5):
        with closing(connected(service)) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closes by a reset
            client.sendall(sent)

    assert service.answers("/livez") == 200
    assert web.children() == [process]


def test_head_without_end_is_refused(service: Service) -> None:
    answer = send(service, b"GET /livez HTTP/1.1\r\n" + b"X: y\r\n" * (LARGEST_HEAD // 6))

    assert answer.startswith(b"HTTP/1.1 431 ")
    assert "refused with 431 from ip=127.0.0.1" in service.output


def test_what_cannot_be_read_is_a_problem_and_a_line_of_log(service: Service) -> None:
    answer = send(service, b"GET /livez HTTP/1.1\r\nAuthorization Bearer SECRET\r\n\r\n")

    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"\r\nContent-Type: application/problem+json\r\n" in head
    assert json.loads(body) == {"type": "about:blank", "title": "Bad Request", "status": 400}
    assert "refused with 400 from ip=127.0.0.1: InvalidHeader" in service.output
    assert "SECRET" not in service.output


def test_large_requests_leave_room_for_small_ones(service: Service) -> None:
    head = HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n"
    with closing(connected(service)) as small:
        small.sendall(head % 2 + b"{")
        with ExitStack() as stack:
            large = [
                stack.enter_context(closing(connected(service))) for _ in range(ROOM // (LARGEST_BODY - SMALL) + 9)
            ]
            for client in large:
                client.sendall(head % LARGEST_BODY + b" " * (LARGEST_BODY - 1))
            (refused, *_), _, _ = select.select(large, [], [], 10)
            said = refused.recv(65536)
            small.sendall(b"}")
            answer = small.recv(65536)
            others = service.answers("/livez")

    assert said.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert b"\r\nRetry-After: " in said
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert others == 200
    # And the room is there again.
    service.wait_for(
        lambda: send(service, head % LARGEST_BODY + b" " * LARGEST_BODY).startswith(b"HTTP/1.1 400 "), seconds=5
    )


@pytest.mark.parametrize(
    ("received", "state"),
    [
        (b"", Request.COMING),
        (b"GET / HTTP/1.1\r\nHost: x\r\n", Request.COMING),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", Request.WHOLE),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET", Request.WHOLE),
        (b"POST / HTTP/1.1\r\nCONTENT-length:\t2 \r\n\r\n1", Request.COMING),
        (b"POST / HTTP/1.1\r\nCONTENT-length:\t2 \r\n\r\n12", Request.WHOLE),
        (b"POST / HTTP/1.1\r\n\r\ncontent-length: 9\r\n\r\n", Request.WHOLE),
        (b"POST / HTTP/1.1\r\nContent-Length: %020d\r\n\r\n" % 2, Request.COMING),
        (b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (LARGEST_BODY + 1), Request.REFUSABLE),
        (b"POST / HTTP/1.1\r\nContent-Length: %s\r\n\r\n" % (b"9" * 5000), Request.REFUSABLE),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", Request.REFUSABLE),
        (b"x" * LARGEST_HEAD, Request.ENDLESS),
    ],
)
def test_request_is_whole_when_its_head_says_so(received: bytes, state: Request) -> None:
    assert look(received)[0] is state


@pytest.mark.parametrize(
    ("received", "awaited"),
    [
        (b"POST / HTTP/1.1\r\nHost: x\r\nEXPECT: 100-Continue\r\n\r\n", True),
        (b"POST / HTTP/1.1\r\nHost: x\r\n\r\n", False),
        (b"POST / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n", False),
        (b"POST / HTTP/1.1\r\nExpect: 100-continue\r\n\r\n{", False),
    ],
    ids=["asked for", "not asked for", "in 1.0, which has no such word", "the body comes already"],
)
def test_client_is_told_to_go_on_only_where_it_waits_for_it(received: bytes, awaited: bool) -> None:
    assert awaits_a_word(received) is awaited
