"""Which code a client gets, and when its SMS is sent again."""

import pytest

from tests.support.login_steps import answer, ask, at, challenge, right, set_code, wrong
from users.login.challenges import ChallengeIssued
from users.login.decisions import TooManyRequests
from users.login.devices import TRUST_FOR
from users.login.signin import InvalidCode
from users.models import Challenge, LoginCode, SmsDelivery

pytestmark = pytest.mark.django_db
GAPS = [30, 60, 120, 300, 900, 1800, 3600]
DAY = 24 * 3600


def code_id(asked: ChallengeIssued) -> int:
    return challenge(asked.challenge_id).login_code_id


def device_token() -> str:
    """The token of a device that signed in at the start of the story."""
    return answer(ask()).device_token


def climb(gaps: list[int], start: float = 0, **given: str) -> None:
    """Request each SMS as early as allowed, and assert that each interval is exact."""
    when = start
    for gap in gaps:
        asked = ask(when, **given)
        assert (asked.sent, asked.sent_at, asked.resend_in) == (True, at(when), gap)
        when += gap
        try:
            early = ask(when - 1, **given)
            assert (early.sent, early.resend_in) == (False, 1)
        except TooManyRequests as error:
            assert error.retry_after == 1


def test_second_client_attaches_to_the_open_code_and_prolongs_it() -> None:
    first, second = ask(), ask(20)

    assert code_id(first) == code_id(second)
    assert right(first.challenge_id) == right(second.challenge_id)
    assert (second.sent, second.sent_at, second.resend_in, second.expires_in) == (False, at(0), 10, 300)
    assert SmsDelivery.objects.count() == 1


def test_resend_has_the_same_digits() -> None:
    first = ask()
    again = ask(30)

    assert (again.sent, again.code) == (True, first.code)
    assert LoginCode.objects.count() == 1
    assert SmsDelivery.objects.count() == 2


def test_intervals_of_unknown_devices_grow_to_an_hour() -> None:
    climb([*GAPS, 3600, 3600])


def test_sms_sent_before_the_clock_was_set_back_delays_nobody() -> None:
    ask(3600)

    again, third = ask(), ask(59)

    assert (again.sent, again.resend_in) == (True, 60)
    assert (third.sent, third.resend_in) == (False, 1)


def test_intervals_of_a_known_device_grow_to_a_quarter_of_an_hour() -> None:
    climb([30, 60, 120, 300, 900, 900, 900, 900, 900], start=1, device_token=device_token())


def test_known_device_is_treated_as_unknown_after_ten_sms() -> None:
    token = device_token()
    climb([30, 60, 120, 300, 900, 900, 900, 900, 900], start=1, device_token=token)
    tenth = ask(5011, device_token=token)

    next_one = ask(6000, device_token=token)

    assert (tenth.sent, next_one.sent, next_one.resend_in) == (True, True, 30)
    lanes = LoginCode.objects.filter(used_at=None).order_by("-pk").values_list("device", flat=True)
    assert lanes[0] is None
    assert lanes[1] is not None


@pytest.mark.parametrize(("second", "gap"), [(29, 120), (30, 60), (89, 60), (90, 30)])
def test_sms_older_than_a_day_do_not_count(second: int, gap: int) -> None:
    climb([30, 60, 120])

    assert ask(DAY + second).resend_in == gap


def test_sms_of_ten_successes_do_not_lengthen_the_intervals() -> None:
    for second in range(10):
        asked = ask(second)
        assert (asked.sent, asked.resend_in) == (True, 30)
        answer(asked, second)

    eleventh = ask(10)
    answer(eleventh, 10)

    assert eleventh.resend_in == 30
    with pytest.raises(TooManyRequests) as refused:
        ask(11)
    assert refused.value.retry_after == 29
    assert ask(40).resend_in == 60


def test_code_is_open_for_five_minutes_and_closed_by_the_next() -> None:
    first = ask()
    last = ask(299.9)
    with pytest.raises(TooManyRequests):
        ask(300)
    second = ask(360)

    assert code_id(first) == code_id(last) != code_id(second)
    assert challenge(first.challenge_id).login_code.closed_at == at(360)
    assert LoginCode.objects.filter(closed_at=None).count() == 1


def test_old_open_code_is_closed_too() -> None:
    first, second = ask(), ask(3 * DAY)

    assert code_id(first) != code_id(second)
    assert challenge(first.challenge_id).login_code.closed_at == at(3 * DAY)
    assert second.resend_in == 30


def test_code_attached_to_late_works_beside_the_next_one_and_ends_it() -> None:
    asked = ask()
    late = ask(299)
    fresh = ask(360)
    assert code_id(asked) == code_id(late) != code_id(fresh)

    signed_in = answer(late, 598)

    assert signed_in.created
    assert challenge(fresh.challenge_id).login_code.expires_at == at(598)
    for other in (asked, fresh):
        with pytest.raises(InvalidCode):
            answer(other, 598)


def test_client_keeps_its_challenge_and_its_consumed_attempts() -> None:
    held = ask()
    with pytest.raises(InvalidCode):
        answer(held, typed=wrong(held.challenge_id))

    again = ask(10, challenge_id=held.challenge_id)
    resent = ask(30, challenge_id=held.challenge_id)

    assert held.challenge_id == again.challenge_id == resent.challenge_id
    assert challenge(held.challenge_id).attempts == 1
    assert LoginCode.objects.get().challenges == 1
    assert (again.expires_in, resent.expires_in) == (290, 300)


def test_client_without_attempts_left_gets_a_new_challenge() -> None:
    held = ask()
    Challenge.objects.update(attempts=3)

    again = ask(1, challenge_id=held.challenge_id)

    assert again.challenge_id != held.challenge_id
    assert code_id(again) == code_id(held)


def test_challenge_of_another_phone_or_an_older_code_is_not_kept() -> None:
    foreign = ask(phone="+79990000000")
    held = ask()
    assert ask(1, challenge_id=foreign.challenge_id).challenge_id != foreign.challenge_id

    set_code(held.challenge_id, open_until=at(30))

    assert ask(31, challenge_id=held.challenge_id).challenge_id != held.challenge_id


def test_known_device_has_a_track_of_its_own() -> None:
    token = device_token()

    stranger, owner = ask(1), ask(2, device_token=token)

    assert owner.sent
    assert code_id(stranger) != code_id(owner)
    assert challenge(owner.challenge_id).login_code.device is not None
    assert challenge(stranger.challenge_id).login_code.device is None


def test_known_device_leaves_the_unknown_device_track() -> None:
    token = device_token()
    held = ask(1)

    owner = ask(2, device_token=token, challenge_id=held.challenge_id)

    assert owner.challenge_id != held.challenge_id
    assert challenge(owner.challenge_id).login_code.device is not None


def test_token_of_another_phone_or_of_nobody_gives_no_track() -> None:
    foreign = answer(ask(phone="+79990000000")).device_token

    for token in (foreign, "garbage", "é"):
        assert challenge(ask(1, device_token=token).challenge_id).login_code.device is None


def test_device_is_known_for_180_days() -> None:
    token = device_token()
    end = TRUST_FOR.total_seconds()

    known, stranger = ask(end - 1, device_token=token), ask(end, device_token=token)

    assert challenge(known.challenge_id).login_code.device is not None
    assert challenge(stranger.challenge_id).login_code.device is None


def test_ten_successes_of_a_phone_are_exempt_on_any_device() -> None:
    token = device_token()
    for second in range(1, 10):
        answer(ask(second), second)

    answer(ask(10, device_token=token), 10)

    with pytest.raises(TooManyRequests) as refused:
        ask(11, device_token=token)
    assert refused.value.retry_after == 29
