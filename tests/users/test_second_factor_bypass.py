"""Ways past the second factor of operators, and what an adversary would try."""

from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.sessions.models import Session
from django.test import Client

from tests.support.accounts import signed_in
from tests.support.authenticator import CODE_PAGE, PAGE, code, enrolled, enter, is_inside, with_password
from tests.support.operators import PASSWORD, at_work, log_in, operator
from tests.support.site_paths import patterns
from users.models import User

pytestmark = pytest.mark.django_db


def admin_paths() -> set[str]:
    """All paths of the admin, with a 1 in place of each parameter."""
    return {path.replace("{}", "1") for path in patterns() if path.startswith("/admin/")}


@pytest.mark.parametrize("setting", ["optional", "required"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_no_page_of_the_admin_opens_without_the_code(settings: Any, setting: str, method: str) -> None:
    settings.ADMIN_SECOND_FACTOR = setting
    enrolled(is_superuser=True)
    browser = with_password()
    paths = admin_paths()
    own = {"/admin/login/", PAGE, CODE_PAGE, "/admin/second-factor/leave/"}
    assert own < paths
    assert len(paths) > 40

    for path in paths - own:
        answer = getattr(browser, method)(path)
        assert answer.status_code == 302, path
        expected = ("/admin/login/?next=", "/admin/") if path == "/admin/logout/" else ("/admin/login/?next=",)
        assert answer["Location"].startswith(expected), path


def test_page_of_the_own_factor_does_not_open_without_the_code() -> None:
    enrolled()
    browser = with_password()

    for action in ("_codes", "_off"):
        assert enter(browser, code(), PAGE, **{action: "1"})["Location"] == "/admin/login/"
    assert browser.get(PAGE)["Location"] == "/admin/login/"
    assert not is_inside(browser)


def test_code_of_another_operator_is_refused() -> None:
    enrolled()
    operator("9991119997", is_superuser=True)
    _, codes = enrolled("9991119996")

    enter(browser := with_password(), codes[0])

    assert not is_inside(browser)


def test_session_gets_a_new_key_at_each_step() -> None:
    enrolled()
    planted = Client()
    log_in(browser=planted)
    before = planted.cookies["sessionid"].value

    enter(planted, code())

    assert planted.cookies["sessionid"].value != before
    thief = Client()
    thief.cookies["sessionid"] = before
    assert not is_inside(thief)
    assert not Session.objects.filter(pk=before).exists()


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "/\\evil.example"]
)
def test_next_leads_to_no_other_site(target: str) -> None:
    enrolled()
    browser = with_password(query=f"?next={target}")

    page = browser.get(f"{CODE_PAGE}?next={target}")
    answer = browser.post(f"{CODE_PAGE}?next={target}", {"code": code(), "next": target})

    assert f'value="{target}"' not in page.content.decode()
    assert answer["Location"] == "/admin/"


def test_forms_refuse_other_sites() -> None:
    enrolled()
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(User.objects.get())

    for path in (CODE_PAGE, PAGE, "/admin/second-factor/leave/"):
        assert browser.post(path, {"code": code()}).status_code == 403


def test_code_before_the_password_does_nothing() -> None:
    enrolled()

    for path in (CODE_PAGE, PAGE):
        assert enter(Client(), code(), path)["Location"] in ("/admin/", "/admin/login/")


def test_member_who_is_no_operator_has_no_second_factor() -> None:
    person = signed_in("9991110001").profile.user
    browser = at_work(person)

    assert browser.get(PAGE)["Location"] == "/admin/login/"


def test_secrets_are_not_in_the_admin(boss: Client) -> None:
    enrolled("9991119996")

    registered = {model._meta.app_label for model in apps.get_models() if admin.site.is_registered(model)}
    assert not registered & {"otp_totp", "otp_static"}
    assert "otp_" not in boss.get("/admin/").content.decode()


def test_wrong_password_tells_nothing_about_the_factor() -> None:
    enrolled()

    assert log_in(password="wrong").context["form"].non_field_errors()
    assert log_in(password=PASSWORD).status_code == 302


def test_disabled_operator_is_refused_at_both_steps() -> None:
    user, _ = enrolled()
    browser = with_password()
    User.objects.filter(pk=user.pk).update(is_active=False)

    enter(browser, code())

    assert not is_inside(browser)
