"""The admin's page about a code that did not arrive, because no gateway takes SMS."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test import Client
from django.utils import timezone

from tests.support.login_steps import ask
from tests.support.operators import helper, page_of
from users.clock import HOUR
from users.models import LoginCode, SmsDelivery, SmsGateway, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def support(settings: Any) -> Client:
    """At a service with one gateway and a worker, whose last SMS no gateway took so far."""
    settings.DEMO, settings.SMS_GATEWAYS = False, ["webhook+http://127.0.0.1:9/"]
    ask(now=timezone.now())
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (clock_timestamp())")
    later = timezone.now() + timedelta(seconds=8)
    SmsDelivery.objects.update(error="1 webhook: no_connection refused", failed_rounds=3, next_try_at=later)
    return helper("view_user", "view_smsdelivery")


def read(browser: Client) -> str:
    return browser.get(page_of(User.objects.get(phone="+79991234567").pk, "diagnosis")).text


def advice(browser: Client) -> str:
    return read(browser).partition("What now</h2>")[2].partition("</div>")[0]


def test_queued_sms_is_waited_for(support: Client) -> None:
    found = advice(support)

    assert "Wait: it is tried until its code expires." in found
    assert "new code now" not in found and "reference" not in found


@pytest.mark.parametrize("state", ["queued", "failed", "sent"])
def test_new_request_is_not_advised_while_no_gateway_takes_sms(support: Client, state: str) -> None:
    SmsDelivery.objects.update(state=state)
    SmsGateway.objects.create(name="1 webhook", failures=3, error="no_connection refused")

    found = advice(support)

    assert "No gateway takes SMS now" in found and "A new request does not help" in found
    assert "new code now" not in found and "reference" not in found


def test_other_gateway_is_counted_on(support: Client, settings: Any) -> None:
    settings.SMS_GATEWAYS = [*settings.SMS_GATEWAYS, "webhook+http://127.0.0.1:10/"]
    SmsDelivery.objects.update(state="failed")
    SmsGateway.objects.create(name="1 webhook", failures=3, error="no_connection refused")

    assert "No gateway takes SMS now" not in advice(support)


def test_queued_sms_whose_code_has_expired_is_not_waited_for(support: Client) -> None:
    LoginCode.objects.update(created_at=F("created_at") - HOUR, expires_at=F("expires_at") - HOUR)

    found = advice(support)

    assert "Wait:" not in found and "the user can request the next SMS" in found


def test_sms_between_two_tries_is_no_work_for_a_worker(support: Client) -> None:
    queue = read(support).partition("The queue</h2>")[2]

    assert re.search(r"Longest wait for a worker<.*<td>—</td>.*SMS that wait for another try: 1<", queue, re.S)
