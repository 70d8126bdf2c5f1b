"""Tokens for setting up the second factor where it is required."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from django_otp.plugins.otp_totp.models import TOTPDevice

from profiles import privacy
from tests.support.authenticator import (
    PAGE,
    SECRET,
    code,
    enrolled,
    enter,
    is_inside,
    later,
    offered,
    set_up,
    shown_token,
    with_password,
    wrong_code,
)
from tests.support.operators import logged, operator, page_of
from tests.support.races import race
from users import retention
from users.models import EnrolmentToken, User
from users.operators import enrolment, second_factor

pytestmark = pytest.mark.django_db
PHONE, BOSS = "9991119998", "9991119990"
REASON = "Asked for it at the desk, ticket 12."
ACTION = "second-factor-token"


@pytest.fixture
def chief(required: None, db: None) -> Client:
    """The browser of a superuser who has logged in with the second factor."""
    enrolled(BOSS, is_superuser=True)
    enter(browser := with_password(BOSS), code())
    assert is_inside(browser)
    return browser


def made_by(chief: Client, user: User, action: str = ACTION) -> str:
    answer = chief.post(page_of(user.pk, action), {"reason": REASON})
    assert "no-store" in answer["Cache-Control"]
    return shown_token(answer.content.decode())


def test_factor_is_set_up_with_a_token_of_a_superuser(chief: Client) -> None:
    user = operator(PHONE)
    browser = with_password()
    assert page_of(user.pk, ACTION) in chief.get(page_of(user.pk)).content.decode()

    token = made_by(chief, user)

    assert logged() == [f"Made a token for the second factor. Reason: {REASON}"]
    assert len(set_up(browser, token)) == 10
    assert is_inside(browser)
    assert not EnrolmentToken.objects.exists()
    assert page_of(user.pk, ACTION) not in chief.get(page_of(user.pk)).content.decode()


def test_token_is_shown_once_and_stored_as_a_hash(chief: Client) -> None:
    user = operator(PHONE)

    token = made_by(chief, user)

    plain = token.replace("-", "")
    assert len(plain) == 16
    assert token not in chief.get(page_of(user.pk)).content.decode()
    assert not any(token in value.value for value in chief.cookies.values())
    stored = bytes(EnrolmentToken.objects.get().token_hash)
    assert len(stored) == 32
    texts = [str(session.get_decoded()) for session in Session.objects.all()]
    texts += [entry.change_message for entry in LogEntry.objects.all()]
    assert not any(one in text for one in (token, plain, stored.hex()) for text in texts)


@pytest.mark.parametrize("text", ["", "x", "aaaa-aaaa-aaaa-aaaa", "\0", "a" * 5000, "½"])
def test_wrong_token_sets_nothing_up(required: None, text: str) -> None:
    token = second_factor.token_to_set_up(operator(PHONE))
    browser = with_password()

    assert not set_up(browser, text)
    assert not TOTPDevice.objects.exists()
    assert not is_inside(browser)
    assert set_up(browser, token)


def test_right_code_is_not_enough_and_the_page_says_why(required: None) -> None:
    operator(PHONE)
    browser = with_password()
    secret, field = offered(browser)

    page = enter(browser, code(secret=secret), PAGE, token="aaaa", **field).content.decode()

    assert "This token is wrong, expired or was used already." in page
    assert "This code is wrong" not in page
    russian = browser.post(PAGE, {"code": "1", "token": "a"}, headers={"accept-language": "ru"}).content.decode()
    assert "Токен неверный, истёк или уже использован." in russian


def test_wrong_code_does_not_use_the_token_up(required: None) -> None:
    token = second_factor.token_to_set_up(operator(PHONE))
    browser = with_password()
    _, field = offered(browser)

    page = enter(browser, wrong_code(), PAGE, token=token, **field).content.decode()

    assert "This code is wrong" in page
    assert "This token is wrong" not in page
    assert set_up(browser, token.upper().replace("-", " "))


def test_token_of_another_operator_is_refused(required: None) -> None:
    operator(PHONE)
    foreign = second_factor.token_to_set_up(operator(BOSS))

    assert not set_up(with_password(), foreign)
    assert EnrolmentToken.objects.exists()


def test_new_token_replaces_the_old_one(required: None) -> None:
    user = operator(PHONE)
    old, new = (second_factor.token_to_set_up(user) for _ in range(2))
    browser = with_password()

    assert not set_up(browser, old)
    assert set_up(browser, new)


def test_token_ends_after_a_day_and_is_deleted(required: None) -> None:
    user = operator(PHONE)
    token = second_factor.token_to_set_up(user)
    ends = EnrolmentToken.objects.get().expires_at
    assert abs(ends - timezone.now() - timedelta(hours=24)) < timedelta(minutes=5)
    retention.delete_expired(ends)
    assert EnrolmentToken.objects.exists()
    EnrolmentToken.objects.update(expires_at=timezone.now() - timedelta(minutes=5))

    assert not set_up(with_password(), token)
    retention.delete_expired(timezone.now())
    assert not EnrolmentToken.objects.exists()


def test_reset_shows_the_token_that_is_needed_next(chief: Client) -> None:
    user, _ = enrolled(PHONE)

    token = made_by(chief, user, "reset-second-factor")

    assert logged()[-1] == f"Reset the second factor. Reason: {REASON}"
    browser = with_password()
    assert not set_up(browser, "")
    assert set_up(browser, token)


def test_nobody_else_makes_a_token(chief: Client) -> None:
    user = operator(PHONE)
    other, _ = enrolled("9991119996")
    other.user_permissions.set(Permission.objects.filter(codename__in=["view_user", "change_user"]))
    enter(colleague := with_password("9991119996"), code())

    for browser in (colleague, with_password(), Client()):
        browser.post(page_of(user.pk, ACTION), {"reason": REASON})
    chief.post(page_of(user.pk, ACTION), {"reason": ""})
    chief.post(page_of(User.objects.get(phone=f"+7{BOSS}").pk, ACTION), {"reason": REASON})

    assert not EnrolmentToken.objects.exists()


def test_token_is_neither_asked_for_nor_made_where_the_factor_is_optional(boss: Client) -> None:
    user = operator("9991119997")
    browser = with_password("9991119997")

    assert "token" not in browser.get(PAGE).context["form"].fields
    assert page_of(user.pk, ACTION) not in boss.get(page_of(user.pk)).content.decode()
    assert boss.post(page_of(user.pk, ACTION), {"reason": REASON}).status_code == 302
    with pytest.raises(CommandError, match="not required"):
        call_command("second_factor_token", "9991119997")
    assert not EnrolmentToken.objects.exists()
    enrolment.issue(user)  # as if it had been required then
    assert set_up(browser)
    assert not EnrolmentToken.objects.exists()


def test_erasure_deletes_the_token(required: None) -> None:
    user = operator(PHONE)
    second_factor.token_to_set_up(user)

    assert privacy.erase_by_operator(user.pk)

    assert not EnrolmentToken.objects.exists()


def test_token_of_a_reset_is_not_replaced_by_a_change_under_way(
    required: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the token that a superuser had just been shown did not work."""
    user, _codes = enrolled(PHONE)
    enter(browser := with_password(PHONE), code())
    later(user)
    verify, tokens = second_factor.verify, []

    def slow(*args: Any) -> Any:
        device = verify(*args)
        second_factor.reset(user)
        tokens.append(second_factor.token_to_set_up(user))
        return device

    monkeypatch.setattr(second_factor, "verify", slow)

    enter(browser, code(), PAGE, _off="1")

    assert enrolment.use(user, tokens[0])


@pytest.mark.django_db(transaction=True)
def test_parallel_uses_of_a_token_succeed_once(required: None) -> None:
    user = operator(PHONE)
    token = enrolment.issue(user)

    assert sorted(race([partial(enrolment.use, user, token)] * 8)) == [False] * 7 + [True]

    token = enrolment.issue(user)
    results = race([partial(second_factor.enrol, user, SECRET, code(), token)] * 8)
    assert len([one for one in results if isinstance(one, second_factor.WrongCode)]) == 7
    assert TOTPDevice.objects.count() == 1
