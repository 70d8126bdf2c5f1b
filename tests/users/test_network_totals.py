"""What is counted of a network: each minute, and live."""

import random
from contextlib import suppress
from ipaddress import ip_network
from typing import Any

import pytest

from tests.support.login_steps import ADDRESS, PHONE, answer, ask, at, refused, someone, wrong
from users import network_queries
from users.login import networks, sms_limits
from users.login.decisions import TooManyRequests
from users.login.signin import InvalidCode, MalformedCode
from users.models import Challenge, NetworkTotals, SmsDelivery

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unreachable_gateway")]
MINUTE, HOUR, DAY = 60, 3600, 24 * 3600


def test_verified_phones_are_different_ones_and_of_new_devices() -> None:
    token = answer(ask(), 1).device_token
    answer(ask(2), 3)
    answer(ask(4, device_token=token), 5)
    answer(ask(6, phone=someone(1), address="192.0.2.2"), 7)
    answer(ask(8, phone=someone(2), address="2001:db8:1:2:3::4"), 9)

    sms_limits.count_site(at(10))

    found = NetworkTotals.objects.filter(verified_phones__gt=0).order_by("first", "-length")
    assert [(str(row), row.verified_phones) for row in found] == [
        ("192.0.2.1/32", 1),
        ("192.0.2.2/32", 1),
        ("2001:db8:1::/56", 1),
        ("2001:db8:1::/48", 1),
        ("2001:db8:1:2::/64", 1),
    ]
    sms_limits.count_site(at(DAY + 10))
    assert not NetworkTotals.objects.exists()


def test_rows_that_stay_the_same_are_not_written() -> None:
    answer(ask(), 1)
    sms_limits.count_site(at(2))
    before = NetworkTotals.objects.values("pk").annotate().extra(select={"version": "xmin::text"}).get()

    sms_limits.count_site(at(62))

    assert NetworkTotals.objects.values("pk").extra(select={"version": "xmin::text"}).get() == before


def orm_counts(seconds: float) -> tuple[int, int, int, int]:
    """Unused SMS in an hour and in a day, challenges in an hour, and the risk weight, by their definitions."""
    unused = SmsDelivery.objects.filter(client_address=ADDRESS, login_code__used_at=None)
    asked = Challenge.objects.filter(address=ADDRESS, login_code__device=None).select_related("login_code")
    weights = [
        3 if row.login_code.expires_at > at(seconds) else row.attempts
        for row in asked.filter(login_code__length=4, session_id=None, login_code__expires_at__gt=at(seconds - DAY))
    ]
    return (
        unused.filter(created_at__gt=at(seconds - HOUR)).count(),
        unused.filter(created_at__gt=at(seconds - DAY)).count(),
        asked.filter(created_at__gt=at(seconds - HOUR)).count(),
        sum(weights),
    )


def told_counts(seconds: float) -> tuple[int, int, int, int]:
    network = [ip_network(ADDRESS)]
    limits: dict[str, Any] = {"most": 9, "country": "RU", "prefix": "+7999"}
    _, _, [stored] = network_queries.lock_and_count(network, at(seconds), **limits)
    [live] = network_queries.live_counts(
        network, at(seconds), sends=[1], challenges=[1], of_phone=1, phone=PHONE,
        through=stored.through, recount=networks.RECOUNT_DELAY,
    )  # fmt: skip
    weight = stored.short_weight + live.recent_weight
    return live.sms, stored.unused_sms + live.recent_sms, live.challenges, weight


@pytest.mark.parametrize("is_counted", [False, True])
@pytest.mark.parametrize("seed", range(2))
def test_stored_and_live_counts_are_together_those_of_the_orm(seed: int, is_counted: bool) -> None:
    chosen, seconds = random.Random(seed), 0.0
    for _ in range(40):
        seconds += chosen.choice([1, 20, 4 * MINUTE, 40 * MINUTE, 3 * HOUR])
        with suppress(TooManyRequests):
            asked = ask(seconds, phone=someone(chosen.randrange(12)))
            for _ in range(chosen.randrange(3)):
                with suppress(InvalidCode, MalformedCode):
                    answer(asked, seconds, wrong(asked.challenge_id))
            if chosen.random() < 0.4:
                answer(asked, seconds)
        if is_counted:
            sms_limits.count_site(at(seconds + 1))

        assert told_counts(seconds + 2) == orm_counts(seconds + 2)


FAULTS = "1 webhook: fault HTTP 503; 2 webhook: no_connection refused"


@pytest.mark.parametrize(
    ("is_counted", "sms"),
    [
        (False, {"state": "failed", "error": FAULTS, "open_tries": {"1 webhook": 0}}),
        (False, {"state": "dropped"}),
        (True, {"state": "dropped", "open_tries": {"1 webhook": 1}}),
        (True, {"state": "queued", "error": FAULTS}),
        (True, {"state": "sent"}),
        (True, {"state": "failed", "error": FAULTS, "open_tries": {"1 webhook": 0, "2 webhook": 1}}),
        (True, {"state": "failed", "error": "1 webhook: fault HTTP 503; 2 webhook: region"}),
        (True, {"state": "failed", "error": "1 smsc: number 7"}),
    ],
)
def test_sms_that_gateways_failed_to_send_do_not_count(is_counted: bool, sms: dict[str, Any]) -> None:
    """After an outage the people of a network would be refused. What a client chose is no outage."""
    for number in range(networks.UNUSED_SMS_IN_AN_HOUR):
        ask(phone=someone(number))
    SmsDelivery.objects.update(**sms)

    if is_counted:
        refused(60, phone=someone(99))
    else:
        assert ask(60, phone=someone(99)).sent
    SmsDelivery.objects.filter(created_at__gt=at(1)).delete()
    sms_limits.count_site(at(DAY / 2))

    stored = sum(row.unused_sms for row in NetworkTotals.objects.all())
    assert stored == (networks.UNUSED_SMS_IN_AN_HOUR if is_counted else 0)
