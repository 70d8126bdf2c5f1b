"""Limits by network: they grow with the phones that its people verify, and count the /64, /56 and /48 of IPv6."""

from ipaddress import ip_network
from typing import Any

import pytest
from django.db import connection

from tests.support.login_steps import ADDRESS, PHONE, answer, ask, at, refused, someone, wrong
from tests.support.races import race
from users.login import networks, sms_limits
from users.login.challenges import ChallengeIssued
from users.login.decisions import TooManyRequests
from users.login.signin import InvalidCode
from users.models import LoginCode, NetworkTotals, SmsDelivery, User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unreachable_gateway")]
MINUTE, HOUR, DAY = 60, 3600, 24 * 3600


def verified(phones: int, address: str = ADDRESS, seconds: float = 0) -> None:
    """Let this many phones of a network count as verified."""
    network = networks.containing(address)[-1].addresses
    sms_limits.count_site(at(seconds))
    NetworkTotals.objects.update_or_create(
        first=str(network[0]),
        length=network.prefixlen,
        defaults={"verified_phones": phones, "unused_sms": 0, "short_weight": 0},
    )


def test_used_codes_are_free() -> None:
    for number in range(30):
        answer(ask(number, phone=someone(number)), number)

    assert ask(30, phone=someone(30)).sent


def test_network_may_cause_ten_unused_sms_an_hour() -> None:
    for number in range(10):
        assert ask(number * MINUTE, phone=someone(number)).sent

    assert refused(15 * MINUTE, phone=someone(10)) == 45 * MINUTE
    assert ask(15 * MINUTE, phone=someone(11), address="192.0.2.2").sent
    assert ask(HOUR, phone=someone(10)).sent


def test_burst_is_told_a_short_delay_and_passes_when_its_codes_are_used() -> None:
    burst = [ask(phone=someone(number)) for number in range(10)]

    assert refused(1, phone=someone(10)) == networks.PENDING_DELAY.total_seconds()
    answer(burst[0], 20)
    assert ask(31, phone=someone(10)).sent


@pytest.mark.parametrize(("step", "most"), [(1, 10), (1 << 64, 20), (1 << 72, 40)])
def test_wider_ipv6_networks_have_limits_of_their_own(step: int, most: int) -> None:
    first = ip_network("2001:db8::/48")[0]
    for number in range(most):
        assert ask(number, phone=someone(number), address=str(first + number * step)).sent

    assert refused(most, phone=someone(most), address=str(first + most * step))
    assert ask(most, phone=someone(most), address="2001:db8:1::1").sent


def test_verified_phones_raise_the_limits() -> None:
    verified(100)
    for number in range(20):
        assert ask(number, phone=someone(number)).sent

    assert refused(20, phone=someone(20))


def test_unused_sms_of_a_day_are_limited() -> None:
    for number in range(40):
        assert ask(number * 20 * MINUTE, phone=someone(number)).sent

    assert refused(13 * HOUR + 20 * MINUTE, phone=someone(40)) == HOUR
    sms_limits.count_site(at(15 * HOUR))
    assert refused(15 * HOUR + 1, phone=someone(40)) == HOUR
    sms_limits.count_site(at(DAY))
    assert ask(DAY, phone=someone(40)).sent


def test_unused_sms_of_a_day_are_at_most_a_tenth_of_those_of_the_site(settings: Any) -> None:
    settings.SMS_PER_DAY = 50
    verified(1000)
    for number in range(5):
        assert ask(number * HOUR, phone=someone(number)).sent

    assert refused(5 * HOUR, phone=someone(5)) == HOUR


def test_known_device_is_exempt_and_strangers_are_not_told_about_its_phone() -> None:
    token = answer(ask()).device_token
    for number in range(10):
        ask(phone=someone(number))

    known = ask(60, device_token=token)

    assert (known.sent, known.code_length) == (True, 4)
    assert SmsDelivery.objects.latest("pk").client_address is None
    assert refused(61) == refused(61, phone=someone(11)) == refused(61, device_token="x") == 30


def test_network_without_sms_left_still_attaches_to_an_open_code() -> None:
    ask(phone=PHONE, address="198.51.100.1")
    for number in range(10):
        ask(phone=someone(number))

    joined = ask(40, phone=PHONE)

    assert (joined.sent, joined.resend_in) == (False, 30)
    assert answer(joined, 41).created


def test_network_without_sms_left_keeps_its_own_challenge() -> None:
    held = ask().challenge_id
    for number in range(9):
        ask(phone=someone(number))

    assert ask(10, challenge_id=held).challenge_id == held


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("address", ["192.0.2.{}", "2001:db8:0:{}00::1"])
def test_parallel_requests_of_one_network_are_counted_one_at_a_time(address: str) -> None:
    most = 10 if "." in address else 40
    for number in range(most - 4):
        ask(phone=someone(number), address=address.format(1 if most == 10 else number), now=None)

    answers = race(
        lambda number=number: ask(
            phone=someone(most + number), address=address.format(1 if most == 10 else number), now=None
        )
        for number in range(12)
    )

    assert sum(isinstance(answer, ChallengeIssued) for answer in answers) == 4
    assert sum(isinstance(answer, TooManyRequests) for answer in answers) == 8
    assert SmsDelivery.objects.count() == most


def test_network_gets_sixty_challenges_an_hour_for_one_phone() -> None:
    for second in range(60):
        ask(second, phone=PHONE, challenge_id="")
    verified(100)

    assert refused(60, phone=PHONE) == HOUR - 60
    assert ask(60, phone=PHONE, address="192.0.2.2").challenge_id
    assert ask(60, phone=someone(1)).challenge_id
    assert ask(HOUR, phone=PHONE).challenge_id


def test_challenges_for_one_phone_from_a_48_are_those_of_an_address() -> None:
    for second in range(60):
        ask(second, phone=PHONE, address=f"2001:db8:0:{second:x}::1")

    assert refused(60, phone=PHONE, address="2001:db8:0:ff::1") == HOUR - 60


def test_network_gets_sixty_challenges_an_hour_for_all_phones() -> None:
    for number in range(9):
        ask(phone=someone(number), address=f"198.51.100.{number}")
    for second in range(60):
        ask(second, phone=someone(second % 9))
    LoginCode.objects.update(expires_at=at(60))

    assert refused(60, phone=someone(1)) == HOUR - 60
    verified(1)
    assert ask(61, phone=someone(1)).challenge_id


def test_limit_of_challenges_that_will_grow_is_told_as_a_minute() -> None:
    for number in range(60):
        answer(ask(number / 10, phone=someone(number)), number / 10)

    assert refused(7, phone=someone(60)) == 60
    sms_limits.count_site(at(30))
    assert ask(31, phone=someone(60)).sent


def test_networks_short_codes_are_limited_and_others_are_not_touched() -> None:
    for number in range(11):
        asked = ask(number * 6 * MINUTE, phone=someone(number))
        for _ in range(3):
            answered = wrong(asked.challenge_id)
            with pytest.raises(InvalidCode):
                answer(asked, number * 6 * MINUTE, answered)

    assert ask(70 * MINUTE, phone=someone(11)).code_length == 10
    assert ask(70 * MINUTE, phone=someone(12), address="192.0.2.2").code_length == 4
    sms_limits.count_site(at(3 * HOUR))
    assert ask(3 * HOUR + 1, phone=someone(13)).code_length == 10
    verified(30, seconds=3 * HOUR + 2)
    NetworkTotals.objects.update(short_weight=33)
    assert ask(3 * HOUR + 3, phone=someone(14)).code_length == 4


def test_typing_errors_of_who_signs_in_do_not_count_against_a_network() -> None:
    for number in range(12):
        asked = ask(number, phone=someone(number))
        with pytest.raises(InvalidCode):
            answer(asked, number, wrong(asked.challenge_id))
        answer(asked, number)

    assert ask(12, phone=someone(12)).code_length == 4


def test_refusal_writes_nothing() -> None:
    for number in range(10):
        ask(phone=someone(number))
    User.objects.create(phone=PHONE, verified_at=at(0))
    User.objects.create(phone=someone(20), is_active=False)
    User.objects.create(phone=someone(21), is_staff=True)

    for phone in (PHONE, someone(20), someone(21), someone(22), someone(99)):
        with connection.execute_wrapper(_no_writes):
            assert refused(1, phone=phone) == 30


def _no_writes(execute: Any, sql: Any, *rest: Any) -> Any:
    assert not any(word in str(sql) for word in ("INSERT", "UPDATE", "DELETE")), sql
    return execute(sql, *rest)
