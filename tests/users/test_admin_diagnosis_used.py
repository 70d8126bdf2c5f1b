"""The admin's page about a code that did not arrive: a code that did, and the devices of both."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from tests.support.accounts import SignedInUser
from tests.support.operators import at_work, helper, operator, page_of
from users.clock import HOUR
from users.models import Device, SmsDelivery, SmsGateway, User

pytestmark = pytest.mark.django_db
ALLOWED = ("view_user", "view_smsdelivery")


def read(browser: Client, user: User) -> str:
    return browser.get(page_of(user.pk, "diagnosis")).text


def test_devices_are_named_as_in_their_list(alice: SignedInUser) -> None:
    device = alice.profile.user.devices.get()
    Device.objects.update(user_agent="Mozilla/5.0 (X11; Linux x86_64) Chrome/120.0")

    page = read(helper(*ALLOWED, "view_device"), alice.profile.user)

    assert f'<a href="/admin/users/device/{device.pk}/change/">Chrome, Linux</a>' in page


def test_code_that_was_used_needs_nothing(alice: SignedInUser, settings: Any) -> None:
    settings.DEMO, settings.SMS_GATEWAYS = False, ["webhook+http://127.0.0.1:9/"]
    SmsDelivery.objects.update(state="sent", gateway="1 webhook")
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (clock_timestamp())")
    SmsGateway.objects.create(name="1 webhook", failures=1, error="credit", circuit_open_until=timezone.now() + HOUR)

    page = read(helper(*ALLOWED), alice.profile.user)

    said, warning = page.index("The last code arrived and was used at"), page.index("The gateway has a problem")
    assert said < warning and "Nothing to do. If the user waits for a newer code" in page
    assert "request a new code" not in page
    assert page.count("Nothing to do.") == 1
    User.objects.filter(pk=alice.profile.pk).update(is_active=False)
    page = read(at_work(operator("9991119996", *ALLOWED, "change_user")), alice.profile.user)
    assert "Enable the user first" in page and "Nothing to do." not in page
