"""Each version of Django makes the hash of passwords stronger, and stores a password anew when it is entered."""

from typing import Any

import pytest
from django.contrib.auth.hashers import identify_hasher
from django.test import Client

from tests.support.authenticator import PAGE, enter, is_inside, offered, set_up, with_password
from tests.support.operators import PASSWORD, log_in, operator
from users.models import User

pytestmark = pytest.mark.django_db
NEW = "a new password of my own"
OWN = "/admin/password_change/"


@pytest.fixture
def browser(settings: Any) -> Client:
    """In which an operator logged in before the hash became stronger."""
    operator()
    browser = with_password()
    stronger = "django.contrib.auth.hashers.PBKDF2PasswordHasher"
    settings.PASSWORD_HASHERS = [stronger, *settings.PASSWORD_HASHERS]
    return browser


def test_operator_changes_the_password(browser: Client) -> None:
    fields = {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}

    assert browser.post(OWN, fields)["Location"] == f"{OWN}done/"

    assert is_inside(browser)
    assert [log_in(password=password).status_code for password in (PASSWORD, NEW)] == [200, 302]


def test_operator_sets_up_a_second_factor(browser: Client) -> None:
    assert set_up(browser)

    assert is_inside(browser)


def test_session_goes_on_after_the_right_password_with_a_wrong_entry(browser: Client) -> None:
    _, field = offered(browser)

    enter(browser, "12345", PAGE, password=PASSWORD, **field)

    assert identify_hasher(User.objects.get().password).algorithm == "pbkdf2_sha256"
    assert is_inside(browser)
