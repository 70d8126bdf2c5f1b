"""A resolver that does not answer for one name holds up no other name."""

import socket
from collections.abc import Iterator
from threading import Event
from threading import enumerate as running_threads
from typing import Any

import pytest

from profiles.webhooks import answers, posting
from tests.support.http_gateway import running
from tests.support.provider_peer import Peer, Reply
from tests.support.webhooks import LOOPBACK
from users.sms import gateways, http_api
from users.sms.answers import Answer, Message, Reason
from users.sms.gateways import Gateway

MESSAGE = Message("+79991234567", "1234", "1234", "77")
# More than a worker sends at once, and more than the threads of asyncio's pool on any machine.
MANY = 50


@pytest.fixture
def peer() -> Iterator[Peer]:
    for peer in running(Peer):
        peer.reply = Reply(body=b'{"id": "a1"}')
        yield peer


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The names that were looked up. No answer comes for `dead.example` until the test ends."""
    names: list[str] = []
    ended = Event()

    def resolve(host: Any, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        name = host.decode() if isinstance(host, bytes) else host
        names.append(name)
        if name == "dead.example":
            ended.wait(30)
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    yield names
    ended.set()
    for thread in running_threads():
        if thread.name == "lookup":
            thread.join(5)


def gateway(host: str, peer: Peer) -> Gateway:
    return gateways.parse("1 webhook", f"webhook+http://{host}:{peer.server_port}/sms", "")


def test_name_without_an_answer_does_not_hold_up_another_gateway(
    peer: Peer, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_api, "SECONDS", 1.0)
    dead, live = gateway("dead.example", peer), gateway("live.example", peer)

    waiting = [dead.begin(MESSAGE) for _ in range(MANY)]
    said = live.begin(MESSAGE).answer()

    assert said == Answer(reference="a1")
    assert {one.answer().reason for one in waiting} == {Reason.NO_ANSWER}
    assert dead.begin(MESSAGE).answer().reason == Reason.NO_ANSWER  # the lookup goes on, and is shared
    assert asked.count("dead.example") == 1


def test_name_without_an_answer_does_not_hold_up_another_webhook(
    peer: Peer, asked: list[str], monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.WEBHOOK_PRIVATE_ADDRESSES = LOOPBACK
    monkeypatch.setattr(posting, "SECONDS", 1.0)

    waiting = [posting.begin(f"http://dead.example:{peer.server_port}/", {}, b"") for _ in range(MANY)]
    said = posting.begin(f"http://live.example:{peer.server_port}/", {}, b"").result()

    assert said.is_success
    assert {one.result() for one in waiting} == {answers.Answer(failure=answers.Failure.TIMEOUT)}
    assert asked.count("dead.example") == 1


def test_name_is_looked_up_again_after_an_answer(peer: Peer, asked: list[str]) -> None:
    live = gateway("live.example", peer)

    assert [live.begin(MESSAGE).answer().reference for _ in range(2)] == ["a1", "a1"]
    assert asked == ["live.example"] * 2
