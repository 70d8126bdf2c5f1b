"""Staying signed in, in several tabs, and being signed out."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from tests.page.browser.visitor import Visitor

pytestmark = pytest.mark.long


def test_signing_out_in_one_tab_signs_out_the_other(alice: Visitor) -> None:
    alice.sign_in()
    other = Visitor(alice.page.context.new_page(), alice.phone, "en", alice.service, alice.gateway)
    other.page.goto("/")
    other.own_code()
    other.open_account()

    other.press("Sign out")

    other.sees("signed_out")
    alice.sees("signed_out_elsewhere")
    alice.sees_title("Sign in with your phone")
    assert alice.page.evaluate("localStorage.getItem('session')") is None


def test_signing_out_without_a_connection_tells_the_truth(alice: Visitor) -> None:
    alice.sign_in()
    alice.open_account()
    alice.page.context.set_offline(True)

    alice.press("Sign out")

    alice.sees("signed_out_offline")
    expect(alice.page.locator("[data-notice].warning")).to_be_focused()
    assert alice.page.evaluate("localStorage.getItem('session')") is None


def test_signing_out_does_not_wait_for_a_refresh_that_hangs(alice: Visitor) -> None:
    alice.sign_in()
    alice.open_account()
    held: list[Route] = []
    context = alice.page.context
    context.route("**/api/auth/refresh", lambda route: held.append(route))
    alice.expire()
    tab = context.new_page()
    other = Visitor(tab, alice.phone, "en", alice.service, alice.gateway)
    tab.goto("/")
    alice.service.wait_for(lambda: tab.title() and held)

    alice.press("Sign out")

    alice.sees("signed_out")
    other.sees("signed_out_elsewhere")
    held[0].continue_()
    tab.evaluate("navigator.locks.request('session', () => {})")  # the refresh has ended
    assert tab.evaluate("localStorage.getItem('session')") is None


def test_whoever_signs_in_next_does_not_see_what_was_typed_before(alice: Visitor, bob: Visitor) -> None:
    alice.sign_in()
    alice.invite_field.fill("H7K3")
    alice.open_account()
    alice.press("Sign out")

    alice.phone = bob.phone
    alice.ask_for_code()
    alice.code_field.fill(alice.code())

    expect(alice.invite_field).to_have_value("")


def test_signing_in_in_one_tab_signs_in_the_other(alice: Visitor) -> None:
    alice.page.goto("/")
    other = Visitor(alice.page.context.new_page(), alice.phone, "en", alice.service, alice.gateway)

    code = other.sign_in()

    assert alice.own_code() == code


def test_two_tabs_that_send_the_same_code_stay_signed_in(alice: Visitor) -> None:
    other = Visitor(alice.page.context.new_page(), alice.phone, "en", alice.service, alice.gateway)
    for tab in (alice, other):
        tab.page.goto("/")
        tab.ask_for_code()
    late: list[tuple[Route, Any]] = []
    alice.page.route("**/api/auth/login", lambda route: late.append((route, route.fetch())))
    alice.code_field.fill(alice.code())
    alice.service.wait_for(lambda: alice.page.title() and late)
    other.code_field.fill(alice.code())
    code = other.own_code()

    [(route, response)] = late
    with alice.page.expect_response("**/api/v1/profiles/me"):
        route.fulfill(response=response)

    for tab in (alice, other):
        tab.page.reload()
        assert tab.own_code() == code


def test_tabs_refresh_once_and_a_late_copy_of_that_ends_nothing(alice: Visitor) -> None:
    code = alice.sign_in()
    held: list[Route] = []
    context = alice.page.context
    context.route("**/api/auth/refresh", lambda route: held.append(route))
    alice.expire()
    tabs = [context.new_page() for _ in range(3)]

    for tab in tabs:
        tab.goto("/")
    alice.page.wait_for_function("async () => (await navigator.locks.query()).pending.length === 2")

    assert len(held) == 1
    for route in held:
        route.continue_()
    for tab in tabs:
        assert Visitor(tab, alice.phone, "en", alice.service, alice.gateway).own_code() == code
    assert len(held) == 1
    alice.service.call("/api/auth/refresh", held[0].request.post_data_json)
    alice.page.reload()
    assert alice.own_code() == code


def test_token_that_is_refused_early_is_refreshed(alice: Visitor) -> None:
    code = alice.sign_in()
    alice.page.evaluate("localStorage.session = JSON.stringify({ ...JSON.parse(localStorage.session), token: 'x' })")

    alice.page.reload()

    assert alice.own_code() == code


def test_only_the_tokens_are_kept(alice: Visitor) -> None:
    alice.sign_in()

    kept = alice.page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")

    assert kept.count("eyJhbGci") == 2
    others = re.sub(r"eyJ[\w.-]+|\b\d{13}\b", "", kept)  # a token or a time may have the digits of the code by chance
    assert alice.phone not in kept and alice.code() not in others


def test_whoever_comes_back_to_the_tab_sees_what_has_happened_but_asks_no_oftener_than_every_ten_seconds(
    alice: Visitor, bob: Visitor
) -> None:
    code = alice.sign_in()
    alice.invite_field.fill("H7K3")
    bob.service.call(ME, {"activated_invite": code}, token=bob.sign_in_elsewhere())
    asked: list[str] = []
    alice.page.on("request", lambda request: asked.append(request.url))

    come_back(alice)
    alice.page.clock.set_fixed_time(datetime.now(UTC) + timedelta(seconds=11))
    come_back(alice)
    come_back(alice)

    expect(alice.page.get_by_role("listitem")).to_contain_text([bob.shown_phone])
    expect(alice.page.locator("[data-count]")).to_have_text("1")
    expect(alice.invite_field).to_have_value("H7K3")
    expect(alice.invite_field).to_be_focused()
    assert sorted(url.split("/api/")[1] for url in asked) == [
        "v1/profiles/me",
        "v1/profiles/me/invitations",
        "v1/voting",
    ]


ME = "/api/v1/profiles/me"


def come_back(person: Visitor) -> None:
    person.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def test_browser_that_keeps_nothing_will_do(alice: Visitor) -> None:
    alice.page.add_init_script(BLOCKED)

    alice.sign_in()
    alice.open_account()
    alice.press("Sign out")

    alice.sees("signed_out")


BLOCKED = """
for (const name of ["localStorage", "sessionStorage"]) {
  Object.defineProperty(window, name, { get() { throw new DOMException("Access is denied.", "SecurityError"); } });
}
"""


def test_session_that_was_ended_leads_to_signing_in(alice: Visitor, database: Any) -> None:
    alice.sign_in()
    database.execute(END, [f"+7{alice.phone}"])

    alice.page.get_by_role("link", name="Account").click()

    alice.sees("problem_token_revoked")
    expect(alice.page.locator("[data-known]")).to_have_count(0)  # the number may have changed
    expect(alice.page.locator("[data-notice]")).to_be_focused()
    expect(alice.page.locator("[data-if][data-about]")).to_be_hidden()
    expect(alice.page.get_by_label(alice.words("Mobile number"))).to_be_visible()
    alice.finds_no_barrier()


END = """
UPDATE users_device SET ended_at = now() FROM users_user AS person WHERE person.id = user_id AND phone = %s
"""
