"""Resetting the second factor of an operator, and who cannot."""

from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.test import Client
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from tests.support.accounts import SignedInUser
from tests.support.authenticator import PAGE, code, enrolled, enter, is_inside, with_password
from tests.support.operators import helper, log_in, logged, operator, page_of

pytestmark = pytest.mark.django_db
REASON = "Lost the phone, ticket 12."


def test_superuser_resets_a_factor_with_a_reason_and_ends_all_sessions(boss: Client) -> None:
    user, _ = enrolled("9991119997")
    enter(browser := with_password("9991119997"), code())
    half = with_password("9991119997")
    own = len(Session.objects.all())
    path = page_of(user.pk, "reset-second-factor")
    assert path in boss.get(page_of(user.pk)).content.decode()
    assert boss.post(path, {"reason": ""}).status_code == 200

    assert boss.post(path, {"reason": REASON}).status_code == 302

    assert logged()[-1] == f"Reset the second factor. Reason: {REASON}"
    assert not TOTPDevice.objects.exists()
    assert not StaticDevice.objects.exists()
    assert not is_inside(browser)
    assert not is_inside(half)
    assert is_inside(boss)
    assert len(Session.objects.all()) == own - 2
    assert path not in boss.get(page_of(user.pk)).content.decode()
    assert is_inside(with_password("9991119997"))


def test_nobody_else_resets_a_factor() -> None:
    user, _ = enrolled("9991119996")
    colleague = helper("view_user", "change_user", "delete_user")
    own = Client()
    own.force_login(user)

    for browser in (colleague, own, Client()):
        browser.post(page_of(user.pk, "reset-second-factor"), {"reason": REASON})

    assert TOTPDevice.objects.exists()


def test_superuser_does_not_reset_their_own_factor_without_a_code() -> None:
    user, _ = enrolled(is_superuser=True)
    enter(browser := with_password(), code())

    answer = browser.post(page_of(user.pk, "reset-second-factor"), {"reason": REASON})

    assert answer.status_code == 403
    assert TOTPDevice.objects.exists()


def test_superuser_cannot_set_up_a_factor_for_somebody_else(boss: Client) -> None:
    user = operator("9991119997")

    boss.post(PAGE, {"code": code(), "user": user.pk, "user_id": user.pk})
    boss.post(page_of(user.pk), {"is_staff": "on", "totpdevice_set-TOTAL_FORMS": "1", "totpdevice_set-0-key": "00"})

    assert not TOTPDevice.objects.filter(user=user).exists()
    for path in ("otp_totp/totpdevice/", "otp_totp/totpdevice/add/", "otp_static/staticdevice/"):
        assert boss.get(f"/admin/{path}").status_code == 404


def test_command_resets_a_factor_and_ends_all_sessions(capsys: Any) -> None:
    enrolled()
    enter(browser := with_password(), code())

    call_command("reset_second_factor", "8 (999) 111-99-98", "--reason", REASON)

    assert capsys.readouterr().out.startswith("+7***9998 has no second factor any more")
    assert not is_inside(browser)
    assert logged() == [f"Reset the second factor at the command line. Reason: {REASON}"]
    assert is_inside(with_password())


@pytest.mark.parametrize(
    ("phone", "reason", "said"),
    [
        ("9991119990", "", "no operator has this number"),
        ("nobody", "", "no operator has this number"),
        ("9991119997", "", "has no second factor"),
        ("9991119998", "It was +7 999 111-00-01", "remove the phone number"),
    ],
)
def test_command_refuses(phone: str, reason: str, said: str) -> None:
    enrolled()
    operator("9991119997")

    with pytest.raises(CommandError, match=said):
        call_command("reset_second_factor", phone, "--reason", reason)

    assert TOTPDevice.objects.exists()
    assert not logged()


def test_erasure_deletes_factor_and_log_ins(boss: Client, alice: SignedInUser) -> None:
    user, _ = enrolled("9991119997")
    enter(browser := with_password("9991119997"), code())

    boss.post(page_of(user.pk, "erase"), {"reason": REASON, "sure": "on"})

    assert not TOTPDevice.objects.exists()
    assert not StaticDevice.objects.exists()
    assert not user.operator_logins.exists()
    assert not is_inside(browser)


def test_new_password_of_the_operator_does_not_remove_the_factor() -> None:
    user, _ = enrolled()
    user.set_password("another rather long password")
    user.save(update_fields=["password"])

    browser = Client()
    log_in(password="another rather long password", browser=browser)

    assert not is_inside(browser)
