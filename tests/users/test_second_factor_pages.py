"""Setting up, changing and resetting the second factor."""

import re
from typing import Any

import pytest
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from tests.support.authenticator import (
    PAGE,
    code,
    enrolled,
    enter,
    is_inside,
    later,
    offered,
    set_up,
    shown_recovery_codes,
    with_password,
    wrong_code,
)
from tests.support.operators import PASSWORD, at_work, logged, operator, page_of
from users.models import User
from users.operators import second_factor

pytestmark = pytest.mark.django_db


def test_operator_sets_up_a_factor_and_is_asked_for_it_afterwards() -> None:
    user = operator()
    browser = with_password()
    assert PAGE in browser.get("/admin/").content.decode()

    codes = set_up(browser)

    assert len(set(codes)) == 10
    assert is_inside(browser)
    assert logged() == ["Set up their second factor."]
    later(user)
    again = with_password()
    assert not is_inside(again)
    enter(again, codes[0])
    assert is_inside(again)


def test_page_shows_the_secret_as_text_and_as_a_qr_code_made_here() -> None:
    operator()
    browser = with_password()
    answer = browser.get(PAGE)
    page = answer.content.decode()

    device = TOTPDevice(user=User.objects.get(), key=answer.context["form"].secret)
    (shown,) = re.findall(r'class="secret">([A-Z2-7 ]+)<', page)
    assert f"secret={shown.replace(' ', '')}&" in device.config_url
    assert len(shown.replace(" ", "")) == 32
    assert '<img class="qr" src="data:image/svg+xml' in page
    assert "//" not in re.sub(r"http://www.w3.org/\d+/svg", "", answer.context["qr"])
    assert "no-store" in answer["Cache-Control"]


def test_code_of_setting_up_does_not_log_in() -> None:
    operator()
    browser = with_password()
    secret, field = offered(browser)
    shown = code(secret=secret)
    assert shown_recovery_codes(enter(browser, shown, PAGE, password=PASSWORD, **field))

    enter(other := with_password(), shown)

    assert not is_inside(other)


@pytest.mark.parametrize("text", ["", "12345", "abcdef", "\0" * 6])
def test_wrong_first_code_sets_nothing_up(text: str) -> None:
    operator()
    browser = with_password()
    _, field = offered(browser)

    assert enter(browser, text, PAGE, password=PASSWORD, **field).status_code == 200
    assert not TOTPDevice.objects.exists()


def test_who_has_only_the_session_sets_nothing_up() -> None:
    """Otherwise they would lock the operator out, and stay."""
    operator()
    thief = with_password()
    secret, field = offered(thief)
    shown = code(secret=secret)

    guesses = [{}, *({"password": f"guess-{number}"} for number in range(6))]
    answers = [enter(thief, shown, PAGE, **field, **guess).status_code for guess in guesses]

    assert answers == [200] * 5 + [429] * 2
    assert enter(thief, shown, PAGE, **field, password=PASSWORD).status_code == 429
    assert not TOTPDevice.objects.exists()
    assert is_inside(with_password(REMOTE_ADDR="198.51.100.7"))


def test_other_sessions_of_the_operator_are_asked_for_a_code() -> None:
    operator()
    one, other = with_password(), with_password()

    set_up(one)

    assert is_inside(one)
    assert not is_inside(other)


def test_recovery_codes_are_shown_once() -> None:
    operator()
    browser = with_password()
    codes = set_up(browser)

    for path in (PAGE, "/admin/", page_of(User.objects.get().pk)):
        page = browser.get(path, follow=True).content.decode()
        assert not any(one in page for one in codes)
    assert "Recovery codes left: 10." in browser.get(PAGE).content.decode()


def test_new_recovery_codes_need_a_current_code_and_replace_the_old_ones() -> None:
    user, old = enrolled()
    used = code()  # not made again: its half a minute may end meanwhile
    enter(browser := with_password(), used)
    assert not shown_recovery_codes(enter(browser, used, PAGE, _codes="1"))
    assert not shown_recovery_codes(enter(browser, wrong_code(), PAGE, _codes="1"))

    new = shown_recovery_codes(enter(browser, code(1), PAGE, _codes="1"))

    assert len(new) == 10
    assert not set(new) & set(old)
    assert logged() == ["Made new recovery codes."]
    enter(with_old := with_password(), old[0])
    assert not is_inside(with_old)
    assert StaticDevice.objects.filter(user=user).count() == 1


def test_who_logged_in_by_a_recovery_code_stays_logged_in_with_new_ones() -> None:
    _, codes = enrolled()
    enter(browser := with_password(), codes[0])

    new = shown_recovery_codes(enter(browser, codes[1], PAGE, _codes="1"))

    assert len(new) == 10
    assert is_inside(browser)


def test_turning_off_needs_a_current_code() -> None:
    enrolled()
    used = code()
    enter(browser := with_password(), used)
    for text in ("", wrong_code(), used):
        enter(browser, text, PAGE, _off="1")
    assert TOTPDevice.objects.exists()

    assert enter(browser, code(1), PAGE, _off="1")["Location"] == PAGE

    assert not TOTPDevice.objects.exists()
    assert not StaticDevice.objects.exists()
    assert logged() == ["Turned off their second factor."]
    assert is_inside(with_password())


def test_guesses_on_the_own_page_are_counted() -> None:
    enrolled()
    enter(browser := with_password(), code())

    answers = [enter(browser, wrong_code(number), PAGE, _off="1").status_code for number in range(6)]

    assert answers == [200] * 5 + [429]


def test_required_factor_is_set_up_before_anything_else(required: None) -> None:
    user = operator(is_superuser=True)
    browser = with_password()

    step = browser.get("/admin/users/user/", follow=True)
    assert step.redirect_chain[-1][0].startswith(PAGE)
    page = step.content.decode()
    assert "This service requires a second factor" in page
    assert "/admin/users/" not in page
    for path in ("/admin/", "/admin/password_change/", "/admin/users/user/", "/admin/jsi18n/"):
        assert browser.get(path)["Location"].startswith("/admin/login/?next=")
    set_up(browser, second_factor.token_to_set_up(user))

    assert is_inside(browser)


def test_required_factor_that_is_turned_off_is_set_up_again_at_once(required: None) -> None:
    enrolled()
    enter(browser := with_password(), code())
    assert "Set up again" in browser.get(PAGE).content.decode()

    enter(browser, code(1), PAGE, _off="1")

    assert not is_inside(browser)
    assert not set_up(with_password(), "")
    offered = browser.get(PAGE).context["form"]["token"].value()
    set_up(browser, offered)
    assert is_inside(browser)


def test_setting_required_ends_no_session_of_who_has_a_factor(settings: Any) -> None:
    enrolled()
    enter(browser := with_password(), code())
    without = at_work(operator("9991119997"))

    settings.ADMIN_SECOND_FACTOR = "required"

    assert is_inside(browser)
    assert not is_inside(without)
