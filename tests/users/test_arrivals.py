"""How many SMS arrived, by gateway and prefix: what is counted, what is told, and what is silent."""

import logging
from datetime import timedelta
from typing import Any

import pytest
from django.utils import translation

from tests.support.login_steps import at, diagnosed
from tests.support.receipts import sent
from users.login.sms_limits import count_site
from users.models import SmsDelivery, SmsGateway
from users.sms import arrivals
from users.sms.arrivals import ENOUGH, MAX_GROUPS, SILENT, Arrival

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
GATEWAY = "1 webhook"


def took(
    number: int, *, phone: str = "+79991234567", gateway: str = GATEWAY, age: timedelta = HOUR, **values: Any
) -> None:
    """This many SMS that a gateway took. `seconds` is how long each took to arrive."""
    taken = at(0) - age
    if (seconds := values.pop("seconds", None)) is not None:
        values["delivered_at"] = taken + timedelta(seconds=seconds)
    for _ in range(number):
        sent(gateway, "", phone, created_at=taken, finished_at=taken, **values)


def counted() -> dict[tuple[str, str], tuple[int, int, float | None]]:
    count_site(at(0))
    return {(one.gateway, one.prefix): (one.accepted, one.delivered, one.seconds) for one in arrivals.last()}


def test_share_and_median_are_counted_by_gateway_and_prefix() -> None:
    took(6, seconds=2)
    took(3, seconds=8)
    took(3, undelivered="expired")
    took(ENOUGH - 1, phone="+79261234567", seconds=2)
    took(ENOUGH, phone="+447911123456", gateway="2 twilio", seconds=4)

    assert counted() == {
        (GATEWAY, ""): (12 + ENOUGH - 1, 9 + ENOUGH - 1, 2),
        (GATEWAY, "+7999"): (12, 9, 2),
        ("2 twilio", ""): (ENOUGH, ENOUGH, 4),
        ("2 twilio", "+44791"): (ENOUGH, ENOUGH, 4),
    }


def test_only_settled_sms_of_a_day_that_gateways_took_are_counted() -> None:
    took(1, seconds=1)
    took(2, age=timedelta(minutes=9))
    took(4, age=timedelta(hours=24))
    took(8, state="failed")
    took(16, state="dropped")

    assert counted() == {(GATEWAY, ""): (1, 1, 1)}


def test_gateway_without_receipts_is_not_judged() -> None:
    took(50)
    assert counted() == {}

    took(1, phone="+79261234567", undelivered="number")
    assert counted() == {(GATEWAY, ""): (51, 0, None), (GATEWAY, "+7999"): (50, 0, None)}


def test_erased_users_count_for_the_gateway_alone() -> None:
    took(ENOUGH, seconds=1)
    SmsDelivery.objects.update(prefix="", address="")

    assert counted() == {(GATEWAY, ""): (ENOUGH, ENOUGH, 1)}


def test_arrival_before_the_acceptance_was_stored_took_no_time() -> None:
    took(1, seconds=-1)

    assert counted() == {(GATEWAY, ""): (1, 1, 0)}


def test_silent_prefix_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    took(1, phone="+79261234567", seconds=1)
    took(SILENT - 1)
    with caplog.at_level(logging.WARNING):
        assert (GATEWAY, "+7999") not in counted()
        took(1, phone="+79990000000")
        assert counted()[GATEWAY, "+7999"] == (SILENT, 0, None)
        counted()

    [line] = [record.getMessage() for record in caplog.records if record.name == arrivals.__name__]
    assert line == f"gateway 1 webhook took {SILENT} SMS to +7999… in 24 hours, and none was delivered"
    took(1, seconds=3)
    assert (GATEWAY, "+7999") not in counted()


@pytest.mark.long
def test_groups_are_limited_and_the_silent_ones_come_first() -> None:
    for number in range(MAX_GROUPS + 3):
        took(ENOUGH + 1, phone=f"+79{number:02}1234567", seconds=1)
    took(SILENT, phone="+447911123456")

    found = counted()

    assert len(found) == MAX_GROUPS
    assert list(found)[:2] == [(GATEWAY, ""), (GATEWAY, "+44791")]


@pytest.mark.parametrize(
    ("language", "arrival", "text"),
    [
        ("en", Arrival(GATEWAY, "", 12, 9, 4.4), "75% of 12 SMS, half within 4 s"),
        ("ru", Arrival(GATEWAY, "", 12, 9, 4.4), "75 % из 12 SMS, половина за 4 с"),
        ("en", Arrival(GATEWAY, "", 1000, 999, 0.2), "99% of 1000 SMS, half within 1 s"),
        ("ru", Arrival(GATEWAY, "", 12, 0, None), "0 % из 12 SMS"),
    ],
)
def test_arrivals_are_told_in_the_language_of_the_operator(language: str, arrival: Arrival, text: str) -> None:
    with translation.override(language):
        assert str(arrival) == text


def test_diagnosis_shows_arrivals_at_numbers_like_that_of_the_user(settings: Any) -> None:
    settings.DEMO, settings.SMS_GATEWAYS = False, ["webhook+http://127.0.0.1:9/", "webhook+http://127.0.0.1:9/"]
    took(ENOUGH, phone="+79261234567", seconds=1)
    took(SILENT)
    count_site(at(0))

    first, second = diagnosed().gateways

    *_, at_all, at_alike = first
    assert (at_all.delivered, at_alike.delivered, at_alike.is_silent) == (ENOUGH, 0, True)
    assert second[2:] == (None, None)


def test_gateways_are_listed_although_they_never_failed(settings: Any) -> None:
    settings.SMS_GATEWAYS = ["webhook+http://127.0.0.1:9/", "webhook+http://127.0.0.1:9/", "smsc://:key@"]
    SmsGateway.objects.create(name="2 twilio", failures=4, error="credit 3")
    took(1, seconds=1)
    took(1, gateway="2 twilio", seconds=1)
    count_site(at(0))

    assert {row.name: row.failures for row in SmsGateway.objects.all()} == {
        **{GATEWAY: 0, "2 webhook": 0, "3 smsc": 0},
        "2 twilio": 4,  # was configured before
    }
