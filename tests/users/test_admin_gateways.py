"""The gateways in the admin: what state each is in, and what an operator should do."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from tests.support.operators import at_work, operator
from users.models import SmsGateway
from users.queries import database_now

pytestmark = pytest.mark.django_db

STATES = [
    ({}, "works", "работает", ""),
    ({"failures": 2, "error": "timeout"}, "works", "работает", ""),
    ({"failures": 3, "error": "timeout"}, "fails", "сбои", "Ask its provider"),
    ({"failures": 3, "error": "credit 3"}, "takes no SMS", "не принимает SMS", "Add credit"),
    ({"failures": 3, "error": "credentials 5"}, "takes no SMS", "не принимает SMS", "Check the account"),
    ({"refusals": 20, "error": "rejected 7"}, "refuses all SMS", "отклоняет все SMS", "send_test_sms PHONE"),
]


@pytest.fixture
def viewer(settings: Any) -> Client:
    settings.SMS_GATEWAYS = ["webhook+http://127.0.0.1:9/"]
    return at_work(operator("9991119998", "view_smsgateway"))


@pytest.mark.parametrize(("values", "english", "russian", "todo"), STATES)
def test_state_and_what_to_do_are_shown(
    viewer: Client, values: dict[str, Any], english: str, russian: str, todo: str
) -> None:
    now = database_now()
    SmsGateway.objects.create(name="1 webhook", failed_at=now, circuit_open_until=now + timedelta(minutes=1), **values)

    tone = "good" if english == "works" else "bad"
    assert f'<span class="outcome {tone}">{english}</span>' in (page := listed(viewer, "en"))
    assert (todo or "—") in page.partition("field-todo")[2].partition("</td>")[0]
    assert f'<span class="outcome {tone}">{russian}</span>' in listed(viewer, "ru")
    page = viewer.get("/admin/users/smsgateway/1%20webhook/change/").text
    assert english in page.partition("field-state")[2].partition("</div>")[0]
    assert (todo or "—") in page.partition("field-todo")[2].partition("</div>")[0]


def test_gateway_that_is_no_longer_configured_is_told(viewer: Client) -> None:
    SmsGateway.objects.create(name="1 twilio", failures=3, error="credit 3")

    assert '<span class="outcome ">not used</span>' in (page := listed(viewer, "en"))
    assert "It is no longer in SMS_GATEWAYS." in page
    assert "Add credit" not in viewer.get("/admin/users/smsgateway/1%20twilio/change/").text


def listed(viewer: Client, language: str) -> str:
    return viewer.get("/admin/users/smsgateway/", headers={"Accept-Language": language}).text
