"""Changing the number on the page, from the account to the success, and what it says on the way."""

import os
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.page.browser.visitor import Visitor

pytestmark = pytest.mark.long

AGE = """
UPDATE users_device SET signed_in_at = signed_in_at - interval '11 minutes'
  FROM users_user AS person WHERE person.id = user_id AND phone = %s
"""


def look(person: Visitor, name: str) -> None:
    """Keep a picture for a person to see, where SCREENSHOTS names a folder."""
    if folder := os.environ.get("SCREENSHOTS"):
        person.page.screenshot(path=f"{folder}/{name}-{person.language}.png", full_page=True)


def no_wider_than_the_screen(person: Visitor) -> bool:
    return bool(person.page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


@pytest.mark.parametrize("language", ["en", "ru"])
def test_number_changes_with_the_code_sent_to_it(visitor: Callable[..., Visitor], language: str) -> None:
    alice, other = visitor(language), visitor()
    alice.page.set_viewport_size({"width": 390, "height": 844})
    code = alice.sign_in()
    before, alice_before = alice.shown_phone, alice.phone
    alice.open_account()
    look(alice, "account")
    alice.press("Change number")
    alice.sees_title("Change your number")
    alice.sees("Current number:")
    expect(alice.page.locator(".card .phone")).to_have_text(before)
    look(alice, "number")
    alice.finds_no_barrier()

    field = alice.page.get_by_label(alice.words("New mobile number"))
    field.fill(alice.phone)
    field.press("Enter")
    expect(alice.problem).to_have_text(alice.words("own_phone"))
    look(alice, "own")
    field.fill(other.phone)
    field.press("Enter")
    expect(alice.code_field).to_be_focused()
    alice.sees_title("Confirm your new number")
    alice.sees("sent", phone=other.unbroken_phone)
    expect(alice.page.locator("form > button")).to_have_text(alice.words("Confirm new number"))
    look(alice, "code")
    alice.finds_no_barrier()
    alice.page.reload()  # the step survives
    alice.code_field.fill(other.wrong_code())
    expect(alice.problem).to_have_text(alice.words("wrong_code", left=2))
    look(alice, "wrong")
    assert no_wider_than_the_screen(alice)
    alice.code_field.fill(other.code())
    alice.code_field.press("Enter")

    alice.sees_title("Account")
    alice.sees("phone_changed")
    expect(alice.page.get_by_role("main")).to_contain_text(other.shown_phone)
    look(alice, "changed")
    alice.finds_no_barrier()
    with alice.page.expect_download():
        alice.press("Download")
    expect(alice.page.locator("[data-notice]")).to_be_empty()
    alice.service.wait_for(lambda: len(alice.messages()) == 2)
    notice = alice.messages()[1]
    assert "localhost" in notice and not any(letter.isdigit() for letter in notice)
    assert alice_before not in notice and other.phone not in notice
    alice.phone = other.phone
    alice.page.get_by_role("link", name=alice.words("Back to invite code")).click()
    assert alice.own_code() == code
    alice.open_account()
    expect(alice.page.locator("[data-notice]")).to_be_empty()
    assert alice.page.evaluate("Object.keys(sessionStorage)") == []
    assert alice.page.evaluate("localStorage.getItem('known')") == other.phone[-4:]


def test_who_voted_is_told_who_will_see_the_new_number(alice: Visitor, bob: Visitor) -> None:
    told = "The person you voted for will see your new number."
    code = bob.sign_in()
    alice.sign_in()
    alice.open_account()
    alice.press("Change number")
    alice.sees_title("Change your number")
    expect(alice.page.get_by_text(alice.words(told))).to_be_hidden()

    alice.page.goto("/")
    alice.invite_field.fill(code)
    alice.press("Continue")
    alice.press("Vote")
    alice.sees_chosen(code)
    alice.open_account()
    alice.press("Change number")
    alice.sees(told)
    look(alice, "voted")
    alice.finds_no_barrier()
    alice.page.get_by_label(alice.words("New mobile number")).fill("9995550002")
    alice.press("Get an SMS code")
    expect(alice.code_field).to_be_focused()
    alice.press("Enter another number")
    alice.sees(told)


def test_another_tab_shows_the_new_number_before_a_vote(alice: Visitor, bob: Visitor) -> None:
    alice.sign_in()
    tab = alice.page.context.new_page()
    tab.goto("/")
    expect(tab.locator(".who [data-phone]")).to_have_text(alice.shown_phone)

    alice.open_account()
    alice.press("Change number")
    alice.page.get_by_label(alice.words("New mobile number")).fill(bob.phone)
    alice.press("Get an SMS code")
    alice.code_field.fill(bob.code())

    expect(tab.locator(".who [data-phone]")).to_have_text(bob.shown_phone)


def test_operator_is_told_that_the_number_stays(alice: Visitor, database: Any) -> None:
    alice.sign_in()
    database.execute("UPDATE users_user SET is_staff = true WHERE phone = %s", [f"+7{alice.phone}"])
    alice.open_account()
    alice.press("Change number")

    alice.page.get_by_label(alice.words("New mobile number")).fill("9995550001")
    alice.press("Get an SMS code")

    alice.sees("problem_staff_phone")
    expect(alice.page.locator("main :is(button, input):visible")).to_have_count(0)
    alice.finds_no_barrier()


def test_taken_number_and_old_sign_in_show_what_to_do(
    alice: Visitor, bob: Visitor, visitor: Callable[..., Visitor], database: Any
) -> None:
    bob.sign_in()
    alice.sign_in()
    alice.open_account()
    alice.press("Change number")
    field = alice.page.get_by_label(alice.words("New mobile number"))
    database.execute(AGE, [f"+7{alice.phone}"])
    field.fill(bob.phone)
    alice.press("Get an SMS code")
    expect(alice.problem).to_have_text(alice.words("sign_in_by_current", phone=alice.unbroken_phone))
    for come_true in ("[data-ahead]", "#new-phone-hint"):  # the next SMS goes to the current number
        expect(alice.page.locator(come_true)).to_be_hidden()

    alice.press("sign_in_again")
    expect(alice.code_field).to_be_focused()
    alice.sees("sign_in_to_change")
    alice.code_field.fill(alice.code(2))
    alice.sees_title("Change your number")
    expect(field).to_have_value(bob.typed_phone)
    alice.sees("You have signed in again. You have ten minutes to change your number.")
    expect(alice.page.locator("[data-ahead]:visible")).to_have_count(0)
    alice.press("Get an SMS code")
    alice.code_field.fill(bob.code(2))
    alice.sees_title("taken_title")
    alice.sees("taken_text", phone=bob.unbroken_phone)
    expect(alice.page.locator("main :is(button, summary):visible")).to_have_count(1)
    look(alice, "taken")
    alice.finds_no_barrier()

    alice.press("Enter another number")
    expect(field).to_be_focused()
