"""Delivery receipts that change what is known of an SMS, and receipts that must do no harm."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from tests.support.login_steps import ask, at
from tests.support.races import race
from tests.support.receipts import BACKEND, SITE, path, receiving, say, sent, signed, state, take
from users.models import SmsDelivery
from users.queries import database_now
from users.sms import receipts
from users.sms.answers import Outcome, Reason
from users.sms.gateways import Gateway, configured, parse

pytestmark = pytest.mark.django_db

site = pytest.fixture(autouse=True)(receiving)


def test_first_receipt_counts_and_delivered_most_of_all() -> None:
    delivery = sent("1 webhook", "a-1")

    assert take(say("sent")) == take(say("anything")) == []
    assert (take(say("failed", reason="expired")), state(delivery)) == ([("1 webhook", "expired")], (False, "expired"))
    assert (take(say("failed", reason="number")), state(delivery)) == ([], (False, "expired"))
    assert (take(say("delivered")), state(delivery)) == ([("1 webhook", "delivered")], (True, ""))
    first = delivery.delivered_at
    assert take(say("delivered")) == take(say("failed", reason="number")) == take(say("sent")) == []
    assert (state(delivery), delivery.delivered_at) == ((True, ""), first)


def test_receipt_for_an_unknown_reference_changes_nothing() -> None:
    others = [sent("1 webhook", "b-2"), sent("2 twilio", "a-1"), sent("1 webhook", ""), sent("demo", "")]

    for reference in ("a-1", "", "b", "B-2", "%", "b-2\0", "\ud800", "b" * 200, "1 OR 1=1", " b-2", "null"):
        assert take(say("delivered", reference)) == []
    for odd in ({}, {"id": None}, {"id": ["b-2"]}, {"id": {"": "b-2"}}, {"id": True}, {"status": "delivered"}):
        assert take({"json": odd | {"status": "delivered"}}) == []
    assert {state(delivery) for delivery in others} == {(False, "")}


@pytest.mark.parametrize(
    ("said", "reason"),
    [(say("delivered"), ""), (say("failed", reason="expired"), "expired")],
    ids=["delivered", "failed"],
)
def test_receipt_that_overtakes_its_sms_is_looked_at_again(said: dict[str, Any], reason: str) -> None:
    ask(now=at(0))
    SmsDelivery.objects.update(open_tries={"1 webhook": 1})  # so an SMS is being sent
    assert take(said) == []

    job = ProcrastinateJob.objects.filter(task_name=receipts.TASK).latest("id")
    assert (job.queue_name, job.priority) == ("upkeep", -1)  # after the SMS
    due = job.scheduled_at - database_now()
    assert timedelta(seconds=receipts.LOOK_AGAIN_SECONDS - 2) < due <= timedelta(seconds=receipts.LOOK_AGAIN_SECONDS)
    delivery, seen = sent("1 webhook", "a-1"), []  # type: ignore[var-annotated]
    receipts.record_again(**job.args, watch=lambda *one: seen.append(one[:2]))

    assert (state(delivery), seen) == ((not reason, reason), [("1 webhook", reason or "delivered")])
    assert delivery.delivered_at is None or delivery.delivered_at < delivery.created_at
    receipts.record_again(**{**job.args, "receipts": [["a-2", ""]]})
    receipts.record_again(**{**job.args, "name": "2 gone"})


def test_erased_user_gets_no_receipts() -> None:
    delivery = sent("1 webhook", "a-1")
    SmsDelivery.objects.update(gateway_ref="")

    assert (take(say("delivered")), state(delivery)) == ([], (False, ""))


def test_last_sms_with_a_reused_reference_counts() -> None:
    earlier, later = sent("1 webhook", "a-1"), sent("1 webhook", "a-1")

    take(say("delivered"))

    assert (state(earlier), state(later)) == ((False, ""), (True, ""))


def test_token_stays_the_same_wherever_the_gateway_stands(settings: Any) -> None:
    account = "twilio://AC1:{}@?sender=%2B15005550006"
    settings.SMS_GATEWAYS = [BACKEND.replace("hunter2", "hunter3"), "webhook://127.0.0.1:9/other"]
    tokens = [gateway.receipts for gateway in configured()]
    before = path(parse("1 webhook", BACKEND, ""))

    assert (tokens[0], tokens[1] != tokens[0]) == (SITE + before, True)
    assert parse("7 webhook", BACKEND, "").receipts == tokens[0]
    assert "hunter" not in "".join(tokens) and len(tokens[0]) <= 100
    first, second = (parse("1 twilio", account.format(password), "") for password in "ab")
    assert first.receipts == second.receipts != parse("1 twilio", "twilio://AC2:a@?sender=S", "").receipts


def test_token_of_a_former_key_is_accepted(settings: Any) -> None:
    sent("1 webhook", "a-1")
    before = path()
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another " * 8, [settings.SECRET_KEY]

    assert path() != before
    assert take(say("delivered"), before) == [("1 webhook", "delivered")]
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(receipts.UnknownToken):
        take(say("delivered"), before)


def test_receipt_finds_an_sms_that_was_sent_before_the_gateways_were_reordered() -> None:
    delivery = sent("2 webhook", "a-1")

    assert (take(say("delivered")), state(delivery)) == ([("2 webhook", "delivered")], (True, ""))


def test_receipt_of_one_account_says_nothing_of_another(settings: Any) -> None:
    settings.SMS_GATEWAYS = [BACKEND, "webhook://127.0.0.1:9/other"]
    mine, other = sent("1 webhook", "a-1"), sent("2 webhook", "a-1")
    [first, second] = configured()

    assert take(say("delivered"), path(second)) == [("2 webhook", "delivered")]
    assert (state(mine), state(other)) == ((False, ""), (True, ""))
    assert take(say("failed"), path(first)) == [("1 webhook", "rejected")]


def test_one_key_of_an_account_is_enough_to_ask_for_signatures(settings: Any) -> None:
    settings.SMS_GATEWAYS = [BACKEND, f"{BACKEND}?secret=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
    sent("1 webhook", "a-1")
    [first, second] = configured()

    with pytest.raises(receipts.Forged):
        take(say("delivered"), path(first))
    assert take(signed(second, say("delivered"), path(first)), path(first)) == [("1 webhook", "delivered")]


def test_one_account_with_two_senders_has_one_url(settings: Any) -> None:
    settings.SMS_GATEWAYS = [f"{BACKEND}?sender=A", f"{BACKEND}?sender=B"]
    delivery = sent("2 webhook", "a-1")
    [first, second] = configured()

    assert first.receipts == second.receipts
    take(say("delivered"), path(first))
    assert state(delivery) == (True, "")


@pytest.mark.parametrize(
    "local", ["http://localhost:8000", "http://127.0.0.1", "http://[::1]:8000", "http://a.localhost"]
)
def test_no_receipts_are_asked_for_where_none_can_arrive(local: str, settings: Any) -> None:
    settings.SITE_URL = local

    assert [gateway.receipts for gateway in configured()] == [""]


def test_seconds_are_counted_from_the_acceptance(settings: Any) -> None:
    sent("1 webhook", "a-1", finished_at=timezone.now() - timedelta(seconds=90))
    seen: list[tuple[str, str, float]] = []

    assert receipts.record(configured()[0], Outcome("a-1", None), lambda *one: seen.append(one))
    assert not receipts.record(configured()[0], Outcome("a-2", Reason.EXPIRED), lambda *one: seen.append(one))

    [(gateway, outcome, seconds)] = seen
    assert (gateway, outcome, 90 <= seconds < 120) == ("1 webhook", "delivered", True)


@pytest.mark.django_db(transaction=True)
def test_contradictory_receipts_at_once_are_counted_once_each() -> None:
    delivery, seen = sent("1 webhook", "a-1"), []  # type: ignore[var-annotated]
    gateway: Gateway = configured()[0]

    race(
        lambda reason=reason: receipts.record(gateway, Outcome("a-1", reason), lambda *one: seen.append(one[1]))
        for reason in (None, Reason.EXPIRED, None, Reason.NUMBER, None, Reason.EXPIRED)
    )  # fmt: skip

    assert state(delivery) == (True, "")
    assert seen.count("delivered") == 1 and len(seen) <= 2
