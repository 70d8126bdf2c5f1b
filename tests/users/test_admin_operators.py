"""How users become operators, what operators may change, and how their sessions and passwords end."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.test import Client, RequestFactory

from tests.support.accounts import SignedInUser
from tests.support.operators import PASSWORD, at_work, helper, log_in, logged, operator, page_of
from users.models import User

pytestmark = pytest.mark.django_db
BOSS = "9991119998"
NEW = "another rather long password"


def change(browser: Client, person: SignedInUser, **fields: Any) -> int:
    return browser.post(page_of(person.profile.pk), fields).status_code


def test_changes_are_logged_with_what_they_were(boss: Client, alice: SignedInUser) -> None:
    group = Group.objects.create(name="Support")

    change(boss, alice, is_staff="on", groups=[group.pk])
    change(boss, alice, is_staff="on", is_superuser="on")

    assert logged() == ["Operator: yes. Groups: Support.", "Superuser: yes. Groups: —."]
    assert {entry.object_repr for entry in LogEntry.objects.all()} == {"+7***0001"}


def test_password_changes_are_logged_without_the_password(boss: Client, alice: SignedInUser) -> None:
    both = {"password1": NEW, "password2": NEW, "usable_password": "true"}
    boss.post(page_of(alice.profile.pk, "password"), both)
    own = {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}
    boss.post("/admin/password_change/", own)

    assert logged() == ["Changed password.", "Changed their own password."]
    assert log_in(BOSS, NEW).status_code == 302


def test_password_form_changes_only_the_password() -> None:
    from users.admin.forms import OwnPasswordForm

    user = operator(BOSS)
    typed = {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}
    form = OwnPasswordForm(RequestFactory().post("/"), user, typed)
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


def test_password_hash_is_not_shown(boss: Client, alice: SignedInUser) -> None:
    chief = User.objects.get(is_superuser=True)
    _algorithm, salt, digest = chief.password.split("$")

    for browser in (boss, helper("view_user", "change_user"), at_work(operator("9991119996", "view_user"))):
        page = browser.get(page_of(chief.pk)).content.decode()
        assert "+7***9998" in page
        assert salt not in page
        assert digest not in page


@pytest.mark.parametrize("loss", [{"is_active": False}, {"is_staff": False}])
def test_former_operator_is_refused_at_the_next_request(boss: Client, loss: dict[str, bool]) -> None:
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


def test_cookies_are_http_only_and_same_site(settings: Any) -> None:
    operator(BOSS)
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True

    cookies = log_in(BOSS, secure=True).cookies

    for name in ("sessionid", "csrftoken"):
        assert cookies[name]["samesite"] == "Lax"  # a link from a ticket finds the operator signed in
        assert cookies[name]["httponly"]
        assert cookies[name]["secure"]


def test_only_superusers_change_groups() -> None:
    group = Group.objects.create(name="Support")
    user = operator("9991119998", "view_user", "view_group", "change_group", "add_group", "delete_group")
    user.groups.add(group)

    answer = at_work(user).post(f"/admin/auth/group/{group.pk}/change/", {"name": "Support", "permissions": ["1"]})

    assert answer.status_code == 403
    assert not group.permissions.exists()
