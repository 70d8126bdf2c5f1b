"""In Russian, no page of the admin has an English word, and none shows a value as Python writes it."""

import re
from html.parser import HTMLParser
from typing import Any
from uuid import UUID

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group
from django.test import Client

from profiles.models import Profile, WebhookDelivery
from profiles.webhooks.models import Kind
from tests.support.accounts import SignedInUser, registered
from tests.support.operators import at_work, operator
from tests.support.webhooks import endpoint
from users.models import Device, LoginCode, SmsDelivery, SmsGateway, User
from users.queries import database_now
from users.sms.answers import Reason
from users.sms.tasks import count_site, record_receipts

pytestmark = pytest.mark.django_db

REGISTERED = [model for model in apps.get_models() if admin.site.is_registered(model)]

# Names and abbreviations that Russian texts have too, and what the tests themselves write.
KNOWN = {
    *("ID", "SMS", "CSV", "XLSX", "UTC", "inviting_app", "XLSX", "PHONE_REGIONS", "ADMIN_SECOND_FACTOR", "QR"),
    *("True", "False", "Search"),  # what icons of Django are named to screen readers
    *(
        "viewer",
        "support",
        "manager",
        "users",
        "tasks",
        "record_receipts",
        "name",
        "receipts",
        "at",
    ),  # groups, and the call of a job
    *("manage", "py", "doctor", "worker", "backup", "keep", "docs", "md", "SMS_GATEWAYS", "webhook", "App"),
    *("SMS_GUARD", "record", "enforce", "SMS_PER_DAY"),  # settings and their values
    *("URL", "Webhook", "id", "example", "org"),
    *("SMS_GUARD", "record", "enforce"),  # a setting and its values
    *(word for kind in Kind.values for word in kind.split(".")),  # the names of events
}
# What is no text: a secret to copy, and the hash of a password.
SKIPPED = ("script", "style", "code", "bdi")
# Attributes that browsers show or read out.
SHOWN = {"title", "alt", "placeholder", "aria-label", "label"}


class Words(HTMLParser):
    """The texts of a page that people read, without scripts, styles and values of the tests."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.skipped = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in SKIPPED:
            self.skipped += 1
        self.texts += [given[name] or "" for name in SHOWN & given.keys()]
        if tag == "input" and given.get("type") in ("submit", "button"):
            self.texts.append(given.get("value") or "")

    def handle_endtag(self, tag: str) -> None:
        self.skipped -= tag in SKIPPED

    def handle_data(self, data: str) -> None:
        if not self.skipped:
            self.texts.append(data)

    def english(self) -> set[str]:
        return {word for text in self.texts for word in re.findall(r"\b[A-Za-z_]+\b", text)} - KNOWN


@pytest.fixture
def boss(db: None) -> Client:
    user = operator(is_superuser=True)
    return at_work(user)


def everything(alice: SignedInUser, bob: SignedInUser) -> None:
    """Rows of all kinds, in as many states as pages have words for."""
    alice.activate(bob.code)
    bob.activate(alice.code)
    now = database_now()
    user, device = alice.profile.user, Device.objects.filter(user=alice.profile.user)
    device.update(user_agent="App/1.0")
    code = LoginCode.objects.filter(user=user).latest("pk")
    sends = [(state, "") for state in SmsDelivery.State.values] + [("sent", one) for one in Reason.values]
    for state, reason in sends:
        values = {"error": reason, "undelivered": reason, "address": "+7***0001", "country": "", "prefix": ""}
        SmsDelivery.objects.create(login_code=code, state=state, created_at=now, finished_at=now, **values)
    for number, reason in enumerate(Reason.values):
        SmsGateway.objects.create(name=f"{number} webhook", failures=3, error=reason, failed_at=now)
    record_receipts.defer(name="", receipts=[], at="")
    count_site(0)
    hook = endpoint("https://example.org/")
    WebhookDelivery.objects.create(endpoint=hook, kind="user.verified", data={}, message_id=UUID(int=1))
    SmsDelivery.objects.filter(undelivered="").update(delivered_at=now)
    registered("9991110007", verified_at=None)
    registered("9991110008", is_active=False)
    erased = registered("9991110009").user
    User.objects.filter(pk=erased.pk).update(phone=None, erased_at=now, is_active=False)


def paths() -> list[str]:
    found = ["", "password_change/", "second-factor/", "auth/group/add/", "profiles/webhookendpoint/add/"]
    for model in REGISTERED:
        opts = model._meta
        start = f"{opts.app_label}/{opts.model_name}/"
        found += [start, f"{start}?q=0001", f"{start}?q=12345678", f"{start}?e=1"]
        rows = [row.pk for row in model._default_manager.order_by("-pk")[:20]]
        found += [f"{start}{row}/change/" for row in rows] + [f"{start}{row}/history/" for row in rows[:1]]
    return found


@pytest.mark.long
def test_no_page_has_an_english_word(settings: Any, boss: Client, alice: SignedInUser, bob: SignedInUser) -> None:
    settings.DEMO, settings.SMS_GATEWAYS = False, ["webhook+http://127.0.0.1:9/"]
    everything(alice, bob)
    Group.objects.get_or_create(name="support")
    user, codes = alice.profile.pk, set(Profile.objects.values_list("invite_code", flat=True))
    page: Any
    shown = [f"users/user/{user}/{name}/" for name in ("diagnosis", "password", "disable", "erase", "release-vote")]
    shown += [f"users/user/{user}/{name}/" for name in ("new-code", "end-devices")]
    boss.post(f"/admin/users/user/{user}/change/", {"is_staff": "on"}, headers={"accept-language": "ru"})
    found: dict[str, str] = {}
    for path in [*paths(), *shown]:
        page = boss.get(f"/admin/{path}", headers={"accept-language": "ru"}, follow=True)
        assert page.status_code == 200, path
        found |= dict.fromkeys(Words(page.text).english() - codes, path)
        assert "+00:00" not in page.text, path

    assert not found, "\n".join(f"{word}: {path}" for word, path in found.items())
