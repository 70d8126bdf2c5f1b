"""SMS cost limits: by day, and for numbers whose codes are not used. Those by network are in test_networks."""

import logging
from contextlib import suppress
from typing import Any

import pytest
from django.db import connection

from tests.support import query_plans as plans
from tests.support.login_steps import answer, ask, at, refused, someone
from users.clock import NO_DELAY
from users.login import sms_limits
from users.login.decisions import TooManyRequests
from users.models import LoginCode, SiteTotals, SmsDelivery, User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unreachable_gateway")]
MINUTE, HOUR, DAY = 60, 3600, 24 * 3600


def send(phone: str, seconds: float, used: bool = False) -> None:
    """An SMS to this phone, from an address of its own."""
    user, _ = User.objects.get_or_create(phone=phone)
    times = dict.fromkeys(["created_at", "sent_at", "open_until", "expires_at", "closed_at"], at(seconds))
    used_at = at(seconds) if used else None
    code = LoginCode.objects.create(user=user, length=4, nonce=b"n", language="en", used_at=used_at, **times)
    address = f"2001:db8:{code.pk & 0xFFFF:x}::1"
    SmsDelivery.objects.create(
        login_code=code, country="RU", prefix=phone[:-4], created_at=at(seconds), client_address=address
    )


def test_repeated_request_with_its_challenge_is_not_counted() -> None:
    held = ask().challenge_id
    for second in range(61):
        last = ask(second, challenge_id=held)

    assert last.challenge_id == held


def test_known_device_is_exempt() -> None:
    token = answer(ask()).device_token
    for number in range(10):
        ask(phone=someone(number))
    for second in range(60):
        ask(second, phone=someone(0), address="192.0.2.2")

    known = ask(60, device_token=token)

    assert (known.sent, known.code_length) == (True, 4)
    assert SmsDelivery.objects.latest("pk").client_address is None
    assert refused(61) > 1


def test_site_keeps_the_last_tenth_of_its_sms_for_known_devices(settings: Any) -> None:
    settings.SMS_PER_DAY = 20
    token = answer(ask()).device_token
    for number in range(17):
        ask(phone=someone(number), address=f"198.51.100.{number}")

    assert refused(1, phone=someone(18), address="198.51.100.99") == 60
    assert ask(2, device_token=token).sent
    settings.SMS_PER_DAY = 19
    assert not ask(40, device_token=token).sent
    assert ask(DAY, phone=someone(18), address="198.51.100.99").sent


def test_sms_of_the_last_minute_are_counted_only_near_the_limit(settings: Any) -> None:
    # Ids count from this one, whatever SMS earlier tests sent.
    send(someone(1), -DAY)
    code = LoginCode.objects.get()
    SmsDelivery.objects.bulk_create(SmsDelivery(login_code=code, created_at=at(0)) for _ in range(501))

    settings.SMS_PER_DAY = 10_000
    with connection.cursor() as cursor:
        # PostgreSQL would read the whole of a small table, or keep the plan of an earlier test. It may also have
        # counted the rows between two tests, when there were none.
        cursor.execute("SET LOCAL enable_seqscan = off; DISCARD PLANS; ANALYZE users_smsdelivery, users_logincode")
    with plans.read("force_generic_plan") as readings:
        assert ask(1, phone=someone(2)).sent
    assert sum(reading.rows for reading in readings if reading.table == "users_smsdelivery") < 50

    for limit, site_refuses in ((560, False), (557, True)):
        settings.SMS_PER_DAY = limit
        delays = sms_limits.costs(someone(3), "192.0.2.3", at(2)).delays(known=False, verified=True)
        assert (delays.site > NO_DELAY) is site_refuses


def test_sms_sent_before_the_clock_was_set_back_are_counted(settings: Any) -> None:
    settings.SMS_PER_DAY = 10
    for number in range(9):
        send(someone(number), HOUR)
    send(someone(9), -1)
    SiteTotals.objects.create(counted_at=at(0), people_a_day=0, sms_in_a_day=0)

    assert refused(1, phone=someone(10)) == 60


def test_sms_of_the_day_are_the_last_totals_and_those_since(settings: Any) -> None:
    settings.SMS_PER_DAY = 20
    send(someone(1), -DAY - 1)
    send(someone(2), -HOUR)
    sms_limits.count_site(at(0))
    SiteTotals.objects.update(sms_in_a_day=16)

    ask(1, phone=someone(3))
    ask(2, phone=someone(4))

    assert refused(3, phone=someone(5)) == 60


def test_totals_are_the_mean_of_daily_users_and_the_sms_of_a_day() -> None:
    for day in range(7):
        for person in range(day + 1):
            send(someone(person), -day * DAY - HOUR, used=True)
            send(someone(person), -day * DAY - HOUR, used=True)
    send(someone(20), -HOUR)

    sms_limits.count_site(at(0))

    totals = SiteTotals.objects.get()
    assert totals.counted_at == at(0)
    assert totals.people_a_day == pytest.approx(28 / 7, abs=1)  # the database's day may begin in between
    assert totals.sms_in_a_day == 3
    sms_limits.count_site(at(-MINUTE))
    totals.refresh_from_db()
    assert totals.counted_at == at(0)


def test_totals_are_counted_again_after_the_clock_was_set_back() -> None:
    sms_limits.count_site(at(HOUR))

    sms_limits.count_site(at(0))

    assert SiteTotals.objects.get().counted_at == at(0)


@pytest.mark.parametrize(
    ("unused", "used", "suspect"), [(20, 0, False), (21, 0, True), (21, 80, False), (25, 80, True)]
)
def test_country_is_suspect_when_too_few_of_its_codes_are_used(
    unused: int, used: int, suspect: bool, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(unused):
        send(someone(number), -DAY / 2)
    for number in range(used):
        send(someone(100 + number), -DAY / 2, used=True)
    send(someone(999), -sms_limits.SETTLED_AFTER.total_seconds() + 2)

    sms_limits.count_site(at(0))
    sms_limits.count_site(at(1))

    assert SiteTotals.objects.get().suspect_countries == (["RU"] if suspect else [])
    assert caplog.text.count("country RU are not used") == suspect


@pytest.mark.parametrize("address", ["198.51.100.7", "2001:db8:0:{:x}::1"])
@pytest.mark.parametrize("phone", ["+7999{:03}0000", "+7999123{:04}"])
def test_one_network_keeps_nobody_else_out(settings: Any, address: str, phone: str) -> None:
    """One address has 40 unused SMS a day, and a free /48 has 160, of which it may send 40 in the hour of a prefix."""
    settings.SMS_GUARD = "enforce"
    sent = 0
    for number in range(160):
        with suppress(TooManyRequests):
            sent += ask(number * HOUR / 10, phone=phone.format(number), address=address.format(number)).sent
    for number in range(160, 200):
        with suppress(TooManyRequests):
            sent += ask(16 * HOUR + number, phone=phone.format(number), address=address.format(number)).sent

    sms_limits.count_site(at(16 * HOUR + 200 + 1 + sms_limits.SETTLED_AFTER.total_seconds()))

    assert sent >= 40
    assert ask(16.5 * HOUR, phone=phone.format(201), address="203.0.113.1").sent


@pytest.mark.parametrize(("unused", "suspect"), [(10, False), (11, True)])
def test_number_prefix_is_suspect_when_its_codes_of_an_hour_are_not_used(unused: int, suspect: bool) -> None:
    for number in range(unused):
        send(f"+799912300{number:02}", -HOUR / 2)
    send("+79991230099", -2 * HOUR)

    sms_limits.count_site(at(0))

    assert SiteTotals.objects.get().suspect_prefixes == (["+7999123"] if suspect else [])


def test_outage_of_the_gateways_uses_up_no_sms_and_makes_nothing_suspect() -> None:
    for number in range(30):
        send(f"+799912300{number:02}", -HOUR / 2)
    SmsDelivery.objects.update(state="failed", error="1 webhook: fault HTTP 503", open_tries={"1 webhook": 0})

    sms_limits.count_site(at(0))

    found = SiteTotals.objects.get()
    assert (found.sms_in_a_day, found.suspect_countries, found.suspect_prefixes) == (0, [], [])


@pytest.mark.parametrize("suspects", [{"suspect_countries": ["RU"]}, {"suspect_prefixes": ["+7999123"]}])
def test_suspect_numbers_are_recorded_or_refused_by_setting(settings: Any, suspects: Any) -> None:
    User.objects.create(phone="+79991230002", verified_at=at(0))
    SiteTotals.objects.create(counted_at=at(0), people_a_day=0, sms_in_a_day=0, **suspects)
    assert ask(1, phone="+79991230001").sent

    settings.SMS_GUARD = "enforce"

    assert refused(2, phone="+79991230003") == HOUR
    assert ask(3, phone="+79991230002").sent


def test_warning_contains_no_full_phone(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    for number in range(11):
        send(f"+799912300{number:02}", -HOUR / 2)

    sms_limits.count_site(at(0))

    assert "number prefix +7999123 are not used" in caplog.text


def test_demo_mode_has_no_cost_limits(settings: Any) -> None:
    settings.DEMO = True
    settings.SMS_PER_DAY = 1

    assert all(ask(phone=someone(number)).sent for number in range(12))
