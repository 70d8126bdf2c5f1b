"""Codes get longer under attack: the risk weights of a phone, a device and the site."""

from datetime import timedelta
from typing import Any

import pytest

from profiles import signup
from tests.support.login_steps import PHONE, answer, ask, at, challenge, device_token, stranger, weigh, wrong
from users.login.challenges import ChallengeIssued
from users.login.signin import InvalidCode
from users.models import LoginCode, SiteTotals, User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unreachable_gateway")]
MINUTE, HOUR, DAY = 60, 3600, 24 * 3600
OTHER = "+79997654321"


def guess_wrong(asked: ChallengeIssued, seconds: float, times: int = 3) -> None:
    for _ in range(times):
        with pytest.raises(InvalidCode):
            answer(asked, seconds, typed=wrong(asked.challenge_id))


def test_third_challenge_gets_a_long_code() -> None:
    lengths = [stranger(second, second).code_length for second in range(5)]

    assert lengths == [4, 4, 10, 10, 10]
    short, long = LoginCode.objects.order_by("length")
    assert (short.challenges, long.challenges) == (2, 3)
    assert long.deliveries.count() == 1


def test_only_wrong_guesses_weigh_after_the_end_of_their_code() -> None:
    guess_wrong(stranger(0), 1)
    guess_wrong(stranger(2), 3, times=1)
    assert stranger(4).code_length == 10

    after = 11 * MINUTE

    assert stranger(after).code_length == 10
    LoginCode.objects.filter(length=4).update(wrong=3)
    assert stranger(after + 1).code_length == 4


def test_short_codes_come_back_a_day_after_the_end_of_the_guessed_one() -> None:
    weigh(PHONE, 4, ended=0)

    assert stranger(DAY - 1).code_length == 10
    assert stranger(DAY).code_length == 4


def test_month_has_its_own_limit() -> None:
    for day in range(5):
        weigh(PHONE, 2, ended=day * DAY)

    assert stranger(6 * DAY).code_length == 10
    assert stranger(30 * DAY - 1).code_length == 10
    assert stranger(30 * DAY).code_length == 4


def test_success_removes_the_wrong_guesses_of_its_own_challenge_only() -> None:
    owner = stranger(0)
    guess_wrong(stranger(1, 1), 2, times=2)
    guess_wrong(owner, 3, times=2)

    answer(owner, 4)

    assert LoginCode.objects.get().wrong == 2
    guess_wrong(stranger(5), 6)
    assert stranger(20 * MINUTE).code_length == 10


def test_correct_codes_add_no_risk_weight() -> None:
    for second in (0, 60, 120):
        answer(stranger(second), second)

    assert not LoginCode.objects.exclude(wrong=0).exists()
    assert stranger(180).code_length == 4


def test_challenge_from_before_the_attack_keeps_its_short_code() -> None:
    owner = stranger(0)
    guess_wrong(stranger(1, 1), 2)
    assert stranger(3, 2).code_length == 10

    again = ask(31, challenge_id=owner.challenge_id)

    assert (again.challenge_id, again.code_length, again.sent) == (owner.challenge_id, 4, True)
    assert answer(owner, 60).created


def test_known_device_gets_a_short_code_whatever_strangers_do() -> None:
    token = device_token()
    for second in range(1, 40):
        asked = stranger(second, second)
        guess_wrong(asked, second)

    mine = ask(60, device_token=token)

    assert (mine.code_length, mine.sent) == (4, True)
    assert not answer(mine, 61).created


def test_new_device_signs_in_while_strangers_take_every_slot() -> None:
    second, number = 0.0, 0
    while second < DAY:
        asked = stranger(second, number)
        number += 1
        if asked.code_length == 10:
            mine = ask(second + 1)
            assert mine.code_length == 10
            assert answer(mine, second + 1, user_agent="new").tokens
        second += max(asked.resend_in, 1800)


def test_known_device_that_guesses_too_much_is_treated_as_unknown() -> None:
    token = device_token()
    device = User.objects.get(phone=PHONE).devices.get()
    guessed = weigh(PHONE, 7, ended=100, device=device)
    assert challenge(ask(200, device_token=token).challenge_id).login_code.device == device
    LoginCode.objects.filter(pk=guessed.pk).update(wrong=8)

    tired = ask(1000, device_token=token)

    assert challenge(tired.challenge_id).login_code.device is None
    assert challenge(ask(100 + DAY, device_token=token).challenge_id).login_code.device == device


def test_known_device_has_its_own_limit_of_a_month() -> None:
    token = device_token()
    device = User.objects.get(phone=PHONE).devices.get()
    for day in range(3):
        weigh(PHONE, 6, ended=day * DAY, device=device)

    assert challenge(ask(20 * DAY, device_token=token).challenge_id).login_code.device is None
    assert challenge(ask(31 * DAY, device_token=token).challenge_id).login_code.device == device


@pytest.mark.parametrize("role", ["is_staff", "is_superuser"])
def test_staff_get_long_codes_on_unknown_devices(role: str) -> None:
    token = device_token()
    User.objects.filter(phone=PHONE).update(**{role: True})

    assert stranger(1).code_length == 10
    assert ask(2, device_token=token).code_length == 4


def test_site_under_attack_gives_long_codes_to_every_unknown_device() -> None:
    token = device_token()
    for number in range(165):
        weigh(f"+7999{number:07}", 3, ended=HOUR)

    assert stranger(HOUR + 1, phone=OTHER).code_length == 4
    assert stranger(HOUR + 4, phone="+79993334444").code_length == 10
    assert ask(HOUR + 5, device_token=token).code_length == 4
    assert stranger(HOUR + DAY, phone="+79995556666").code_length == 4


def test_limit_of_a_large_site_is_three_percent_of_its_daily_users() -> None:
    for number in range(200):
        weigh(f"+7999{number:07}", 3, ended=HOUR)
    SiteTotals.objects.create(counted_at=at(0), people_a_day=19_999, sms_in_a_day=0)
    assert stranger(HOUR + 1).code_length == 10

    SiteTotals.objects.update(people_a_day=20_000)

    assert stranger(HOUR + 2, 1).code_length == 4


def test_demo_mode_has_no_risk_limits(settings: Any) -> None:
    settings.DEMO = True
    weigh(PHONE, 9, ended=0)

    assert [stranger(second).code_length for second in range(1, 9)] == [4] * 8


def test_limits_cost_few_statements(django_assert_num_queries: Any) -> None:
    asked = stranger(0)
    held = {"challenge_id": asked.challenge_id}

    # The network's lock, cost limits, the user's lock, SMS and risk weights, the challenge; and a savepoint,
    # because the test has a transaction already.
    with django_assert_num_queries(7):
        assert not ask(1, **held).sent
    assert timedelta(0) < at(asked.resend_in) - at(0)


def test_short_code_ends_when_its_user_becomes_an_operator() -> None:
    asked = stranger(0, now=None)

    signup.make_operator(PHONE, "correct horse battery")

    assert User.objects.get(phone=PHONE).is_superuser
    with pytest.raises(InvalidCode):
        answer(asked, now=None)
