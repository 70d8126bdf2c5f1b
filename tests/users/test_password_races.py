"""A password that an operator changes while a superuser sets another one."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import hashers
from django.test import Client

from tests.support.operators import PASSWORD, at_work, log_in, logged, operator, page_of
from users import accounts
from users.admin.forms import OwnPasswordForm
from users.models import User

pytestmark = pytest.mark.django_db
OWN, GIVEN = "a new password of my own", "a new password from the boss"


def test_whoever_had_the_old_password_does_not_replace_the_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashing takes a while. A thief who went on changing the password undid what a superuser set."""
    boss, user = at_work(operator(is_superuser=True)), operator("9991119997")
    log_in("9991119997", browser=(thief := Client()))
    _then(monkeypatch, lambda: _set_password(boss, user))

    thief.post("/admin/password_change/", {"old_password": PASSWORD, "new_password1": OWN, "new_password2": OWN})

    assert hashers.check_password(GIVEN, User.objects.get(pk=user.pk).password)
    assert thief.get("/admin/").status_code == 302
    assert logged() == ["Changed password."]


def test_session_of_whoever_is_disabled_meanwhile_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """A change of password begins a new session, after all others were ended."""
    user = operator("9991119997")
    log_in("9991119997", browser=(thief := Client()))
    _then(monkeypatch, lambda: accounts.disable(user))

    thief.post("/admin/password_change/", {"old_password": PASSWORD, "new_password1": OWN, "new_password2": OWN})

    accounts.enable(user)
    assert hashers.check_password(PASSWORD, User.objects.get(pk=user.pk).password)
    assert thief.get("/admin/").status_code == 302


def _set_password(boss: Client, user: User) -> None:
    fields = {"password1": GIVEN, "password2": GIVEN, "usable_password": "true"}
    assert boss.post(page_of(user.pk, "password"), fields).status_code == 302


def _then(monkeypatch: pytest.MonkeyPatch, other: Callable[[], object]) -> None:
    """Let this happen while the new password is hashed, after the old one was found right."""
    save = OwnPasswordForm.save

    def slow(form: OwnPasswordForm, *args: Any) -> User:
        other()
        return save(form, *args)

    monkeypatch.setattr(OwnPasswordForm, "save", slow)
