"""Long codes: how long they are open, and how many challenges a phone gets."""

import pytest

from tests.support.login_steps import PHONE, answer, ask, at, challenge, device_token, stranger, weigh
from users.login import codes
from users.login.decisions import TooManyRequests
from users.login.networks import CHALLENGES_OF_PHONE
from users.login.tracks import DEVICES_CHALLENGES
from users.models import Challenge, LoginCode

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unreachable_gateway")]


def test_long_code_is_open_until_the_next_may_be_sent() -> None:
    weigh(PHONE, 4, ended=-1)
    second, spans = 0.0, []
    for _ in range(9):
        asked = stranger(second)
        code = challenge(asked.challenge_id).login_code
        spans.append((code.open_until - code.created_at).total_seconds())
        assert asked.sent
        assert code.expires_at == max(code.open_until, at(second) + codes.VALID_AFTER_UPDATE)
        second += asked.resend_in

    assert spans == [300, 300, 300, 510, 900, 1800, 3600, 3600, 3600]


def test_no_shorter_interval_leaves_a_phone_without_a_code() -> None:
    """It gets shorter when an SMS of the day before leaves the 24 hours. Then a code was sent again shortly before it
    closed, and the next SMS was an hour away."""
    weigh(PHONE, 10, ended=-1)
    hour = 3600
    for number in range(6):
        assert stranger(2 * number * hour, number).sent
    began = 24 * hour - 3590
    assert stranger(began, 6).resend_in == hour

    attached = stranger(began + 3592, 7)

    assert (attached.sent, attached.resend_in) == (False, 8)
    assert stranger(began + hour, 8).sent
    assert [stranger(began + later, later).code_length for later in (3700, 5000, 7000)] == [10, 10, 10]


def test_client_attached_late_to_a_long_code_has_five_minutes() -> None:
    weigh(PHONE, 4, ended=-1)
    asked = stranger(0)

    late = stranger(299, 1)

    assert late.expires_in == 300
    assert challenge(asked.challenge_id).login_code_id == challenge(late.challenge_id).login_code_id
    assert answer(late, 598).created


def test_long_code_challenges_of_a_phone_are_limited() -> None:
    long = weigh(PHONE, 0, ended=0, length=10, challenges=1_199_999)
    weigh(PHONE, 4, ended=0)
    last = stranger(1)
    assert last.code_length == 10

    with pytest.raises(TooManyRequests):
        stranger(2, 1)

    assert ask(3, challenge_id=last.challenge_id).challenge_id == last.challenge_id
    LoginCode.objects.filter(pk=long.pk).update(challenges=1)
    assert stranger(4, 2).code_length == 10


def test_correct_long_code_ends_the_short_one_and_their_sms_lengthen_no_interval() -> None:
    for second in (0, 1, 2):
        last = stranger(second, second)
    assert last.code_length == 10

    answer(last, 3)

    assert not LoginCode.objects.filter(expires_at__gt=at(3)).exists()
    fresh = stranger(4)
    assert (fresh.sent, fresh.resend_in) == (True, 30)


def test_known_device_within_the_resend_interval_gets_a_long_code_at_once() -> None:
    token = device_token()
    held = ask(1, device_token=token)
    for second in (31, 91, 211):
        assert ask(second, device_token=token, challenge_id=held.challenge_id).sent

    asked = ask(400, device_token=token)

    assert (asked.code_length, asked.sent) == (10, True)
    assert challenge(asked.challenge_id).login_code.device is not None
    assert answer(asked, 401).tokens


def test_long_code_challenges_of_known_devices_are_limited() -> None:
    """The limits by network do not hold for them, and each is a row that later sign-ups from the network read."""
    token = device_token()
    short = ask(1, device_token=token).challenge_id
    for second in (31, 91, 211):  # then the next short code waits for 300 s
        ask(second, device_token=token, challenge_id=short)
    asked = []

    with pytest.raises(TooManyRequests):
        for _ in range(2 * DEVICES_CHALLENGES + CHALLENGES_OF_PHONE):
            asked.append(ask(302, device_token=token))

    assert asked[0].code_length == codes.LONG
    assert Challenge.objects.filter(login_code__device__isnull=False).count() == DEVICES_CHALLENGES
    assert Challenge.objects.filter(login_code__device=None).count() == CHALLENGES_OF_PHONE
    assert answer(asked[0], 303).tokens  # the user still signs in with the code that came first
