"""Hand-written statements of sign-up and log-in read and write the same as the ORM."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import Model

from tests.support.accounts import registered
from tests.support.login_steps import ADDRESS, PHONE, answer, ask, at, challenge, right
from tests.support.stored import fields, history
from users import limit_queries, login_queries
from users.login import codes
from users.models import Challenge, Device, LoginCode, SmsDelivery, User

pytestmark = pytest.mark.django_db


def test_rows_inserted_by_hand_are_those_of_the_orm() -> None:
    user = registered("9990001122").user
    times = {"created_at": at(0)}
    sessions = (uuid.uuid4() for _ in range(9))

    def new() -> tuple[LoginCode, Challenge, SmsDelivery, Device]:
        until = {"sent_at": at(0), "open_until": at(1), "expires_at": at(2)}
        code = LoginCode(user=user, length=codes.SHORT, nonce=b"1" * 16, language="en", challenges=1, **until, **times)
        device = Device(
            user=user, session_id=next(sessions), signed_in_at=at(0), refreshed_at=at(0), refresh_jti=uuid.UUID(int=1),
            trust_nonce=b"1" * 16, user_agent="x", **times
        )  # fmt: skip
        sms = SmsDelivery(address="+7***1122", country="RU", prefix="+7999000", client_address=ADDRESS, **times)
        return code, Challenge(address=ADDRESS, **times), sms, device

    def stored(*rows: Model) -> list[dict[str, Any]]:
        return [fields(type(row)._default_manager.get(pk=row.pk)) for row in rows]

    code, asked, sms, device = new()
    login_queries.insert_code(code, asked, sms)
    login_queries.insert_device(device, 5, 100)
    assert asked.login_code_id == sms.login_code_id == code.pk
    by_hand = stored(code, asked, sms, device)
    LoginCode.objects.all().delete()
    code, asked, sms, device = new()
    code.save()
    asked.login_code = sms.login_code = code
    for row in (asked, sms, device):
        row.save()

    different = {"id", "login_code_id", "public_id", "session_id"}
    for ours, theirs in zip(by_hand, stored(code, asked, sms, device), strict=True):
        assert {name for name, value in ours.items() if value != theirs[name]} <= different


def test_consumed_attempt_changes_only_its_challenge_and_code() -> None:
    first, second = challenge(ask().challenge_id), challenge(ask(1).challenge_id)

    attempts = [login_queries.consume_attempt(first.public_id, codes.SHORT, at(2)) for _ in range(4)]

    assert [attempt and attempt.consumed for attempt in attempts] == [1, 2, 3, None]
    assert list(Challenge.objects.order_by("pk").values_list("attempts", flat=True)) == [3, 0]
    assert LoginCode.objects.get(pk=second.login_code_id).wrong == 3


def test_attempt_for_an_ended_code_is_not_consumed() -> None:
    asked = challenge(ask().challenge_id)
    assert login_queries.consume_attempt(asked.public_id, codes.SHORT, asked.login_code.expires_at) is None
    assert Challenge.objects.get().attempts == 0


def test_attempt_is_not_consumed_for_a_code_of_another_length_or_phone_or_without_a_challenge() -> None:
    asked = challenge(ask().challenge_id)

    assert login_queries.consume_attempt(asked.public_id, codes.LONG, at(1)) is None
    assert login_queries.consume_attempt(asked.public_id, codes.SHORT, at(1), phone="+79990001122") is None
    assert login_queries.consume_attempt("x", codes.SHORT, at(1)) is None

    assert Challenge.objects.get().attempts == LoginCode.objects.get().wrong == 0
    attempt = login_queries.consume_attempt(asked.public_id, codes.SHORT, at(1), phone=PHONE)
    assert attempt
    assert fields(attempt.challenge) == fields(Challenge.objects.get())
    assert fields(attempt.challenge.login_code) == fields(LoginCode.objects.get())


def test_challenge_with_its_code_and_phone_is_what_the_orm_reads() -> None:
    asked = challenge(ask().challenge_id)

    found = login_queries.challenge_with_phone(asked.public_id)

    assert found
    assert (fields(found[0]), found[1]) == (fields(asked), PHONE)
    assert fields(found[0].login_code) == fields(asked.login_code)
    assert login_queries.challenge_with_phone("x") is None


def test_sent_codes_are_those_of_the_orm() -> None:
    answer(ask(), 1)
    ask(40)

    found = history(User.objects.get().pk, at(41)).sent

    sends = SmsDelivery.objects.select_related("login_code").order_by("created_at")
    assert [(time, fields(code)) for time, code in found] == [
        (send.created_at, fields(send.login_code)) for send in sends
    ]


def orm_weights(user: User, device: Device | None, window: timedelta) -> int:
    """The risk weight of a track by its definition."""
    short = LoginCode.objects.filter(user=user, device=device, length=codes.SHORT, expires_at__gt=at(700) - window)
    return sum(3 * code.challenges if code.expires_at > at(700) else code.wrong for code in short)


def test_risk_weights_are_the_sums_of_the_orm(settings: Any) -> None:
    settings.DEMO, settings.SMS_GATEWAYS = False, ["webhook+http://127.0.0.1:9/"]
    asked = ask()
    login_queries.consume_attempt(asked.challenge_id, codes.SHORT, at(1))
    token = answer(asked, 2, right(asked.challenge_id)).device_token
    ask(3)
    ask(600, device_token=token)
    LoginCode.objects.filter(created_at=at(3)).update(wrong=2, expires_at=at(300))
    user, device = User.objects.get(), Device.objects.get()
    day, month = timedelta(days=1), timedelta(days=30)

    weights = history(user.pk, at(700)).weights

    assert (weights.day, weights.month) == (orm_weights(user, None, day), orm_weights(user, None, month))
    assert weights.site_allows and weights.long_challenges == 0
    known = history(user.pk, at(700), device).weights
    assert (known.day, known.month) == (orm_weights(user, device, day), orm_weights(user, device, month)) != (0, 0)
    assert limit_queries.site_risk_weight(at(700), weight=3, site=497) == weights.day
