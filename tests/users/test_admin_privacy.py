"""Phones in the admin are masked. Viewing a full one is logged, like every change."""

import re
from typing import Any
from urllib.parse import quote

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db.models.base import ModelBase
from django.db.models.functions import Now
from django.test import Client, RequestFactory

from tests.support.accounts import SignedInUser
from tests.support.operators import at_work, helper, logged, operator, page_of
from users.models import Device, LoginCode, SiteTotals, SmsDelivery, SmsGateway, User
from users.operators import history

pytestmark = pytest.mark.django_db


def test_no_page_shows_a_full_phone(boss: Client, alice: SignedInUser, bob: SignedInUser) -> None:
    alice.activate(bob.code)
    SmsDelivery.objects.update(state="sent")
    SmsGateway.objects.create(name="1 twilio")
    boss.post(page_of(alice.profile.pk), {"is_staff": "on"})
    own = User.objects.get(is_superuser=True).pk
    ids = {
        "users/user": [alice.profile.pk, own], "users/device": [Device.objects.latest("pk").pk],
        "users/logincode": [LoginCode.objects.latest("pk").pk], "users/smsgateway": ["1 twilio"],
        "users/smsdelivery": [SmsDelivery.objects.latest("pk").pk], "profiles/profile": [alice.profile.pk],
        "profiles/activation": [alice.profile.pk],
    }  # fmt: skip
    paths = ["", "password_change/", f"users/user/{own}/password/", f"users/user/{alice.profile.pk}/password/"]
    paths += [f"{model}/" for model in ids]
    paths += [f"{model}/{key}/{view}/" for model, keys in ids.items() for key in keys for view in ("change", "history")]

    for path in paths:
        answer = boss.get(f"/admin/{quote(path)}")
        assert answer.status_code == 200, path
        assert not re.findall(r"999\D?111\D?\d\d\D?\d\d", answer.content.decode()), path


def test_lists_and_titles_show_masked_phones(boss: Client, alice: SignedInUser, bob: SignedInUser) -> None:
    alice.activate(bob.code)

    for model in ("users/user", "users/device", "users/logincode", "users/smsdelivery", "profiles/profile"):
        assert "+7***0001" in boss.get(f"/admin/{model}/").content.decode()
    votes = boss.get("/admin/profiles/activation/").content.decode()
    assert "+7***0001" in votes
    assert "+7***0002" in votes
    assert "Password of +7***0001" in boss.get(page_of(alice.profile.pk, "password")).content.decode()


def test_full_number_is_shown_once_and_logged(boss: Client, alice: SignedInUser) -> None:
    assert page_of(alice.profile.pk, "phone") in boss.get(page_of(alice.profile.pk)).content.decode()

    answer = boss.post(page_of(alice.profile.pk, "phone"))

    assert f"+7{alice.phone}" in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    entry = LogEntry.objects.get()
    assert (history.in_words(entry), entry.object_id) == ("Viewed the full phone number.", str(alice.profile.pk))
    assert entry.user.is_superuser
    assert f"+7{alice.phone}" not in boss.get(page_of(alice.profile.pk)).content.decode()


def test_full_number_needs_its_permission(alice: SignedInUser) -> None:
    without = at_work(operator("9991119996", "view_user", "change_user"))

    assert page_of(alice.profile.pk, "phone") not in without.get(page_of(alice.profile.pk)).content.decode()
    assert without.post(page_of(alice.profile.pk, "phone")).status_code == 403
    assert helper("view_phone").post(page_of(alice.profile.pk, "phone")).status_code == 403
    assert not LogEntry.objects.exists()


def test_full_number_is_shown_to_an_operator_with_view_permissions(alice: SignedInUser) -> None:
    answer = helper("view_user", "view_phone").post(page_of(alice.profile.pk, "phone"))

    assert f"+7{alice.phone}" in answer.content.decode()
    assert logged() == ["Viewed the full phone number."]


def test_full_number_needs_a_post_from_the_same_site(boss: Client, alice: SignedInUser) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = boss.cookies

    assert boss.get(page_of(alice.profile.pk, "phone")).status_code == 405
    assert strict.post(page_of(alice.profile.pk, "phone")).status_code == 403
    assert not LogEntry.objects.exists()


def test_erased_user_has_no_number_to_show(boss: Client, alice: SignedInUser) -> None:
    person = alice.profile.pk
    alice.api.delete("/api/v1/profiles/me")

    assert boss.post(page_of(person, "phone")).status_code == 404
    assert boss.post("/admin/users/user/9999999999/phone/").status_code == 404
    assert "Show the full number" not in boss.get(page_of(person)).content.decode()


@pytest.mark.parametrize(
    ("model", "lookup"),
    [
        ("users/user", "phone__startswith=%2B799911100"),
        ("users/user", "devices__user__phone__startswith=%2B7"),
        ("users/device", "user__phone__contains=111"),
        ("users/smsdelivery", "prefix=%2B7999111"),
        ("profiles/profile", "user__phone__endswith=0001"),
        ("profiles/activation", "inviter__user__phone__endswith=0001"),
        ("profiles/webhookdelivery", "endpoint__deliveries__user__phone__startswith=%2B7"),
        ("profiles/webhookdelivery", "endpoint__deliveries__user__totpdevice__key__startswith=0"),
    ],
)
def test_phone_cannot_be_guessed_digit_by_digit(boss: Client, alice: SignedInUser, model: str, lookup: str) -> None:
    assert boss.get(f"/admin/{model}/?{lookup}").status_code == 400


def test_no_list_is_filtered_by_columns_of_other_tables(rf: RequestFactory) -> None:
    for model in filter(admin.site.is_registered, apps.get_models()):
        lists = admin.site.get_model_admin(model)
        for relation in model._meta.get_fields():
            other = relation.related_model
            for column in other._meta.concrete_fields if isinstance(other, ModelBase) else []:
                lookup = f"{relation.name}__{column.name}__startswith"
                assert column.primary_key or not lists.lookup_allowed(lookup, "x", rf.get("/")), (model, lookup)


def test_masked_phone_cannot_be_completed_from_other_columns(boss: Client, alice: SignedInUser) -> None:
    SiteTotals.objects.create(counted_at=Now(), people_a_day=1, sms_in_a_day=1, suspect_prefixes=["+7999111"])
    delivery = SmsDelivery.objects.get().pk
    curious = helper("view_sitetotals", "view_smsdelivery")

    for page in (f"users/smsdelivery/{delivery}/change/", "users/smsdelivery/", "users/sitetotals/"):
        assert "+7999111" not in boss.get(f"/admin/{page}").content.decode()
    assert "+7999111" not in curious.get("/admin/users/sitetotals/1/change/").content.decode()
    assert "+7999111" in boss.get("/admin/users/sitetotals/1/change/").content.decode()


@pytest.mark.parametrize(
    "path",
    [
        "profiles/profile/?created_at__gte=99999999999",
        "profiles/profile/?created_at__gte=%00",
        "users/user/?standing=%00",
        "users/smsdelivery/?lately=%00",
        "users/smsgateway/%00/change/",
        "users/user/99999999999999999999/change/",
    ],
)
def test_value_that_no_row_can_have_causes_no_error(boss: Any, path: str) -> None:
    assert boss.get(f"/admin/{path}").status_code in (200, 302)
