"""Erasing oneself."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.page.browser.visitor import Visitor

pytestmark = pytest.mark.long


def test_erasing_needs_a_fresh_sign_in_and_leaves_nothing(alice: Visitor, bob: Visitor, database: Any) -> None:
    code = alice.sign_in()
    alice.page.goto(f"/i/{bob.sign_in()}")
    alice.press("Not now")  # the code is kept
    database.execute(AGE, [f"+7{alice.phone}"])
    alice.open_account()
    erase(alice)
    expect(alice.problem).to_have_text(alice.words("problem_fresh_sign_in_required"))
    expect(alice.page.locator("[data-erase] > button")).to_be_hidden()
    expect(alice.page.locator("[data-ahead]")).to_be_hidden()  # it has come true
    expect(alice.page.locator("[data-erase] .caution .primary")).to_be_focused()
    alice.finds_no_barrier()

    alice.page.set_viewport_size({"width": 390, "height": 600})
    alice.page.context.clear_cookies()  # the device is not known any more, so the sign-in ends no session by itself
    alice.page.context.set_offline(True)
    alice.press("sign_in_again")
    alice.sees("sign_in_to_erase")
    alice.sees("problem_offline")
    alice.sees("code_to", phone=alice.unbroken_phone)
    expect(alice.page.locator("main input:visible")).to_have_count(0)  # it is the user's own number
    alice.finds_no_barrier()
    alice.page.context.set_offline(False)
    alice.page.get_by_role("link", name="Back to account").click()  # for who changes their mind
    alice.sees_title("Account")
    erase(alice)
    alice.press("sign_in_again")
    expect(alice.code_field).to_be_focused()
    alice.sees("sign_in_to_erase")
    expect(alice.button("Enter another number")).to_have_count(0)
    alice.finds_no_barrier()
    alice.code_field.fill(alice.code(2))
    alice.sees_title("Account")
    expect(alice.page.locator("[data-devices] li button:text('Sign out')")).to_have_count(0)  # of the session before
    expect(alice.page.locator("[data-erase] h2")).to_be_focused()  # the same card
    expect(alice.page.locator("[data-erase] > button")).to_be_in_viewport()
    alice.sees("You have signed in again. Nothing is erased yet: you have ten minutes to confirm.")
    expect(alice.page.locator("[data-ahead]")).to_be_hidden()
    erase(alice)

    alice.sees("erased")
    assert database.execute(
        "SELECT phone FROM users_user JOIN profiles_profile ON id = user_id WHERE invite_code = %s", [code]
    ).fetchall() == [(None,)]
    assert alice.page.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]


@pytest.mark.parametrize("language", ["en", "ru"])
def test_erasing_withdraws_the_own_vote_and_says_so(
    visitor: Callable[..., Visitor], bob: Visitor, database: Any, language: str
) -> None:
    voter = visitor(language)
    code = bob.sign_in()
    voter.sign_in()
    voter.invite_field.fill(code)
    voter.press("Continue")
    voter.page.locator("dialog[open] .primary").click()
    voter.sees_chosen(code)
    voter.open_account()
    withdrawn = voter.words("Your own vote will be withdrawn and will not count.")
    expect(voter.page.locator("[data-erase] .hint").first).to_contain_text(withdrawn)

    voter.press("Erase your account")
    expect(voter.page.get_by_role("dialog").get_by_role("listitem")).to_contain_text(
        [
            voter.words("Your number and list of devices will be erased."),
            voter.words("Your invite code will stop working."),
            withdrawn,
            voter.words("If you sign in again, you start with a new account and a new code."),
        ]
    )
    expect(voter.page.locator("[data-published]")).to_be_hidden()
    voter.finds_no_barrier()
    voter.page.set_viewport_size({"width": 320, "height": 640})
    assert voter.page.locator("dialog[open]").evaluate("one => one.scrollHeight <= one.clientHeight")
    voter.page.locator("dialog[open] .danger").click()

    voter.sees("erased")
    left = (
        "SELECT count(*) FROM profiles_activation JOIN profiles_profile ON inviter_id = user_id WHERE invite_code = %s"
    )
    assert database.execute(left, [code]).fetchall() == [(0,)]


AGE = """
UPDATE users_device SET signed_in_at = signed_in_at - interval '11 minutes'
  FROM users_user AS person WHERE person.id = user_id AND phone = %s
"""


def erase(person: Visitor) -> None:
    person.press("Erase your account")
    expect(person.page.get_by_role("dialog").get_by_role("listitem")).to_contain_text(
        [
            "Your number and list of devices will be erased.",
            "Your invite code will stop working. Votes it has already received still count",
            "If you sign in again, you start with a new account and a new code.",
        ]
    )
    expect(person.page.locator("main [data-voted]:visible")).to_have_count(0)  # there is no vote to lose
    expect(person.page.locator("[data-erase]")).to_contain_text("your invite code will stop working")
    person.sees("This cannot be undone.")
    person.page.get_by_role("dialog").get_by_role("button", name=person.words("Erase your account")).click()
