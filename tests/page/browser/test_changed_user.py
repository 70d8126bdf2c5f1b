"""Another user signs in, in another tab, while a request of the user before is under way."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Route, expect

from tests.page.browser.visitor import Visitor

pytestmark = pytest.mark.long

ME = "**/api/v1/profiles/me"


def hold_vote(voter: Visitor, code: str) -> list[Route]:
    """The request of this vote, which the browser keeps back, and those that follow."""
    held: list[Route] = []
    voter.page.route(ME, lambda route: held.append(route) if route.request.method == "POST" else route.continue_())
    voter.invite_field.fill(code)
    voter.press("Continue")
    with voter.page.expect_request(lambda request: request.method == "POST"):
        voter.press("Vote")
    voter.service.wait_for(lambda: voter.page.evaluate("true") and held)
    return held


def sign_in_next(before: Visitor, phone: str) -> tuple[Visitor, str]:
    """In another tab the user signs out, and the user of this phone signs in. That tab, and the next user's code."""
    tab = Visitor(before.page.context.new_page(), phone, "en", before.service, before.gateway)
    tab.page.goto("/")
    tab.open_account()
    tab.press("Sign out")
    tab.sees("signed_out")
    tab.ask_for_code()
    tab.code_field.fill(tab.code())
    return tab, tab.own_code()


def test_vote_of_the_user_before_is_not_repeated_in_the_name_of_the_next(
    visitor: Callable[..., Visitor], alice: Visitor, bob: Visitor
) -> None:
    chosen = visitor().sign_in()
    alice.sign_in()
    held = hold_vote(alice, chosen)
    next_user, own = sign_in_next(alice, bob.phone)

    with alice.page.expect_response(lambda answer: answer.request.method == "POST") as refused:
        held[0].continue_()

    assert refused.value.status == 401
    assert alice.own_code() == own
    next_user.page.reload()
    expect(next_user.invite_field).to_be_visible()
    assert len(held) == 1


def test_late_answer_to_the_user_before_is_not_shown_to_the_next(
    visitor: Callable[..., Visitor], alice: Visitor, bob: Visitor
) -> None:
    chosen = visitor().sign_in()
    alice.sign_in()
    held = hold_vote(alice, chosen)
    answer = held[0].fetch()
    _, own = sign_in_next(alice, bob.phone)
    assert alice.own_code() == own

    with alice.page.expect_response(lambda answer: answer.request.method == "POST"):
        held[0].fulfill(response=answer)

    assert answer.status == 200
    alice.page.evaluate("new Promise((shown) => setTimeout(shown))")
    assert alice.own_code() == own


def test_next_user_does_not_see_the_new_number_that_was_typed_before(alice: Visitor, bob: Visitor) -> None:
    alice.sign_in()
    alice.page.goto("/#new-phone")
    alice.page.locator("#new-phone").fill("9991112233")
    sign_in_next(alice, bob.phone)
    expect(alice.page.locator("[data-phone]").first).to_contain_text(bob.shown_phone)

    alice.page.goto("/#new-phone")
    alice.page.reload()

    expect(alice.page.locator("#new-phone")).to_have_value("")


def test_sign_out_does_not_sign_out_the_next_user(alice: Visitor) -> None:
    alice.sign_in()
    alice.open_account()
    # As another tab that has just signed in, of which this one has not heard yet.
    alice.page.evaluate("localStorage.session = JSON.stringify({ ...JSON.parse(localStorage.session), id: 'next' })")

    alice.press("Sign out")

    expect(alice.button("Sign out")).to_be_enabled()
    assert alice.page.evaluate("JSON.parse(localStorage.getItem('session'))?.id") == "next"
