"""The secret of an authenticator that an operator sets up: whose it is, and who sees it."""

import pytest
from django_otp.plugins.otp_totp.models import TOTPDevice

from tests.support.authenticator import PAGE, SECRET, code, enter, offered, with_password, wrong_code
from tests.support.operators import PASSWORD, operator

pytestmark = pytest.mark.django_db


def test_secret_stays_the_same_after_a_wrong_code() -> None:
    operator()
    browser = with_password()
    secret, field = offered(browser)

    again = enter(browser, wrong_code(), PAGE, password=PASSWORD, **field)

    assert again.context["form"].secret == secret
    assert not TOTPDevice.objects.exists()


def test_secret_is_another_one_for_whoever_has_the_session_too() -> None:
    """Otherwise a thief of the session, who ends with it, would have the operator's second factor."""
    user = operator()
    browser = with_password()

    (before, _), (secret, field), (after, _) = (offered(browser) for _ in range(3))
    enter(browser, code(secret=secret), PAGE, password=PASSWORD, **field)

    assert TOTPDevice.objects.get(user=user).key == secret
    assert len({before, secret, after}) == 3


def test_secret_that_another_operator_was_shown_is_not_taken() -> None:
    operator("9990000011")
    secret, field = offered(with_password("9990000011"))
    operator()

    answer = enter(with_password(), code(secret=secret), PAGE, password=PASSWORD, **field)

    assert answer.context["form"].secret != secret
    assert not TOTPDevice.objects.exists()


@pytest.mark.parametrize("signed", ["", ":", "00:", "\0", f"{SECRET}:{'A' * 43}"])
def test_secret_that_was_not_signed_is_not_taken(signed: str) -> None:
    operator()

    answer = enter(with_password(), code(), PAGE, password=PASSWORD, signed_secret=signed)

    assert answer.context["form"].secret != SECRET
    assert not TOTPDevice.objects.exists()
