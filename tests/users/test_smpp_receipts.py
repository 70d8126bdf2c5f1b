"""Delivery receipts of an SMPP centre."""

from collections.abc import Iterator
from queue import Queue
from typing import Any

import pytest

from tests.support import run_worker
from tests.support.login_steps import ask
from tests.support.smpp_server import Centre, Session
from tests.support.smpp_steps import join, run_centre, send
from users.models import SmsDelivery
from users.sms import smpp, smpp_link, smpp_receipts
from users.sms.answers import Outcome, Reason, Verdict

FULL = "id:{} sub:001 dlvrd:001 submit date:2611271200 done date:2611271201 stat:{} err:000 text:Your code"


@pytest.fixture
def centre() -> Iterator[Centre]:
    yield from run_centre()


class Recorder:
    """Takes receipts of the messages with these ids. Others it does not know."""

    def __init__(self, *known: str) -> None:
        self.known = set(known)
        self.asked: list[str] = []
        self.known_later: set[str] = set()
        self.recorded: Queue[tuple[str, Reason | None]] = Queue()
        self.error: Exception | None = None

    def __call__(self, outcome: Outcome) -> bool:
        self.asked.append(outcome.reference)
        if self.error:
            raise self.error
        if outcome.reference not in self.known:
            self.known |= self.known_later
            return False
        self.recorded.put((outcome.reference, outcome.reason))
        return True


def bound(centre: Centre, recorder: Recorder, **more: str) -> Session:
    assert send(centre, on_receipt=recorder, **more).verdict == Verdict.ACCEPTED
    return centre.sessions.get(timeout=10)


@pytest.mark.parametrize(
    ("text", "more", "recorded"),
    [
        (FULL.format("ab-1", "DELIVRD"), {}, ("ab-1", None)),
        ("id:ab-1 stat:delivrd", {}, ("ab-1", None)),
        ("stat:EXPIRED err:01A id: ab-1", {}, ("ab-1", Reason.EXPIRED)),
        ("id:ab-1 stat:UNDELIV err:001", {}, ("ab-1", Reason.REJECTED)),
        ("id:ab-1 stat:REJECTD", {}, ("ab-1", Reason.REJECTED)),
        ("", {"receipted_message_id": "ab-1", "message_state": 2}, ("ab-1", None)),
        ("", {"receipted_message_id": "ab-1", "message_state": 3}, ("ab-1", Reason.EXPIRED)),
        # The parameters show that it is a receipt, and go before the text.
        (
            "id:9 stat:ENROUTE",
            {"receipted_message_id": "ab-1", "message_state": 2, "esm_class": 0},
            ("ab-1", None),
        ),
        ("", {"message_payload": b"id:ab-1 stat:DELIVRD"}, ("ab-1", None)),
        ("id:ab-1 stat:DELIVRD text:id:9 stat:EXPIRED", {"esm_class": 0x44}, ("ab-1", None)),
        ("\5\0\3\1\1\1id:ab-1 stat:DELIVRD", {"esm_class": 0x44}, ("ab-1", None)),
        ("\0".join(["", *"id:ab-1 stat:DELIVRD"]), {"data_coding": 8}, ("ab-1", None)),
    ],
)
def test_receipt_is_recorded(centre: Centre, text: str, more: dict[str, Any], recorded: tuple[Any, ...]) -> None:
    recorder = Recorder("ab-1")

    assert bound(centre, recorder).receipt(text, **more).status == 0

    assert recorder.recorded.get(timeout=10) == recorded
    assert recorder.asked == ["ab-1"]


@pytest.mark.parametrize(
    ("text", "more"),
    [
        ("id:ab-1 stat:DELIVRD", {"esm_class": 0}),  # a message that somebody has written
        ("STOP", {"esm_class": 0}),
        ("id:ab-1 stat:ENROUTE", {}),
        ("id:ab-1 stat:ACCEPTD", {}),
        ("id:ab-1 stat:SOMETHING", {}),
        ("id:ab-1 stat:DELIVRD", {"esm_class": 0x20}),  # on its way
        ("id:ab-1", {}),
        ("stat:DELIVRD", {}),
        ("text:id:ab-1 stat:DELIVRD", {}),
        (f"id:{'a' * 65} stat:DELIVRD", {}),
        ("\x00\ufffd", {}),
        ("", {}),
    ],
)
def test_other_messages_are_answered_and_ignored(centre: Centre, text: str, more: dict[str, Any]) -> None:
    recorder = Recorder("ab-1")
    session = bound(centre, recorder)

    assert session.receipt(text, **more).status == 0
    assert session.receipt("id:ab-1 stat:EXPIRED").status == 0

    assert recorder.recorded.get(timeout=10) == ("ab-1", Reason.EXPIRED)
    assert recorder.asked == ["ab-1"]


def test_malformed_receipts_do_no_harm(centre: Centre) -> None:
    recorder = Recorder("ab-1")
    session = bound(centre, recorder)

    header = "000000{:02x} 00000005 00000000 0000000{}"
    for number, body in enumerate(["", "00", "ff" * 40, "00" * 17, "41" * 60, "00" * 16 + "ff41" + "ff" * 20], 1):
        octets = bytes.fromhex(body)
        session.send(bytes.fromhex(header.format(16 + len(octets), number)) + octets)
        assert centre.saw("deliver_sm_resp").sequence == number

    session.receipt("id:ab-1 stat:DELIVRD")
    assert recorder.recorded.get(timeout=10)[0] == "ab-1"
    assert send(centre).verdict == Verdict.ACCEPTED


def test_unknown_parameters_do_not_hide_a_receipt(centre: Centre) -> None:
    """One that smpplib does not know, and one that it knows of other commands only."""
    recorder = Recorder("ab-1")
    text = b"id:ab-1 stat:DELIVRD"
    body = bytes(7) + b"\x04" + bytes(8) + bytes([len(text)]) + text
    session = bound(centre, recorder)
    for parameter in ("1500 0002 4142", "0005 0001 01", "0423 0003 030000", "ff"):
        octets = body + bytes.fromhex(parameter)
        session.send(bytes.fromhex(f"{16 + len(octets):08x} 00000005 00000000 00000007") + octets)
        assert centre.saw("deliver_sm_resp").status == 0
        assert recorder.recorded.get(timeout=10) == ("ab-1", None)


@pytest.mark.parametrize(
    ("stored", "given", "asked"),
    [
        ("499602d2", "1234567890", ["1234567890", "499602D2", "499602d2"]),
        ("499602D2", "0001234567890", ["0001234567890", "1234567890", "499602D2"]),
        ("0BC614E", "12345678", ["12345678", "BC614E", "bc614e", "00BC614E", "00bc614e"]),
        ("00BC614E", "12345678", ["12345678", "BC614E", "bc614e", "00BC614E"]),
        ("29095", "0000029095", ["0000029095", "29095"]),
        ("10", "16", ["16"]),  # 10 may be the decimal id of another message
    ],
)
def test_hexadecimal_ids_are_found_by_decimal_ones(centre: Centre, stored: str, given: str, asked: list[str]) -> None:
    recorder = Recorder(stored)

    bound(centre, recorder).receipt(f"id:{given} stat:DELIVRD")

    assert recorder.asked == asked
    assert recorder.recorded.empty() == (stored != asked[-1])


def test_centre_with_hexadecimal_ids_is_remembered(centre: Centre) -> None:
    recorder = Recorder("1f", "10")
    session = bound(centre, recorder)

    session.receipt("id:31 stat:DELIVRD")
    session.receipt("id:16 stat:DELIVRD")

    assert [recorder.recorded.get(timeout=10)[0] for _ in range(2)] == ["1f", "10"]


def test_receipt_may_come_before_its_message_is_stored(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smpp_receipts, "LOOK_AGAIN_SECONDS", 0.05)
    recorder = Recorder()
    recorder.known_later = {"ab-1"}
    session = bound(centre, recorder)

    assert session.receipt("id:ab-1 stat:DELIVRD").status == 0

    assert recorder.recorded.get(timeout=10) == ("ab-1", None)
    assert session.receipt("id:never stat:DELIVRD").status == 0


def test_centre_keeps_a_receipt_while_the_database_is_away(centre: Centre, caplog: pytest.LogCaptureFixture) -> None:
    recorder = Recorder("ab-1")
    recorder.error = RuntimeError("host=db password=hunter2")
    session = bound(centre, recorder)

    assert session.receipt("id:ab-1 stat:DELIVRD").status == 0x64
    recorder.error = None
    assert session.receipt("id:ab-1 stat:DELIVRD").status == 0

    assert recorder.recorded.get(timeout=10)[0] == "ab-1"
    assert "RuntimeError" in caplog.text and "hunter2" not in caplog.text


def test_receipt_is_asked_for_the_last_part(centre: Centre) -> None:
    bound(centre, Recorder())
    send(centre, "я" * 150, on_receipt=Recorder())

    assert [submit.registered_delivery for submit in centre.submits] == [1, 0, 0, 1]


def test_no_receipts_are_asked_for_if_none_are_wanted(centre: Centre) -> None:
    session = bound(centre, Recorder(), receipts="0")

    assert session.bind == "bind_transmitter"
    assert centre.submits[0].registered_delivery == 0


def test_receipt_of_another_process_is_left_to_it(centre: Centre) -> None:
    """`send_test_sms` and `doctor` take none, or those that came meanwhile would be lost."""
    assert send(centre).verdict == Verdict.ACCEPTED

    assert centre.submits[0].registered_delivery == 0
    assert centre.sessions.get(timeout=10).receipt("id:ab-1 stat:DELIVRD").status == 0x64


def test_lost_connection_is_opened_again_for_receipts(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smpp_link, "REOPEN_SECONDS", 0.05)
    recorder = Recorder("ab-1")

    bound(centre, recorder).cut()
    session = centre.sessions.get(timeout=10)
    assert session.receipt("id:ab-1 stat:DELIVRD").status == 0
    assert recorder.recorded.get(timeout=10)[0] == "ab-1"

    centre.refused = {"bind_transceiver": 0x0E}
    session.cut()
    join()
    smpp.close()
    assert centre.sessions.empty()


@pytest.mark.django_db(transaction=True)
def test_receipt_is_recorded_with_its_sms(centre: Centre, settings: Any) -> None:
    settings.DEMO, settings.SMS_GATEWAYS = False, [centre.url]
    ask()
    run_worker.send()
    session, reference = centre.sessions.get(timeout=10), SmsDelivery.objects.get().gateway_ref

    assert session.receipt(f"id:{reference} stat:EXPIRED").status == 0
    assert SmsDelivery.objects.get().undelivered == Reason.EXPIRED

    assert session.receipt(f"id:{reference} stat:DELIVRD").status == 0
    stored = SmsDelivery.objects.get()
    assert stored.undelivered == "" and stored.delivered_at is not None
