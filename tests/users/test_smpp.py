"""What an SMPP centre gets, and what its answers mean."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import run_worker
from tests.support.login_steps import ask, right
from tests.support.rows import text_of_rows
from tests.support.smpp_server import PASSWORD, USER, Centre
from tests.support.smpp_steps import PHONE, TEXT, provider, run_centre, send, values
from users.models import SmsDelivery, SmsGateway
from users.sms import gateways, smpp, smpp_link
from users.sms.answers import Answer, Message, Reason, Verdict


@pytest.fixture
def centre() -> Iterator[Centre]:
    yield from run_centre()


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (TEXT, 1),
        ("1234 is your [code] ^{}\\~|€ `§\n\n@example.org #1234", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("@" * 307, 3),
        ("a" * 152 + "€" + "b" * 20, 2),  # the two octets of € do not fit into the first part
        ("я" * 70, 1),
        ("я" * 71, 2),
        ("я" * 66 + "🔑" + "я" * 20, 2),  # nor do those of the emoji
        ("🔑" * 100, 4),
        ("кириллица, Latin, ελληνικά, 漢字 👩‍👩‍👧 " * 9, 6),
    ],
)
def test_text_arrives_as_typed(centre: Centre, text: str, parts: int) -> None:
    assert send(centre, text) == Answer(reference=str(parts))

    assert centre.messages == [(PHONE[1:], text)]
    assert len(centre.submits) == parts
    assert all(len(submit.short_message) <= 160 for submit in centre.submits)


def test_centre_with_another_default_alphabet_gets_ucs2(centre: Centre) -> None:
    send(centre, "1234 @example.org", ucs2="1")

    assert centre.messages == [(PHONE[1:], "1234 @example.org")]
    assert centre.submits[0].data_coding == 8


@pytest.mark.parametrize(
    ("sender", "ton", "npi", "address"),
    [
        ("Shop", 5, 0, "Shop"),
        ("My Shop 24", 5, 0, "My Shop 24"),
        ("1-800", 5, 0, "1-800"),
        ("+15005550006", 1, 1, "15005550006"),
        ("15005550006", 1, 1, "15005550006"),
        ("+2904567", 1, 1, "2904567"),
        ("1234", 3, 0, "1234"),
        ("", 0, 0, ""),
    ],
)
def test_kind_of_sender_is_told(centre: Centre, sender: str, ton: int, npi: int, address: str) -> None:
    send(centre, sender=sender)

    [submit] = centre.submits
    assert (submit.source_addr_ton, submit.source_addr_npi, submit.source_addr.decode()) == (ton, npi, address)
    assert (submit.dest_addr_ton, submit.dest_addr_npi, submit.destination_addr) == (1, 1, b"79991234567")


def test_kind_of_sender_can_be_given(centre: Centre) -> None:
    send(centre, sender="1234", sender_ton="6", sender_npi="8", system_type="web")

    assert (centre.submits[0].source_addr_ton, centre.submits[0].source_addr_npi) == (6, 8)


@pytest.mark.parametrize(
    ("status", "reason", "verdict"),
    [
        (0x01, Reason.TEXT, Verdict.TEMPORARY),
        (0x08, Reason.FAULT, Verdict.TEMPORARY),
        (0x0A, Reason.SENDER, Verdict.ACCOUNT),
        (0x0B, Reason.NUMBER, Verdict.UNREACHABLE),
        (0x14, Reason.LIMIT, Verdict.TEMPORARY),
        (0x45, Reason.REJECTED, Verdict.TEMPORARY),
        (0x58, Reason.LIMIT, Verdict.TEMPORARY),
        (0x401, Reason.REJECTED, Verdict.TEMPORARY),
        (0xFFFFFFFF, Reason.REJECTED, Verdict.TEMPORARY),
    ],
)
def test_refused_message_has_a_reason(centre: Centre, status: int, reason: Reason, verdict: Verdict) -> None:
    centre.on_submit = lambda session, pdu: session.answer(pdu, status)

    answer = send(centre)

    assert answer == Answer(reason, code=f"0x{status:08x}") and answer.verdict == verdict
    assert f"0x{status:08x}" in str(answer)


def test_numbers_of_a_centre_have_a_table_of_their_own(centre: Centre, tmp_path: Path, settings: Any) -> None:
    settings.SMS_PROVIDERS = tmp_path / "own.toml"
    settings.SMS_PROVIDERS.write_text(
        """
        [own]
        title = "Own"
        docs = "https://example.org"
        protocol = "smpp"
        needs = ["user", "password", "host"]
        [[own.refused]]
        reason = "credit"
        when = { command_status = 0x401 }
        """
    )
    gateway = gateways.parse("1 own", centre.url.replace("smpp:", "own:"), "Shop")
    message = Message(PHONE, TEXT, "1234", "77")
    assert gateway.begin(message).answer().verdict == Verdict.ACCEPTED and gateway.check() == Answer()

    centre.on_submit = lambda session, pdu: session.answer(pdu, 0x401)

    assert gateway.begin(message).answer() == Answer(Reason.CREDIT, code="0x00000401")


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (0x0D, Reason.CREDENTIALS),
        (0x0E, Reason.CREDENTIALS),
        (0x0F, Reason.CREDENTIALS),
        (0x05, Reason.LIMIT),
        (0x08, Reason.FAULT),
        # What would be said of one SMS or number is said of all here.
        (0x01, Reason.FAULT),
        (0x0B, Reason.FAULT),
        (0x410, Reason.FAULT),
    ],
)
def test_refused_bind_has_a_reason(centre: Centre, status: int, reason: Reason) -> None:
    centre.refused = {"bind_transceiver": status, "bind_transmitter": status}

    assert send(centre) == smpp.check(provider(), values(centre)) == Answer(reason, code=f"0x{status:08x}")

    centre.refused.clear()
    assert send(centre).verdict == smpp.check(provider(), values(centre)).verdict == Verdict.ACCEPTED
    assert centre.saw("unbind")


def test_address_that_does_not_answer_leaves_time_for_the_next(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with a name that has an IPv6 address beside a network without it."""
    monkeypatch.setattr(smpp_link, "OPEN_SECONDS", 2.0)
    with socket.create_server(("127.0.0.2", centre.port), backlog=0) as full, socket.socket() as filling:
        filling.connect(full.getsockname())
        addresses = [(host, centre.port) for host in ("127.0.0.2", "127.0.0.1")]
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in addresses]
        look_up = socket.getaddrinfo
        monkeypatch.setattr(
            socket,
            "getaddrinfo",
            lambda host, *more, **named: found if host == "smsc" else look_up(host, *more, **named),
        )

        assert send(centre, host=f"smsc:{centre.port}").verdict == Verdict.ACCEPTED


def test_wrong_password_is_refused_however_long_it_is(centre: Centre) -> None:
    """smpplib would send the first eight characters only."""
    assert send(centre, password=f"{PASSWORD}-and-more").reason == Reason.CREDENTIALS


@pytest.mark.parametrize("status", [0x03, 0x04, 0x0D])
def test_centre_without_transceivers_gets_a_transmitter(centre: Centre, status: int) -> None:
    centre.refused = {"bind_transceiver": status}

    assert send(centre, on_receipt=print).verdict == Verdict.ACCEPTED

    assert centre.sessions.get(timeout=10).bind == "bind_transmitter"
    assert centre.submits[0].registered_delivery == 0


@pytest.mark.parametrize(("status", "verdict"), [(0x14, "unknown"), (0x0A, "unknown"), (0x0B, "unreachable")])
def test_refusal_of_a_later_part_is_no_proof_that_nothing_was_sent(centre: Centre, status: int, verdict: str) -> None:
    centre.on_submit = lambda session, pdu: session.answer(pdu, status if len(centre.submits) == 2 else 0)

    said = send(centre, "я" * 200)

    assert (said.verdict, said.code) == (verdict, f"{status:#010x}")
    assert len(centre.submits) == 2


def test_too_long_text_is_refused(centre: Centre) -> None:
    assert send(centre, "a" * 153 * 256) == Answer(Reason.TEXT)
    assert centre.submits == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"tls": "perhaps"},
        {"sender": "Магазин"},
        {"sender": "A name that is too long"},
        {"sender": "1234567890123456"},
        {"sender_ton": "256"},
        {"user": ""},
        {"password": "s" * 65},
        {"host": "centre.example:99999"},
        {"host": ""},
    ],
)
def test_settings_that_cannot_be_used(wrong: dict[str, str]) -> None:
    given = {"user": "me", "password": "hunter2", "host": "centre.example", **wrong}

    with pytest.raises(smpp.SettingsError) as refused:
        smpp.read_settings(given)

    assert "hunter2" not in str(refused.value) and "s" * 65 not in str(refused.value)


def test_settings() -> None:
    given = {"user": "me", "password": "hunter2", "host": "[::1]", "base": "https://[::1]"}

    assert "hunter2" not in repr(smpp.read_settings(given))
    assert smpp.read_settings(given).port == 2775 and smpp.read_settings({**given, "tls": "1"}).port == 3550
    assert smpp.read_settings(given).host == "::1"


@pytest.mark.django_db
def test_code_is_sent_and_nothing_secret_is_written(
    centre: Centre, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = centre.url.replace(PASSWORD, "hunter2")
    settings.DEMO, settings.SMS_GATEWAYS = False, [wrong, centre.url]
    asked = ask()
    sms = SmsDelivery.objects.get()

    run_worker.send()

    sms.refresh_from_db()
    code = right(asked.challenge_id)
    [(_number, text)] = centre.messages
    assert (sms.state, sms.gateway, sms.gateway_ref) == ("sent", "2 smpp", "1") and text.endswith(f"#{code}")
    assert "gateway 1 smpp: credentials 0x0000000e" in caplog.text
    shown = caplog.text + text_of_rows(SmsDelivery) + text_of_rows(SmsGateway)
    for secret in ["hunter2", PASSWORD, USER, "127.0.0.1", str(centre.port), PHONE[2:], f"#{code}"]:
        assert secret not in shown
