"""The diagnosis of a missing code: what the rules would decide now."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from tests.support.accounts import registered
from tests.support.login_steps import answer, ask, at, diagnosed, set_code
from users import accounts
from users.login.decisions import CodeDecision, LimitReached, TooManyRequests
from users.login.devices import TRUST_FOR
from users.login.diagnosis import diagnose
from users.login.risk import LONG_CHALLENGE_LIMIT, LongCodeReason
from users.login.tracks import DEVICE_SENDS
from users.models import Device, LoginCode, SiteTotals, User

pytestmark = pytest.mark.django_db
HOUR = 3600
TRUSTED = TRUST_FOR.total_seconds()


@pytest.fixture(autouse=True)
def gateways(settings: Any) -> None:
    settings.DEMO, settings.SMS_GATEWAYS = False, ["webhook+http://127.0.0.1:9/", "webhook+http://127.0.0.1:9/"]


def new_device(seconds: float = 0) -> CodeDecision:
    """The prediction for a new device."""
    (_no_device, decision), *_ = diagnosed(seconds).decisions
    assert isinstance(decision, CodeDecision)
    return decision


def outcome(decision: CodeDecision) -> str:
    if decision.refusal:
        return "refused"
    return "sent" if decision.send else "attached"


def totals(**values: Any) -> None:
    SiteTotals.objects.create(counted_at=at(0), people_a_day=0, sms_in_a_day=0, **values)


def test_user_without_codes_gets_a_short_code() -> None:
    registered("9991234567")

    told = new_device()

    assert (outcome(told), told.length, told.wait) == ("sent", 4, timedelta(0))
    assert (told.allowed.long_code_reasons, told.limits_reached) == ((), ())
    assert diagnosed().sends == []


def test_resend_interval_delays_the_next_sms() -> None:
    ask()

    told = new_device(10)

    assert (outcome(told), told.length, told.limits_reached) == ("attached", 4, (LimitReached.RESEND_INTERVAL,))
    assert told.wait == timedelta(seconds=20)
    assert outcome(new_device(30)) == "sent"


def test_used_up_risk_weight_makes_codes_longer() -> None:
    ask()
    ask(1)

    told = new_device(2)

    assert (outcome(told), told.length, told.allowed.long_code_reasons) == ("sent", 10, (LongCodeReason.DAY,))
    LoginCode.objects.update(created_at=at(-48 * HOUR), expires_at=at(-47 * HOUR), closed_at=at(-47 * HOUR), wrong=10)
    assert new_device(2).allowed.long_code_reasons == (LongCodeReason.MONTH,)


def test_long_code_instead_of_a_short_one_that_may_not_be_sent_yet() -> None:
    asked = ask()
    set_code(asked.challenge_id, closed_at=at(1), expires_at=at(1))

    told = new_device(2)

    assert (told.length, told.allowed.long_code_reasons, outcome(told)) == (10, (), "sent")


def test_operators_get_long_codes() -> None:
    registered("9991234567", is_staff=True)

    assert (new_device().length, new_device().allowed.long_code_reasons) == (10, (LongCodeReason.OPERATOR,))


def test_day_without_sms_left_refuses(settings: Any) -> None:
    settings.SMS_PER_DAY = 1
    ask(phone="+79991230000")
    registered("9991234567")

    told = new_device(1)

    assert (outcome(told), told.limits_reached, told.wait) == (
        "refused",
        (LimitReached.SITE,),
        timedelta(minutes=1),
    )


def test_guard_refuses_suspect_numbers_of_unverified_users_only(settings: Any) -> None:
    settings.SMS_GUARD = "enforce"
    totals(suspect_prefixes=["+7999123"])
    registered("9991234567", verified_at=None)

    told = new_device()

    assert (outcome(told), told.limits_reached, told.wait) == (
        "refused",
        (LimitReached.NUMBER_PREFIX,),
        timedelta(hours=1),
    )
    User.objects.update(verified_at=at(0))
    assert outcome(new_device()) == "sent"


def test_limit_of_long_code_challenges_refuses() -> None:
    ask()
    ask(1)
    set_code(ask(2).challenge_id, challenges=LONG_CHALLENGE_LIMIT)

    told = new_device(40)

    assert (outcome(told), told.limits_reached) == ("refused", (LimitReached.LONG_CHALLENGES,))
    assert told.wait == timedelta(hours=1)


def test_demo_mode_always_gives_short_codes(settings: Any) -> None:
    settings.DEMO, settings.SMS_GATEWAYS = True, []
    registered("9991234567", is_staff=True)

    assert (new_device().length, outcome(new_device())) == (4, "sent")
    assert (diagnosed().demo, diagnosed().gateways) == (True, [])


def test_known_device_has_its_own_prediction() -> None:
    answer(ask())
    ask(1)
    ask(2)

    (no_device, unknown), (device, known) = diagnosed(3).decisions

    assert (unknown.length, no_device) == (10, None)
    assert (known.length, outcome(known)) == (4, "sent")
    assert known.track.device == device == Device.objects.get()


def test_known_device_that_used_up_its_share_is_treated_as_new() -> None:
    token = answer(ask()).device_token
    for number in range(DEVICE_SENDS):
        held = ask(HOUR * number, device_token=token).challenge_id
        set_code(held, challenges=0)

    _, (device, known) = diagnosed(HOUR * DEVICE_SENDS).decisions

    assert device == Device.objects.get()
    assert known.track.device is None


def test_device_is_known_while_it_is_trusted() -> None:
    answer(ask())

    assert [len(diagnosed(seconds).decisions) for seconds in (-1 + TRUSTED, 1 + TRUSTED)] == [2, 1]


@pytest.mark.parametrize("seconds", [1, 29, 31, 100, 299, 301, 700])
def test_prediction_is_what_happens(seconds: int) -> None:
    for earlier in (0, 1, 35, 90):
        ask(earlier - 100, challenge_id="")
    told = new_device(seconds)

    try:
        asked = ask(seconds, address="198.51.100.1")
    except TooManyRequests as refusal:
        assert (outcome(told), told.wait) == ("refused", timedelta(seconds=refusal.retry_after))
    else:
        assert outcome(told) == ("sent" if asked.sent else "attached")
        assert told.length == asked.code_length
        assert asked.sent or told.wait == timedelta(seconds=asked.resend_in)


def test_diagnosis_writes_and_locks_nothing() -> None:
    answer(ask())
    ask(1)

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL transaction_read_only = on")
        assert diagnosed(2).sends
        transaction.set_rollback(True)


def test_erased_user_is_diagnosed_without_a_phone() -> None:
    ask()
    User.objects.update(phone=None, erased_at=at(0))

    assert diagnose(User.objects.get(), at(1))["decisions"] == []


def test_disabled_user_is_diagnosed_like_any_other() -> None:
    accounts.disable(registered("9991234567").user)

    assert outcome(new_device()) == "sent"
