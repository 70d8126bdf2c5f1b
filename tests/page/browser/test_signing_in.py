"""Signing in, and what may come in between."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.page.browser.test_dead_codes import pass_time
from tests.page.browser.visitor import Visitor


def test_wrong_code_tells_what_is_left_and_the_right_one_still_signs_in(alice: Visitor) -> None:
    alice.page.goto("/")
    alice.ask_for_code()

    alice.code_field.fill(alice.wrong_code())

    expect(alice.problem).to_have_text(alice.words("wrong_code", left=2))
    expect(alice.code_field).to_be_focused()
    alice.finds_no_barrier()
    alice.code_field.fill(f"{alice.code()[:2]} - {alice.code()[2:]} ")
    expect(alice.problem).to_have_count(0)  # a complete code that is being mended is not sent by itself
    alice.press("Sign in")
    alice.own_code()


@pytest.mark.parametrize("typed", ["12345", ""])
def test_wrong_number_is_answered_with_an_example(alice: Visitor, typed: str) -> None:
    alice.page.goto("/")
    alice.page.get_by_label(alice.words("Mobile number")).fill(typed)
    example = alice.page.locator("#phone").get_attribute("placeholder") or ""

    alice.press("Get an SMS code")

    unbroken = example.replace(" ", "\u00a0").replace("-", "\u2011")
    expect(alice.problem).to_have_text(alice.words("problem_invalid_phone", example=unbroken))
    expect(alice.page.locator("form .message .problem")).to_be_visible()  # under the field
    alice.page.get_by_label(alice.words("Mobile number")).fill(alice.phone)
    expect(alice.problem).to_have_count(0)


def test_phone_pasted_from_an_address_book_needs_no_mending(alice: Visitor) -> None:
    alice.page.goto("/")

    alice.page.get_by_label(alice.words("Mobile number")).fill(f"\u202a{alice.shown_phone}\u202c")
    alice.press("Get an SMS code")

    expect(alice.code_field).to_be_focused()


def test_phone_is_shown_in_groups_while_it_is_typed(alice: Visitor) -> None:
    alice.page.goto("/")
    field = alice.page.get_by_label(alice.words("Mobile number"))

    for digit, shown in zip("9123456789", SHOWN_IN_TURN, strict=True):
        field.press(digit)
        expect(field).to_have_value(shown)
    field.press("1")  # one too many
    field.press("Backspace")
    expect(field).to_have_value("912 345-67-89")
    for shown in reversed(SHOWN_IN_TURN[:-1]):
        field.press("Backspace")
        expect(field).to_have_value(shown)

    field.fill("912 345-67-89")
    for key in ("Home", "ArrowRight", "Delete", "5"):  # in the middle nothing moves the caret
        field.press(key)
    expect(field).to_have_value("952 345-67-89")
    assert field.evaluate("field => field.selectionStart") == 2


SHOWN_IN_TURN = [
    "9",
    "91",
    "912",
    "912 3",
    "912 34",
    "912 345",
    "912 345-6",
    "912 345-67",
    "912 345-67-8",
    "912 345-67-89",
]


@pytest.mark.parametrize("written", ["89123456789", "+79123456789", "+7 (912) 345-67-89", "+447400123456"])
def test_phone_written_in_another_way_is_left_alone(alice: Visitor, written: str) -> None:
    alice.page.goto("/")
    field = alice.page.get_by_label(alice.words("Mobile number"))

    field.press_sequentially(written)

    expect(field).to_have_value(written)


def test_code_is_sent_again_when_it_is_time_and_not_before(alice: Visitor, database: Any) -> None:
    alice.page.clock.install()
    alice.page.goto("/")
    alice.ask_for_code()
    code = alice.code()
    resend = alice.page.locator("[data-resend]")
    expect(resend).to_be_disabled()
    expect(resend).to_have_text(re.compile(alice.words("send_again_in", time=r"0:(30|[0-2]\d)")))

    alice.page.reload()
    expect(resend).to_be_disabled()
    pass_time(alice, database, minutes=0.5)
    alice.hears("may_send_again")
    alice.press("send_again")

    alice.hears("sent_again", phone=alice.unbroken_phone)
    alice.sees("sent_again", phone=alice.unbroken_phone)
    assert alice.code(2) == code
    expect(resend).to_have_text(re.compile(alice.words("send_again_in", time=r"(1:00|0:[3-5]\d)")))
    alice.code_field.fill(code)
    alice.own_code()


@pytest.mark.long
def test_long_code_comes_in_two_groups(alice: Visitor) -> None:
    for address in ("10.9.0.1", "10.9.0.2"):
        strangers = alice.page.request.post(
            "/api/auth/signup", data={"phone": alice.phone}, headers={"X-Forwarded-For": address}
        )
        assert strangers.ok
        alice.page.context.clear_cookies()
    alice.page.goto("/")

    alice.ask_for_code()

    alice.sees("code_long", length=10)
    code = next(alice.code(number) for number in (1, 2) if len(alice.code(number)) == 10)
    alice.code_field.press_sequentially(code[:7])
    expect(alice.code_field).to_have_value(f"{code[:5]} {code[5:7]}")
    alice.finds_no_barrier()
    alice.code_field.press_sequentially(code[7:])
    alice.own_code()


@pytest.mark.long
def test_known_device_is_greeted(alice: Visitor) -> None:
    alice.sign_in()
    alice.open_account()
    alice.press("Sign out")
    alice.sees("signed_out")
    expect(alice.page.locator("[data-known]")).to_have_count(0)  # it was theirs a moment ago
    alice.page.reload()
    alice.sees("known_phone", digits=alice.last_digits)

    alice.ask_for_code()

    alice.page.get_by_text(alice.words("Didn’t get the SMS?")).click()
    expect(alice.page.locator("[data-same]")).to_be_visible()
    alice.finds_no_barrier()


def test_code_that_the_browser_reads_from_the_sms_is_filled_in(alice: Visitor) -> None:
    alice.page.add_init_script(WEB_OTP)
    alice.page.goto("/")
    alice.ask_for_code()

    alice.page.evaluate("code => window.receive({ code })", alice.code())

    alice.own_code()


WEB_OTP = """
window.OTPCredential = class {};
navigator.credentials.get = ({ otp }) => new Promise((receive) => {
  if (otp.transport[0] === "sms") window.receive = receive;
});
"""


@pytest.mark.long
def test_every_step_outlives_a_reload(alice: Visitor) -> None:
    alice.page.goto("/")
    alice.page.get_by_label(alice.words("Mobile number")).fill(alice.phone)
    alice.page.reload()
    expect(alice.page.get_by_label(alice.words("Mobile number"))).to_have_value(alice.typed_phone)
    alice.press("Get an SMS code")
    alice.sees_title("Enter the SMS code")
    alice.page.reload()
    alice.sees("sent", phone=alice.unbroken_phone)
    alice.code_field.fill(alice.code())
    alice.sees_title("Your invite code")
    alice.invite_field.fill("abc")
    alice.page.reload()
    expect(alice.invite_field).to_have_value("abc")
    alice.open_account()

    alice.page.reload()

    alice.sees_title("Account")


def test_language_is_remembered_and_what_was_typed_is_kept(alice: Visitor) -> None:
    alice.page.goto("/")
    alice.page.get_by_label(alice.words("Mobile number")).fill(alice.phone)

    alice.page.get_by_role("button", name="Русский").click()
    expect(alice.page.locator("html")).to_have_attribute("lang", "ru")

    alice.language = "ru"
    alice.sees_title("Sign in with your phone")
    expect(alice.page.get_by_label(alice.words("Mobile number"))).to_have_value(alice.typed_phone)
    alice.press("Get an SMS code")
    alice.code()
    assert "код" in alice.messages()[0].lower()


def test_long_words_stay_within_a_small_screen_when_letters_are_spaced(visitor: Callable[..., Visitor]) -> None:
    anna = visitor("ru")  # "пригласительный"
    anna.page.set_viewport_size({"width": 320, "height": 640})
    anna.sign_in()
    # WCAG 1.4.12
    anna.page.evaluate("document.querySelectorAll('main *').forEach(it => (it.style.letterSpacing = '.12em'))")

    overhang = "[...document.querySelectorAll('.columns, .columns > div')].map(it => it.scrollWidth - it.clientWidth)"
    assert anna.page.evaluate(overhang) == [0, 0, 0]


@pytest.mark.long
def test_page_warns_once_when_somebody_else_requested_the_code(alice: Visitor, bob: Visitor) -> None:
    alice.page.goto("/")
    alice.ask_for_code()
    bob.phone = alice.phone
    bob.page.goto("/")
    bob.ask_for_code()
    warning = alice.page.get_by_text("Another SMS code was requested for your number")

    alice.code_field.fill(alice.code())

    expect(warning).to_be_visible()
    alice.finds_no_barrier()
    alice.page.reload()
    alice.own_code()
    expect(warning).to_be_hidden()
