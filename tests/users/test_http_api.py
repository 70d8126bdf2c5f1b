"""What a provider's server can do to the worker: nothing that lasts."""

import gzip
import os
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from tests.support.http_gateway import Gateway, running
from tests.support.provider_peer import Peer, Reply
from users.sms import gateways, http_api
from users.sms.answers import Answer, Message, Reason, describe

MESSAGE = Message("+79991234567", "1234 — код", "1234", "77")


@pytest.fixture
def peer() -> Iterator[Peer]:
    yield from running(Peer)


def send(peer: Peer, reply: Reply) -> Answer:
    peer.reply = reply
    return gateways.parse("1 webhook", f"webhook+http://{peer.host}/sms", "").begin(MESSAGE).answer()


def test_server_that_never_ends_its_headers_keeps_no_thread_and_no_connection(
    peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(peer, Reply(body=b'{"id": "1"}'))  # starts the thread of all requests
    monkeypatch.setattr(http_api, "SECONDS", 0.2)
    before = threading.active_count()

    said = [send(peer, Reply(manner="drip")).reason for _ in range(3)]

    assert said == [Reason.NO_ANSWER] * 3
    assert peer.closed.wait(10)
    assert len([thread for thread in threading.enumerate() if thread.name == "http"]) == 1
    assert threading.active_count() <= before + 3  # threads of the server that have not ended yet


class WithCookies(BaseHTTPRequestHandler):
    """Records the cookies of each request, and sends new ones with each answer."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.messages.append({"cookie": self.headers["Cookie"]})  # type: ignore[attr-defined]
        self.send_response(200)
        for number in range(1000):
            self.send_header("Set-Cookie", f"a{len(self.server.messages)}.{number}=1")  # type: ignore[attr-defined]
        self.end_headers()
        self.wfile.write(b'{"id": "1"}')

    def log_message(self, *args: object) -> None:
        """Print nothing."""


def test_cookies_of_answers_are_not_kept() -> None:
    for server in running(lambda: Gateway(WithCookies)):
        gateway = gateways.parse("1 webhook", server.url, "")

        assert [gateway.begin(MESSAGE).answer().reference for _ in range(3)] == ["1"] * 3
        assert server.messages == [{"cookie": None}] * 3
    assert not http_api._client().cookies


class Twice(BaseHTTPRequestHandler):
    """Answers each request twice, and leaves the connection open."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.messages.append({})  # type: ignore[attr-defined]
        body = b'{"id": "a%d"}' % len(self.server.messages)  # type: ignore[attr-defined]
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body) * 2)

    def log_message(self, *args: object) -> None:
        """Print nothing."""


def test_second_answer_to_one_request_is_not_that_to_the_next() -> None:
    for server in running(lambda: Gateway(Twice)):
        gateway = gateways.parse("1 webhook", server.url, "")

        assert [gateway.begin(MESSAGE).answer().reference for _ in range(3)] == ["a1", "a2", "a3"]


@pytest.mark.parametrize(
    "charset", ["undefined", "idna", "punycode", "hex", "utf-7", "unicode_escape", '"a\\0"', "x" * 99]
)
def test_answer_in_any_charset_is_read(charset: str, peer: Peer) -> None:
    reply = Reply(body='{"id": "a1", "said": "ö"}'.encode(), headers={"Content-Type": f"text/plain; charset={charset}"})

    assert send(peer, reply) == Answer(reference="a1")


def test_long_content_type_holds_up_nothing(peer: Peer) -> None:
    reply = Reply(body=b'{"id": "a1"}', headers={"Content-Type": 'text/plain; a="' + ";" * 60_000})

    began_at = time.thread_time()
    assert send(peer, reply) == Answer(reference="a1")
    assert time.thread_time() - began_at < 0.5  # of the thread that sends all SMS; it was three seconds


def test_cause_of_a_missing_connection_is_told(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(host: object, *args: object) -> None:
        name = bytes(host).decode() if isinstance(host, bytes) else host
        raise socket.gaierror(socket.EAI_AGAIN if name == "away.example" else socket.EAI_NONAME, "no")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    hosts = ("https://absent.example", "https://away.example", f"https://{peer.host}", "http://127.0.0.1:9")
    urls = [host.replace("http", "webhook+http", 1) for host in hosts]
    said = [str(gateways.parse("1 webhook", url, "").begin(MESSAGE).answer()) for url in urls]

    assert said == [f"no_connection {cause}" for cause in ("unknown_host", "lookup", "tls", "refused")]
    assert describe(f"1 webhook: {said[0]}; 2 webhook: {said[2]}") == (
        "No. 1 (webhook): no connection (unknown host); No. 2 (webhook): no connection (no TLS)"
    )


UNREADABLE = Answer(Reason.UNREADABLE, code="HTTP 200")


def compressed(body: bytes, encoding: str = "gzip") -> Reply:
    return Reply(body=body, headers={"Content-Encoding": encoding})


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (compressed(gzip.compress(b'{"id": "a1"}')), Answer(reference="a1")),
        (compressed(gzip.compress(b'{"id": "a1"}')[:-9]), Answer(Reason.NO_ANSWER)),
        (compressed(gzip.compress(b" " * 100_000_000)), Answer(Reason.NO_ANSWER)),
        (compressed(gzip.compress(gzip.compress(b'{"id": "a1"}')), "gzip, gzip"), UNREADABLE),
        (compressed(b'{"id": "a1"}'), Answer(Reason.NO_ANSWER)),
        (compressed(os.urandom(100), "br"), UNREADABLE),
        (compressed(b'{"id": "a1"}', "utf-8"), Answer(reference="a1")),
    ],
    ids=["gzip", "cut", "large", "twice", "none", "br", "charset"],
)
def test_compressed_answer_is_read_within_its_limit(reply: Reply, said: Answer, peer: Peer) -> None:
    assert send(peer, reply) == said


def test_reference_that_no_row_can_have_is_stored_without_its_signs(peer: Peer) -> None:
    assert send(peer, Reply(body=b'{"id": "a\\u0000b\\ud800c"}')) == Answer(reference="abc")


@pytest.mark.parametrize(
    "code",
    [
        "1234",
        "+7 999 123-45-67",
        "7.999.123.4567",
        "hunter2",
        "HUNTER2 is wrong",
        "bTpodW50ZXIy",
        "a long sentence about what went wrong with this message",
    ],
)
def test_code_of_an_error_quotes_neither_the_message_nor_a_secret(code: str, peer: Peer) -> None:
    peer.reply = Reply(body=f'{{"error": "{code}"}}'.encode())
    gateway = gateways.parse("1 webhook", f"webhook+http://me:hunter2@{peer.host}/sms", "")

    assert str(gateway.begin(MESSAGE).answer()) == "rejected"


def test_phrase_that_tells_what_is_wrong_is_kept(peer: Peer) -> None:
    assert str(send(peer, Reply(body=b'{"error": "Insufficient Balance"}'))) == "rejected Insufficient Balance"
