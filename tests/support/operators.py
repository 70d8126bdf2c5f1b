"""Operators of the admin, created without the cost of a command."""

from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client

from tests.support.accounts import registered
from users.models import User
from users.operators import history

# The permissions to see all lists with phones, which are masked then.
SEES_LISTS = ("view_user", "view_device", "view_logincode", "view_smsdelivery", "view_profile", "view_activation")

PASSWORD = "long enough to be a password"


def operator(phone: str = "9991119998", *permissions: str, **values: Any) -> User:
    """A member of staff with these permissions, such as `view_user`."""
    user = registered(phone, is_staff=True, **values).user
    user.set_password(PASSWORD)
    user.save(update_fields=["password"])
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


def log_in(
    phone: str = "9991119998", password: str = PASSWORD, *, browser: Client | None = None, query: str = "", **meta: Any
) -> Any:
    """Submit the log-in form. Returns the response."""
    fields = {"username": phone, "password": password}
    return (browser or Client()).post(f"/admin/login/{query}", fields, **meta)


def at_work(user: User) -> Client:
    """The browser of an operator who is logged in."""
    browser = Client()
    browser.force_login(user)
    return browser


def helper(*permissions: str) -> Client:
    """The browser of an operator with these permissions."""
    return at_work(operator("9991119997", *permissions))


def page_of(person: int, page: str = "change") -> str:
    """The path of a page about this user in the admin."""
    return f"/admin/users/user/{person}/{page}/"


def logged() -> list[str]:
    """The messages of the admin's log, oldest first."""
    return [history.in_words(entry) for entry in LogEntry.objects.order_by("pk")]
