"""A session in the admin that was ended stays ended, whatever its operator may do later."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.backends import ModelBackend
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client

from tests.support.authenticator import CODE_PAGE, PAGE, code, enrolled, offered, with_password
from tests.support.operators import PASSWORD, at_work, helper, log_in, logged, operator, page_of
from users import accounts
from users.admin import lockout
from users.admin.forms import OwnPasswordForm
from users.models import User
from users.operators import second_factor
from users.operators.messages import MOST_CHARACTERS
from users.operators.sessions import SessionStore

pytestmark = pytest.mark.django_db
LIST = "/admin/users/user/"


def _take_the_role(user: User) -> None:
    accounts.set_role(user, is_staff=False)


def _take_the_role_and_give_it_back(user: User) -> None:
    _take_the_role(user)
    accounts.set_role(user, is_staff=True)


def _disable_and_enable(user: User) -> None:
    accounts.disable(user)
    accounts.enable(user)


CHANGES = [_disable_and_enable, _take_the_role_and_give_it_back, accounts.revoke_devices]


@pytest.mark.parametrize("change", CHANGES)
def test_session_does_not_live_again(change: Callable[[User], object]) -> None:
    boss = at_work(operator(is_superuser=True))
    user = operator("9991119997", "view_user")
    log_in("9991119997", browser=(stolen := Client()))
    assert stolen.get(LIST).status_code == 200

    change(user)

    assert stolen.get(LIST).status_code == 302
    assert boss.get(LIST).status_code == 200
    log_in("9991119997", browser=(own := Client()))
    assert own.get(LIST).status_code == 200


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("step", ["password", "enrol", "code"])
def test_session_that_is_ended_meanwhile_begins_no_new_one(
    monkeypatch: pytest.MonkeyPatch, step: str, change: Callable[[User], object]
) -> None:
    """A thief who went on with one of these steps kept the session, whatever a superuser did."""
    user, thief, path, fields = _step(step)
    module, name = (OwnPasswordForm, "save") if step == "password" else (second_factor, _DOMAIN[step])
    do = getattr(module, name)

    def slow(*args: Any) -> Any:
        result = do(*args)
        change(user)
        return result

    monkeypatch.setattr(module, name, slow)

    assert thief.post(path, fields).status_code == 400
    assert not Session.objects.exists()
    assert thief.get("/admin/").status_code == 302


@pytest.mark.parametrize("change", CHANGES)
def test_session_that_is_ended_while_it_takes_a_new_key_does_not_live_on(
    monkeypatch: pytest.MonkeyPatch, settings: Any, change: Callable[[User], object]
) -> None:
    user = operator()
    log_in(browser=(thief := Client()))
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "a newer key"
    cycle_key = SessionStore.cycle_key

    def slow(session: SessionStore) -> None:
        cycle_key(session)
        change(user)

    monkeypatch.setattr(SessionStore, "cycle_key", slow)

    assert thief.get("/admin/").status_code == 400
    assert not Session.objects.exists()
    assert thief.get("/admin/").status_code == 302


_DOMAIN = {"enrol": "enrol", "code": "verify"}


def _step(step: str) -> tuple[User, Client, str, dict[str, str]]:
    """A user whose session is stolen, the browser, and the path and the fields of the step."""
    if step == "code":
        user, _codes = enrolled()
        return user, with_password(), CODE_PAGE, {"code": code()}
    user = operator()
    log_in(browser=(thief := Client()))
    if step == "enrol":
        secret, field = offered(thief)
        return user, thief, PAGE, {"password": PASSWORD, "code": code(secret=secret), **field}
    new = "a new password of my own"
    return (
        user,
        thief,
        "/admin/password_change/",
        {"old_password": PASSWORD, "new_password1": new, "new_password2": new},
    )


def test_whoever_is_disabled_while_the_password_is_hashed_gets_no_session(monkeypatch: pytest.MonkeyPatch) -> None:
    user = operator()
    check = ModelBackend.authenticate

    def slow(*args: Any, **named: Any) -> Any:
        found = check(*args, **named)
        accounts.disable(user)
        return found

    monkeypatch.setattr(ModelBackend, "authenticate", slow)

    assert log_in().status_code == 200
    assert not Session.objects.exists()


@pytest.mark.parametrize("change", [accounts.disable, _take_the_role])
def test_whoever_is_disabled_before_the_session_is_stored_gets_none(
    monkeypatch: pytest.MonkeyPatch, change: Callable[[User], object]
) -> None:
    user = operator()
    record = lockout.record_login

    def slow(*args: Any) -> None:
        record(*args)
        change(user)

    monkeypatch.setattr(lockout, "record_login", slow)

    assert log_in(browser=(thief := Client())).status_code == 400
    accounts.enable(user)
    accounts.set_role(user, is_staff=True)
    assert thief.get("/admin/").status_code == 302
    assert not Session.objects.exists()


def test_sessions_of_an_operator_without_devices_are_ended() -> None:
    """There was "nothing left to do" while a stolen session in the admin lived on."""
    boss = at_work(operator(is_superuser=True))
    user = operator("9991119997", "view_user")
    user.devices.all().delete()
    log_in("9991119997", browser=(stolen := Client()))

    boss.post(page_of(user.pk, "end-devices"), {"reason": "A stolen laptop"})

    assert stolen.get(LIST).status_code == 302
    assert logged() == ["Ended all sessions. Reason: A stolen laptop"]
    assert not accounts.revoke_devices(user)


def test_superuser_who_gives_up_the_role_is_logged_out() -> None:
    user = operator(is_superuser=True)
    browser = at_work(user)

    answer = browser.post(page_of(user.pk), {"is_superuser": "on"})

    assert answer.status_code == 302
    assert browser.get(LIST).status_code == 302
    assert not User.objects.get(pk=user.pk).is_staff


def test_operator_with_very_many_sessions_is_disabled() -> None:
    """Whoever has the password can have more than one statement takes. Then nothing but a new password ended them."""
    boss = at_work(operator(is_superuser=True))
    user = operator("9991119997", "view_user")
    log_in("9991119997", browser=(stolen := Client()))
    found = Session.objects.get(pk=stolen.session.session_key)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO django_session SELECT md5(number::text), %s, %s FROM generate_series(1, 66000) AS number",
            [found.session_data, found.expire_date],
        )

    boss.post(page_of(user.pk, "disable"), {"reason": "Left"})

    assert not User.objects.get(pk=user.pk).is_active
    assert Session.objects.count() == 1


def test_session_keeps_few_messages_that_nobody_reads() -> None:
    """One operator filled the disk and the memory of the web with them."""
    browser = helper("view_user")
    for number in range(12):
        assert browser.get(f"{LIST}{number}-{3900 * 'x'}/history/").status_code == 302

    assert len(browser.session["_messages"]) < 2 * MOST_CHARACTERS
    page = browser.get("/admin/").content.decode()
    assert "“11-xxx" in page
    assert "“0-xxx" not in page
