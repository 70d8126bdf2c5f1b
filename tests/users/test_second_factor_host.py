"""Tokens for setting up the second factor that the host makes."""

import io
import sys
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.support.authenticator import is_inside, set_up, shown_token, with_password
from tests.support.operators import PASSWORD, logged, operator

pytestmark = pytest.mark.django_db
PHONE = "9991119998"
REASON = "Asked for it at the desk, ticket 12."


def test_host_makes_a_token(required: None, capsys: Any) -> None:
    operator(PHONE)

    call_command("second_factor_token", "8 (999) 111-99-98", "--reason", REASON)

    told = capsys.readouterr().out
    assert "It works once, within 24 hours" in told
    assert logged() == [f"Made a token for the second factor at the command line. Reason: {REASON}"]
    assert set_up(with_password(), shown_token(told))
    with pytest.raises(CommandError, match="reset_second_factor"):
        call_command("second_factor_token", PHONE)
    call_command("reset_second_factor", PHONE)
    assert set_up(with_password(), shown_token(capsys.readouterr().out))


def test_first_superuser_gets_a_token_with_the_password(required: None, monkeypatch: Any, capsys: Any) -> None:
    def created() -> str:
        monkeypatch.setattr(sys, "stdin", io.StringIO(f"{PASSWORD}\n"))
        call_command("createsuperuser", PHONE)
        return capsys.readouterr().out

    token = shown_token(created())

    browser = with_password()
    assert set_up(browser, token)
    assert is_inside(browser)
    assert "oken" not in created()  # the second factor stays
