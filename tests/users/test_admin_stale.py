"""A form of the admin does not undo what somebody has changed since the page was opened."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from profiles.models import VotingPeriod, WebhookEndpoint
from tests.support.operators import at_work, logged, operator
from tests.support.webhooks import endpoint
from users.models import User

pytestmark = pytest.mark.django_db

OTHER, STAYS = "9991119995", "Somebody has changed this since you opened the page."
PERIOD = "/admin/profiles/votingperiod/1/change/"
TIMES = {"opens_at": "", "closes_at": "", "reason": "as announced"}


@pytest.fixture
def browser() -> Client:
    return at_work(operator("9991119997", is_superuser=True))


def about(browser: Client, page: str) -> dict[str, str]:
    """The hidden field of the page as it is now."""
    found = re.search('name="about" value="(.+?)"', browser.get(page).text)
    assert found
    return {"about": found[1]}


def of_user() -> tuple[str, dict[str, Any], dict[str, Any]]:
    other, group = operator(OTHER), Group.objects.create(name="helpers")
    page = f"/admin/users/user/{other.pk}/change/"
    return page, {"is_staff": "on"}, {"is_staff": "on", "groups": [group.pk]}


def of_group() -> tuple[str, dict[str, Any], dict[str, Any]]:
    group = Group.objects.create(name="helpers")
    return f"/admin/auth/group/{group.pk}/change/", {"name": "helpers"}, {"name": "others"}


def of_period() -> tuple[str, dict[str, Any], dict[str, Any]]:
    return PERIOD, {**TIMES, "closes_at": "2030-03-02T12:00"}, {**TIMES, "opens_at": "2030-03-01T12:00"}


def of_webhook() -> tuple[str, dict[str, Any], dict[str, Any]]:
    hook = endpoint("https://a.example.org/")
    filled = {"url": hook.url, "events": hook.events, "is_enabled": "on"}
    return f"/admin/profiles/webhookendpoint/{hook.pk}/change/", filled, {**filled, "url": "https://b.example.org/"}


@pytest.mark.parametrize("make", [of_user, of_group, of_period, of_webhook])
def test_stale_form_undoes_nothing(browser: Client, make: Any) -> None:
    page, late, first = make()
    stale = about(browser, page)
    assert browser.post(page, {**first, **stale}).status_code == 302
    before = state(), logged()

    refused = browser.post(page, {**late, **stale})

    assert STAYS in refused.text
    assert STAYS in browser.post(page, {**late, "about": "\0"}).text
    assert (state(), logged()) == before
    assert browser.post(page, {**late, **about(browser, page)}).status_code == 302
    assert state() != before[0]


def state() -> list[Any]:
    models = (VotingPeriod, WebhookEndpoint, Group, User.groups.through)
    return [sorted(model.objects.values_list(), key=str) for model in models]
