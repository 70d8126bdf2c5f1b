"""The worker's engine: claims that end, many SMS at once, gateways that hang, and a database that goes away."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from tests.support.http_gateway import Gateway
from tests.support.login_steps import PHONE, ask, set_code
from tests.support.run_worker import at_work, retry_now, send
from users.models import SmsDelivery, User
from users.sms import sender as engine
from users.sms.delivery import BEGIN_SECONDS, CLAIM_FOR, Change, Sms
from users.sms.http_api import SECONDS
from users.sms.queries import claim, record
from users.sms.sender import MOST_AT_ONCE

pytestmark = pytest.mark.django_db(transaction=True)


def ask_for(number: int) -> None:
    for each in range(number):
        ask(phone=f"+7999{each:07}", address=f"10.0.{each}.1", now=timezone.now())


def states() -> set[str]:
    return set(SmsDelivery.objects.values_list("state", flat=True))


def test_claim_outlives_every_try_that_begins_in_time() -> None:
    assert CLAIM_FOR.total_seconds() > BEGIN_SECONDS + SECONDS


def test_many_sms_are_sent_at_once_each_one_time(gateway: Gateway) -> None:
    ask_for(3 * MOST_AT_ONCE)

    send()

    assert states() == {"sent"}
    assert len({message["to"] for message in gateway.messages}) == len(gateway.messages) == 3 * MOST_AT_ONCE


def test_two_workers_share_the_sms(gateway: Gateway) -> None:
    with at_work(), at_work():
        ask_for(40)
        wait_until_sent(gateway, 40)

    assert states() == {"sent"}
    assert len(gateway.messages) == 40


def wait_until_sent(gateway: Gateway, number: int) -> None:
    while len(gateway.messages) < number:
        assert gateway.asked.wait(10)
        gateway.asked.clear()


def test_claimed_sms_is_not_claimed_again_and_an_erasure_does_not_wait(gateway: Gateway) -> None:
    gateway.answers.clear()
    ask(now=timezone.now())
    with at_work():
        assert gateway.asked.wait(10)
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '50ms'")
            assert claim(10, "1 webhook", 2, CLAIM_FOR) == []
            SmsDelivery.objects.update(address="")  # as an erasure does
            User.objects.update(phone=None, erased_at=timezone.now())
            cursor.execute("SET lock_timeout = '2s'")
        gateway.answers.set()

    assert len(gateway.messages) == 1
    assert SmsDelivery.objects.get().state == "sent"


def test_sms_of_a_dead_worker_is_sent_when_its_claim_ends(gateway: Gateway) -> None:
    ask(now=timezone.now())
    assert len(claim(10, "1 webhook", 2, timedelta(seconds=3))) == 1
    send()
    assert gateway.messages == []

    with at_work():
        assert gateway.asked.wait(10)

    assert SmsDelivery.objects.get().state == "sent"


def test_what_a_worker_that_was_late_says_does_not_count_unless_the_sms_was_sent(gateway: Gateway) -> None:
    ask(now=timezone.now())
    [late] = claim(10, "1 webhook", 2, timedelta(0))
    [_other] = claim(10, "1 webhook", 2, CLAIM_FOR)
    sms = Sms(late, engine.Breaker(), [], None)

    assert record([sms.later().values()]) == ({}, set())
    assert SmsDelivery.objects.get().failed_rounds == 0

    record([Change(sms, SmsDelivery.State.SENT, "1 webhook", "ref-9").values()])
    assert SmsDelivery.objects.get().gateway_ref == "ref-9"


def test_worker_that_slept_after_its_claim_does_not_send(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its claim may have ended, and another worker may have sent the SMS."""
    monkeypatch.setattr("users.sms.tries.BEGIN_SECONDS", -1.0)
    ask(now=timezone.now())

    send()

    assert gateway.messages == []
    delivery = SmsDelivery.objects.get()
    assert (delivery.state, delivery.open_tries) == ("queued", {"1 webhook": 0})


def test_next_gateway_is_not_asked_if_the_code_has_ended(gateway: Gateway, spare: Gateway, settings: Any) -> None:
    settings.SMS_GATEWAYS = [gateway.url, spare.url]
    gateway.status = 503
    gateway.answers.clear()
    asked = ask(now=timezone.now())
    with at_work():
        assert gateway.asked.wait(10)
        set_code(asked.challenge_id, expires_at=timezone.now())
        gateway.answers.set()
    send()

    assert (len(gateway.messages), spare.messages) == (1, [])
    delivery = SmsDelivery.objects.get()
    assert (delivery.state, delivery.error) == ("failed", "1 webhook: fault HTTP 503")


def test_intervals_between_rounds_grow_and_stay(gateway: Gateway) -> None:
    gateway.status = 503
    ask(now=timezone.now())
    for seconds in (2, 4, 8, 16, 32, 60, 60, 60):
        gap, before = timedelta(seconds=seconds), timezone.now()
        send()
        due = SmsDelivery.objects.get().next_try_at
        assert due is not None
        assert before + gap <= due <= timezone.now() + gap
        retry_now()

    assert len(gateway.messages) == 8


def test_success_is_recorded_when_the_database_is_back(gateway: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    gateway.answers.clear()
    ask(now=timezone.now())
    with at_work():
        assert gateway.asked.wait(10)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
        gateway.answers.set()

    assert len(gateway.messages) == 1
    assert SmsDelivery.objects.get().state == "sent"
    assert "SMS wait for the database" in caplog.text


def test_sms_that_cannot_be_written_does_not_stop_others(
    gateway: Gateway, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    ask(phone="+79990000001", language="xx", now=timezone.now())
    ask(now=timezone.now())
    settings.SMS_TEXT = {"xx": 1}

    send()

    assert [message["to"] for message in gateway.messages] == [PHONE]
    assert "failed" in caplog.text
    assert SmsDelivery.objects.get(state="queued").failed_rounds == 1
