"""Two users at two browsers: one invites, the other activates."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.page.browser.visitor import Visitor

NOBODY = "Nobody yet. Send your link to a friend: once they vote with your code, their number appears here."


@pytest.mark.parametrize("language", ["en", pytest.param("ru", marks=pytest.mark.long)])
def test_vote_is_seen_by_whom_it_is_for(visitor: Callable[..., Visitor], language: str) -> None:
    alice, bob = visitor(language), visitor(language)
    alice.page.goto("/")
    alice.sees_title("Sign in with your phone")
    alice.finds_no_barrier()
    alice.ask_for_code()
    alice.finds_no_barrier()
    alice.code_field.fill(alice.code())
    code = alice.own_code()
    alice.sees(NOBODY)
    alice.finds_no_barrier()
    bob.sign_in()

    bob.invite_field.fill(f" {code[:3].lower()}-{code[3:].lower()} ")
    bob.press("Continue")
    bob.sees("You have one vote. You cannot change it or give it to somebody else later.")
    expect(bob.page.get_by_role("dialog")).to_contain_text(bob.shown_phone)
    bob.finds_no_barrier()
    bob.press("Vote")

    bob.sees_chosen(code)
    bob.hears("activated", code=f"{code[:3]} {code[3:]}")
    bob.sees("Your friends can vote for you: your own code is below.")
    bob.sees_title("vote_counted_for", code=f"{code[:3]} {code[3:]}")
    expect(bob.page.locator("[data-choice]")).to_be_hidden()
    expect(bob.invite_field).to_have_count(0)
    bob.finds_no_barrier()
    bob.page.reload()
    expect(bob.page.locator("[data-choice]")).to_be_visible()
    bob.sees_chosen(code)
    alice.page.reload()
    expect(alice.page.get_by_role("listitem")).to_contain_text([bob.shown_phone])
    expect(alice.page.locator("[data-count]")).to_have_text("1")
    alice.finds_no_barrier()


@pytest.mark.long
def test_share_link_keeps_its_code_through_sign_in_and_activates_nothing_by_itself(
    alice: Visitor, bob: Visitor
) -> None:
    code = alice.sign_in()

    bob.page.goto(f"/i/{code.lower()}")
    bob.sees_title("You’re invited")
    bob.finds_no_barrier()
    bob.ask_for_code()
    bob.code_field.fill(bob.code())
    bob.sees("You are signed in. You can now give your one vote to the person this invite code belongs to.")
    expect(bob.page.locator(".ticket [aria-hidden]")).to_have_text(f"{code[:3]} {code[3:]}")
    bob.finds_no_barrier()
    alice.page.reload()
    alice.sees(NOBODY)
    bob.press("Vote with this code")
    bob.press("Vote")
    bob.sees_chosen(code)
    expect(bob.page.locator("[data-success]")).to_be_focused()
    expect(bob.page).to_have_url(f"http://localhost:{bob.service.port}/")
    bob.finds_no_barrier()
    bob.open_account()
    bob.press("Sign out")
    bob.sees_title("Sign in with your phone")  # the invitation is used


def test_invited_user_may_vote_later_or_for_another(alice: Visitor, bob: Visitor) -> None:
    code = alice.sign_in()
    bob.sign_in()
    bob.page.goto(f"/i/{code}")

    bob.press("Not now")

    bob.sees_title("choice_none")
    expect(bob.page.locator(".columns .card").nth(0)).to_have_attribute("data-choice", "")
    expect(bob.button("Continue")).to_have_class("primary")
    bob.hears("code_waits")
    bob.finds_no_barrier()
    bob.page.reload()
    expect(bob.invite_field).to_have_value(f"{code[:3]} {code[3:]}")
    bob.sees("code_waits")
    bob.invite_field.fill("H7K")
    expect(bob.page.locator("[data-lead]")).not_to_have_text(bob.words("code_waits"))
    stands_beside_the_own_code(bob)
    bob.invite_field.fill(code)
    bob.press("Continue")
    bob.press("Vote")
    bob.sees_chosen(code)
    bob.sees_title("vote_counted_for", code=f"{code[:3]} {code[3:]}")
    expect(bob.page.locator("[data-success]")).to_be_focused()
    expect(bob.page.locator("[data-own-code] .primary:visible")).to_have_css("border-top-color", "rgba(0, 0, 0, 0)")


def stands_beside_the_own_code(person: Visitor) -> None:
    """The vote comes first and alone has a filled button. On a wide screen no column is empty."""
    share = person.page.locator("[data-own-code] .primary:visible")
    expect(share).not_to_have_css("border-top-color", "rgba(0, 0, 0, 0)")
    person.page.set_viewport_size({"width": 1280, "height": 800})
    choice, own, people = (
        person.page.locator(f"[{name}]").bounding_box() for name in ("data-choice", "data-own-code", "data-people")
    )
    assert choice and own and people
    assert choice["y"] == own["y"] and choice["x"] == people["x"] < own["x"]
    assert people["y"] == choice["y"] + choice["height"] + 20


@pytest.mark.long
def test_pasted_link_holds_the_code(alice: Visitor, bob: Visitor) -> None:
    code = alice.sign_in()
    bob.sign_in()
    halves = f"{code[:3]} {code[3:]}"

    for pasted in (
        f"\u200b«{code.lower()}».",
        f"(https://invite.example.org/i/{code}).",
        f"My code, friend: {halves}!",
    ):
        bob.invite_field.fill(pasted)
        bob.press("Continue")
        expect(bob.page.locator("dialog [data-code] [aria-hidden]")).to_have_text(halves)
        bob.press("Cancel")
    bob.invite_field.fill(f"Look: https://invite.example.org/i/{code}?from=chat")
    bob.press("Continue")
    bob.press("Vote")

    bob.sees_chosen(code)


def test_refused_invite_codes_tell_why_and_leave_the_field_to_mend(alice: Visitor, database: Any) -> None:
    own = alice.sign_in()
    (nobodys,) = database.execute("SELECT 'ZZZZZZ' EXCEPT SELECT invite_code FROM profiles_profile").fetchone()

    malformed = alice.words("malformed_invite", signs=alice.words("unused_signs"))
    for typed, told in (
        ("", alice.words("missing_invite")),
        ("O0I1L2", f"{malformed} {alice.words('paste_invite')}"),
        (own, alice.words("problem_own_invite_code")),
        (nobodys, alice.words("problem_invite_code_not_found")),
    ):
        alice.invite_field.fill(typed)
        alice.press("Continue")
        if alice.page.get_by_role("dialog").is_visible():
            alice.press("Vote")

        expect(alice.problem).to_have_text(told)
        expect(alice.invite_field).to_be_focused()
        expect(alice.invite_field).to_have_value(typed if "O" in typed or not typed else f"{typed[:3]} {typed[3:]}")
    alice.finds_no_barrier()


@pytest.mark.long
@pytest.mark.parametrize("same", [True, False])
def test_vote_that_was_given_in_another_tab_is_told(
    alice: Visitor, bob: Visitor, visitor: Callable[..., Visitor], same: bool
) -> None:
    code = alice.sign_in()
    typed = code if same else visitor("en").sign_in()
    bob.sign_in()
    other = bob.page.context.new_page()
    other.goto(f"/i/{code}")
    other.get_by_role("button", name="Vote with this code").click()
    other.get_by_role("button", name="Vote", exact=True).click()
    expect(other.locator("[data-success]")).to_be_visible()

    bob.invite_field.fill(typed)
    bob.press("Continue")
    bob.press("Vote")

    bob.sees_chosen(code)
    told = bob.words("problem_already_activated", code=f"{code[:3]}\u00a0{code[3:]}")
    expect(bob.page.locator("[data-notice]")).to_have_text("" if same else told)


def test_invitation_with_a_code_of_nobody_can_be_corrected(alice: Visitor, bob: Visitor, database: Any) -> None:
    code = alice.sign_in()
    (nobodys,) = database.execute("SELECT 'ZZZZZZ' EXCEPT SELECT invite_code FROM profiles_profile").fetchone()
    bob.sign_in()
    bob.page.goto(f"/i/{nobodys}")
    bob.press("Vote with this code")
    bob.press("Vote")

    expect(bob.problem).to_have_text(bob.words("problem_invite_code_not_found"))
    expect(bob.invite_field).to_have_value("ZZZ ZZZ")
    expect(bob.invite_field).to_be_focused()
    expect(bob.page.locator("main button.primary:visible")).to_have_text(["Continue", "Copy link"])
    bob.finds_no_barrier()
    bob.invite_field.fill(code)
    bob.press("Continue")
    bob.press("Vote")
    bob.sees_chosen(code)


def test_keyboard_alone_goes_the_whole_way(alice: Visitor, bob: Visitor) -> None:
    code = alice.sign_in()
    keyboard = bob.page.keyboard
    bob.page.goto("/")
    bob.sees_title("Sign in with your phone")

    keyboard.press("Tab")  # the other language
    keyboard.press("Tab")
    keyboard.type(bob.phone)
    keyboard.press("Enter")
    expect(bob.code_field).to_be_focused()
    keyboard.type(bob.code())
    expect(bob.page.get_by_role("heading", level=1)).to_be_focused()
    for _ in range(10):
        keyboard.press("Tab")
        if bob.invite_field.evaluate("field => field === document.activeElement"):
            break
    keyboard.type(code)
    keyboard.press("Enter")
    expect(bob.page.get_by_role("dialog").get_by_role("heading")).to_be_focused()
    keyboard.press("Enter")  # held too long: that is no vote
    keyboard.press("Escape")
    expect(bob.page.get_by_role("dialog")).to_be_hidden()
    expect(bob.invite_field).to_be_focused()
    # The browser moves the focus first and tells the page of the closed dialog a moment later.
    expect(bob.button("Continue")).to_have_attribute("aria-busy", "false")
    keyboard.press("Enter")
    expect(bob.page.get_by_role("dialog").get_by_role("heading")).to_be_focused()
    keyboard.press("Tab")
    expect(bob.button("Vote")).to_be_focused()
    keyboard.press("Enter")

    bob.sees_chosen(code)
    expect(bob.page.locator("[data-success]")).to_be_focused()
