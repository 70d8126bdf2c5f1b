"""What docs/sms.md shows works as it stands there: the provider of one's own, and the check of a signature."""

import base64
import hmac
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from django.conf import settings as project

from tests.support.http_gateway import running
from tests.support.provider_peer import Peer, Reply
from users.sms import gateways
from users.sms.answers import Answer, Message, Reason, Verdict
from users.sms.gateways import Gateway

GUIDE = project.BASE_DIR / "docs" / "sms.md"
MESSAGE = Message("+79991234567", "1234 — код", "1234", "77")
NEEDS = 'needs = ["user", "sender"]\n'


@pytest.fixture
def peer() -> Iterator[Peer]:
    yield from running(Peer)


def block(language: str, place: int = 0) -> str:
    blocks: list[str] = re.findall(rf"```{language}\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    return blocks[place]


def unisender(peer: Peer, folder: Path, settings: Any, table: str) -> Gateway:
    # A file is read once in a process, so each has a name of its own.
    settings.SMS_PROVIDERS = folder / f"{len(table)}.toml"
    settings.SMS_PROVIDERS.write_text(table)
    return gateways.parse("1 unisender", f"unisender+http://KEY@{peer.host}?sender=Shop", "")


def test_ten_lines_add_a_provider(peer: Peer, tmp_path: Path, settings: Any) -> None:
    table = block("toml")
    peer.reply = Reply(body=b'{"result": {"currency": "RUB", "price": 3.2, "sms_id": 3451789}}')

    said = unisender(peer, tmp_path, settings, table).begin(MESSAGE).answer()

    [asked] = peer.asked
    assert len(table.splitlines()) == 10
    assert (asked.path, asked.query) == ("/ru/api/sendSms", {"format": "json"})
    sent = {"api_key": "KEY", "phone": "79991234567", "sender": "Shop", "text": "1234 — код"}
    assert dict(parse_qsl(asked.body.decode())) == sent
    assert (said.verdict, said.reference) == (Verdict.ACCEPTED, "3451789")


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        ("dest_invalid", Verdict.UNREACHABLE),
        ("src_invalid", Verdict.ACCOUNT),
        ("access_denied", Verdict.ACCOUNT),
        ("not_enough_money", Verdict.ACCOUNT),
        ("api_call_limit_exceeded_for_ip", Verdict.TEMPORARY),
        ("retry_later", Verdict.TEMPORARY),
        ("unspecified", Verdict.TEMPORARY),
        ("has_been_sent", Verdict.TEMPORARY),
    ],
)
def test_its_refusals_inside_a_200_are_read(
    peer: Peer, tmp_path: Path, settings: Any, code: str, verdict: Verdict
) -> None:
    ten_lines, refusals = block("toml"), block("toml", 1)
    peer.reply = Reply(body=f'{{"error": "…", "code": "{code}"}}'.encode())

    without = unisender(peer, tmp_path, settings, ten_lines).begin(MESSAGE).answer()
    known = unisender(peer, tmp_path, settings, ten_lines.replace(NEEDS, NEEDS + refusals)).begin(MESSAGE).answer()

    assert (without.verdict, known.verdict) == (Verdict.UNKNOWN, verdict)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (200, "rejected unspecified"),
        (400, "rejected HTTP 400"),
        (401, "credentials HTTP 401"),
        (429, "limit HTTP 429"),
        (503, "fault HTTP 503"),
    ],
)
def test_its_last_rule_hides_neither_the_code_nor_the_status(
    peer: Peer, tmp_path: Path, settings: Any, status: int, said: str
) -> None:
    peer.reply = Reply(status, b'{"error": "See the message", "code": "unspecified"}')
    table = block("toml").replace(NEEDS, NEEDS + block("toml", 1))

    assert str(unisender(peer, tmp_path, settings, table).begin(MESSAGE).answer()) == said


def test_backend_of_the_guide_knows_a_genuine_request(peer: Peer) -> None:
    peer.reply = Reply(body=b'{"id": "its-1"}')
    key = b"secret-secret-secret"
    backend: dict[str, Any] = {"base64": base64, "hmac": hmac, "time": time, "SECRET": key}
    exec(block("python"), backend)

    url = f"webhook+http://{peer.host}/sms?secret=whsec_{base64.b64encode(key).decode()}"
    assert gateways.parse("1 webhook", url, "").begin(MESSAGE).answer().reference == "its-1"

    [asked] = peer.asked
    headers = {name.lower(): value for name, value in asked.headers.items()}
    assert backend["is_genuine"](headers, asked.body)
    assert not backend["is_genuine"](headers, asked.body + b" ")
    assert not backend["is_genuine"]({**headers, "webhook-timestamp": "1700000000"}, asked.body)


def plain(peer: Peer, folder: Path, settings: Any) -> Gateway:
    settings.SMS_PROVIDERS = folder / "plain.toml"
    settings.SMS_PROVIDERS.write_text(block("toml", 2))
    return gateways.parse("1 plain", f"plain+http://me:secret@{peer.host}", "")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"ID: 1a2b", Answer(reference="1a2b")),
        (b"ERR: 301, No credit left", Answer(Reason.CREDIT, code="301")),
        (b"ERR: 001, Authentication failed", Answer(Reason.CREDENTIALS, code="001")),
        (b"<html>ID", Answer(Reason.UNREADABLE, code="HTTP 200")),
    ],
)
def test_table_for_plain_text_reads_its_answers(
    body: bytes, said: Answer, peer: Peer, tmp_path: Path, settings: Any
) -> None:
    peer.reply = Reply(body=body)

    assert plain(peer, tmp_path, settings).begin(MESSAGE).answer() == said


@pytest.mark.parametrize(("body", "reason"), [(b"Credit: 12.50", None), (b"Credit: 0.00", Reason.CREDIT)])
def test_table_for_plain_text_checks_the_account(
    body: bytes, reason: Reason | None, peer: Peer, tmp_path: Path, settings: Any
) -> None:
    peer.reply = Reply(body=body)

    said = plain(peer, tmp_path, settings).check()

    assert said is not None and said.reason == reason
