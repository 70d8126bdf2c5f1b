"""Phones in the admin are masked; whoever may see one whole leaves a line in the log. So does every change."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.db.models.functions import Now
from django.test import Client

from tests.support.accounts import SignedInUser
from tests.support.operators import PASSWORD, at_work, helper, log_in, operator, page_of
from users.models import Device, LoginCode, SiteTotals, SmsDelivery, SmsGateway, User

pytestmark = pytest.mark.django_db
BOSS = "9991119998"
NEW = "another rather long password"


@pytest.fixture
def boss(db: None) -> Client:
    return at_work(operator(BOSS, is_superuser=True))


def change(browser: Client, person: SignedInUser, **fields: Any) -> int:
    return browser.post(page_of(person.profile.pk), fields).status_code


def logged() -> list[str]:
    return [entry.get_change_message() for entry in LogEntry.objects.order_by("pk")]


def test_no_page_shows_a_whole_phone(boss: Client, alice: SignedInUser, bob: SignedInUser) -> None:
    alice.activate(bob.code)
    SmsDelivery.objects.update(state="sent")
    SmsGateway.objects.create(name="1 twilio")
    change(boss, alice, is_staff="on")
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


def test_lists_and_titles_show_masked_people(boss: Client, alice: SignedInUser, bob: SignedInUser) -> None:
    alice.activate(bob.code)

    for model in ("users/user", "users/device", "users/logincode", "users/smsdelivery", "profiles/profile"):
        assert "+7***0001" in boss.get(f"/admin/{model}/").content.decode()
    votes = boss.get("/admin/profiles/activation/").content.decode()
    assert "+7***0001" in votes
    assert "+7***0002" in votes
    assert "Password of +7***0001" in boss.get(page_of(alice.profile.pk, "password")).content.decode()


def test_whole_number_is_shown_once_and_logged(boss: Client, alice: SignedInUser) -> None:
    assert page_of(alice.profile.pk, "phone") in boss.get(page_of(alice.profile.pk)).content.decode()

    answer = boss.post(page_of(alice.profile.pk, "phone"))

    assert f"+7{alice.phone}" in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    entry = LogEntry.objects.get()
    assert (entry.get_change_message(), entry.object_id) == ("Viewed the full phone number.", str(alice.profile.pk))
    assert entry.user.is_superuser
    assert f"+7{alice.phone}" not in boss.get(page_of(alice.profile.pk)).content.decode()


def test_whole_number_needs_its_permission(alice: SignedInUser) -> None:
    without = at_work(operator("9991119996", "view_user", "change_user"))

    assert page_of(alice.profile.pk, "phone") not in without.get(page_of(alice.profile.pk)).content.decode()
    assert without.post(page_of(alice.profile.pk, "phone")).status_code == 403
    assert helper("view_phone").post(page_of(alice.profile.pk, "phone")).status_code == 403
    assert not LogEntry.objects.exists()


def test_whole_number_is_shown_to_whoever_may_only_look(alice: SignedInUser) -> None:
    answer = helper("view_user", "view_phone").post(page_of(alice.profile.pk, "phone"))

    assert f"+7{alice.phone}" in answer.content.decode()
    assert logged() == ["Viewed the full phone number."]


def test_no_link_and_no_other_site_shows_a_number(boss: Client, alice: SignedInUser) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = boss.cookies

    assert boss.get(page_of(alice.profile.pk, "phone")).status_code == 405
    assert strict.post(page_of(alice.profile.pk, "phone")).status_code == 403
    assert not LogEntry.objects.exists()


def test_nobody_without_a_phone_has_one_to_show(boss: Client, alice: SignedInUser) -> None:
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
    ],
)
def test_phone_is_not_guessed_digit_by_digit(boss: Client, alice: SignedInUser, model: str, lookup: str) -> None:
    assert boss.get(f"/admin/{model}/?{lookup}").status_code == 400


def test_masked_phone_is_not_completed_by_what_stands_beside_it(boss: Client, alice: SignedInUser) -> None:
    SiteTotals.objects.create(counted_at=Now(), people_a_day=1, sms_in_a_day=1, suspect_prefixes=["+7999111"])
    delivery = SmsDelivery.objects.get().pk
    curious = helper("view_sitetotals", "view_smsdelivery")

    for page in (f"users/smsdelivery/{delivery}/change/", "users/smsdelivery/", "users/sitetotals/"):
        assert "+7999111" not in boss.get(f"/admin/{page}").content.decode()
    assert "+7999111" not in curious.get("/admin/users/sitetotals/1/change/").content.decode()
    assert "+7999111" in boss.get("/admin/users/sitetotals/1/change/").content.decode()


def test_changes_are_logged_with_what_they_were(boss: Client, alice: SignedInUser) -> None:
    group = Group.objects.create(name="Support")

    change(boss, alice, is_staff="on", groups=[group.pk])
    change(boss, alice, is_staff="on", is_superuser="on")

    assert logged() == ["Staff: yes; Groups: Support", "Superuser: yes; Groups: —"]
    assert {entry.object_repr for entry in LogEntry.objects.all()} == {"+7***0001"}


def test_passwords_are_logged_as_changed_and_no_more(boss: Client, alice: SignedInUser) -> None:
    both = {"password1": NEW, "password2": NEW, "usable_password": "true"}
    boss.post(page_of(alice.profile.pk, "password"), both)
    own = {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}
    boss.post("/admin/password_change/", own)

    assert logged() == ["Changed password.", "Changed their own password."]
    assert log_in(BOSS, NEW).status_code == 302


def test_own_password_is_written_alone() -> None:
    from users.admin.forms import OwnPasswordForm

    user = operator(BOSS)
    form = OwnPasswordForm(user, {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW})
    assert form.is_valid(), form.errors
    User.objects.update(is_active=False, is_staff=False)

    form.save()

    assert not User.objects.filter(is_active=True).exists()
    assert not User.objects.filter(is_staff=True).exists()


def test_only_superusers_make_and_change_operators(boss: Client, alice: SignedInUser) -> None:
    support = operator("9991119997", "view_user", "change_user")
    browser, chief = at_work(support), User.objects.get(is_superuser=True)
    both = {"password1": NEW, "password2": NEW, "usable_password": "true"}

    assert browser.post(page_of(support.pk), {"is_superuser": "on"}).status_code == 403
    assert browser.post(page_of(chief.pk), {}).status_code == 403
    for person in (support.pk, chief.pk, alice.profile.pk):
        assert browser.post(page_of(person, "password"), both).status_code == 403
    assert change(browser, alice, is_staff="on", is_superuser="on") == 403

    assert User.objects.filter(is_staff=True).count() == 2
    assert User.objects.get(is_superuser=True) == chief


def test_nobody_reads_the_hash_of_a_password(boss: Client, alice: SignedInUser) -> None:
    chief = User.objects.get(is_superuser=True)
    _algorithm, salt, digest = chief.password.split("$")

    for browser in (boss, helper("view_user", "change_user"), at_work(operator("9991119996", "view_user"))):
        page = browser.get(page_of(chief.pk)).content.decode()
        assert "+7***9998" in page
        assert salt not in page
        assert digest not in page


@pytest.mark.parametrize("loss", [{"is_active": False}, {"is_staff": False}])
def test_operator_who_is_one_no_more_is_out_at_the_next_request(boss: Client, loss: dict[str, bool]) -> None:
    assert boss.get("/admin/").status_code == 200

    User.objects.update(**loss)

    assert boss.get("/admin/").status_code == 302
    assert f"7{BOSS}" not in boss.get("/admin/login/").content.decode()


@pytest.mark.parametrize("by_themselves", [True, False])
def test_new_password_ends_the_other_sessions(boss: Client, by_themselves: bool) -> None:
    user = User.objects.get()
    other = Client()
    log_in(BOSS, browser=other)
    assert other.get("/admin/").status_code == 200

    if by_themselves:
        own = {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}
        boss.post("/admin/password_change/", own)
    else:
        both = {"password1": NEW, "password2": NEW, "usable_password": "true"}
        boss.post(page_of(user.pk, "password"), both)

    assert other.get("/admin/").status_code == 302
    assert boss.get("/admin/").status_code == 200


def test_cookies_stay_out_of_reach_of_scripts_and_other_sites(settings: Any) -> None:
    operator(BOSS)
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True

    cookies = log_in(BOSS, secure=True).cookies

    for name in ("sessionid", "csrftoken"):
        assert cookies[name]["samesite"] == "Strict"
        assert cookies[name]["httponly"]
        assert cookies[name]["secure"]


def test_only_superusers_change_groups() -> None:
    group = Group.objects.create(name="Support")
    user = operator("9991119998", "view_user", "view_group", "change_group", "add_group", "delete_group")
    user.groups.add(group)

    answer = at_work(user).post(f"/admin/auth/group/{group.pk}/change/", {"name": "Support", "permissions": ["1"]})

    assert answer.status_code == 403
    assert not group.permissions.exists()


@pytest.mark.parametrize(
    "path",
    [
        "profiles/profile/?created_at__year=99999999999",
        "profiles/profile/?created_at__gte=%00",
        "users/user/?standing=%00",
        "users/smsdelivery/?lately=%00",
        "users/smsgateway/%00/change/",
        "users/user/99999999999999999999/change/",
    ],
)
def test_value_that_no_row_can_have_is_no_error(boss: Any, path: str) -> None:
    assert boss.get(f"/admin/{path}").status_code in (200, 302)
