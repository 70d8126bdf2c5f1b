"""What a provider's server can do to the worker: nothing that lasts."""

import gzip
import os
import threading
from collections.abc import Iterator

import pytest

from tests.support.http_gateway import running
from tests.support.provider_peer import Peer, Reply
from users.sms import gateways, http_api
from users.sms.answers import Answer, Message, Reason

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


def compressed(body: bytes, encoding: str = "gzip") -> Reply:
    return Reply(body=body, headers={"Content-Encoding": encoding})


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (compressed(gzip.compress(b'{"id": "a1"}')), Answer(reference="a1")),
        (compressed(gzip.compress(b'{"id": "a1"}')[:-9]), Answer(Reason.NO_ANSWER)),
        (compressed(gzip.compress(b" " * 100_000_000)), Answer(Reason.NO_ANSWER)),
        (compressed(gzip.compress(gzip.compress(b'{"id": "a1"}')), "gzip, gzip"), Answer(Reason.NO_ANSWER)),
        (compressed(b'{"id": "a1"}'), Answer(Reason.NO_ANSWER)),
        (compressed(os.urandom(100), "br"), Answer(Reason.NO_ANSWER)),
    ],
    ids=["gzip", "cut", "large", "twice", "none", "br"],
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
