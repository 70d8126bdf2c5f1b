"""What a person of the measured crowd does, and what its table says."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest

from bench.crowd import people, report
from bench.crowd.people import ASK, SMS, STEPS, VERIFY, Found, Person
from bench.journeys.wire import Codes


class Scripted(asyncio.Protocol):
    """Answers each request with the next of these statuses and heads."""

    answers: Iterator[tuple[str, str, object]]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        status, head, body = next(self.answers)
        if status:
            text = json.dumps(body)
            self.transport.write(f"HTTP/1.1 {status}\r\n{head}Content-Length: {len(text)}\r\n\r\n{text}".encode())
        self.transport.close()


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "TYPING_SECONDS", (0, 0))
    monkeypatch.setattr(people, "PAUSE_SECONDS", (0, 0))


async def sign_in(*answers: tuple[str, str, object]) -> Person:
    Scripted.answers = iter(answers)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Scripted, "127.0.0.1", 0)
    codes = Codes()
    codes.arrived("+79980000007", "0042")
    person = Person(7, server.sockets[0].getsockname()[1], codes, Found())
    await person.sign_in(loop.time())
    server.close()
    return person


def test_whoever_is_refused_waits_as_told_and_tries_again(hasty: None) -> None:
    asked = ("200 OK", "", {"challenge_id": "x", "code_length": 4})
    refused = ("503 Busy", "Retry-After: 0\r\n", {"code": "unavailable"})
    wrong = ("502 Bad", "", {})
    session = ("200 OK", "", {"token": "t"})

    person = asyncio.run(sign_in(refused, asked, wrong, ("", "", None), session))

    found = person.found
    assert person.token == "t"
    assert found.refused == {(ASK, 503, 0): 1}
    assert found.failed == {(VERIFY, "502"): 1, (VERIFY, "ConnectionResetError"): 1}
    assert [len(found.waits[step]) for step in STEPS] == [1, 1, 1, 0]
    assert found.code_lengths == {4: 1}


def test_all_that_is_broken_is_said() -> None:
    found = Found(refused=Counter({(ASK, 503, 5): 2, (ASK, 503, 9): 1}))
    found.waits[SMS], found.done[SMS] = [1.0, 3.0], [10.0, 12.0]
    whole = report.Measured(2, found, 2, sms=2, repeated_sms=0, votes=2, counted=2, cpu=[{"web": 0.5}, {"web": 0.2}])

    assert not report.broken(whole)
    lines = report.text(whole).splitlines()
    assert "| ask | 0 | 0 | 0.00 | 0.00 | 0.00 | 3 × 503, 5 to 9 s | – |" in lines
    assert "| SMS | 2 | 1 | 1.00 | 3.00 | 3.00 | – | – |" in lines
    assert any("web 250.0" in line for line in lines)

    found.failed[ASK, "504"] += 1
    assert len(report.broken(replace(whole, signed_in=1, repeated_sms=1, votes=3, counted=1))) == 5
    assert "**Broken**: votes: 3 instead of 2." in report.text(replace(whole, votes=3))
