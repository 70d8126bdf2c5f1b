"""Staying signed in, in several tabs, and being signed out."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Route, expect

from tests.browser.visitor import Visitor


def test_signing_out_in_one_tab_signs_out_the_other(alice: Visitor) -> None:
    alice.sign_in()
    other = Visitor(alice.page.context.new_page(), alice.phone, "en", alice.service, alice.gateway)
    other.page.goto("/")
    other.own_code()
    other.open_account()

    other.press("sign_out")

    other.sees("signed_out")
    alice.sees("signed_out_elsewhere")
    alice.sees_title("phone_title")
    assert alice.page.evaluate("localStorage.getItem('session')") is None


def test_signing_in_in_one_tab_signs_in_the_other(alice: Visitor) -> None:
    alice.page.goto("/")
    other = Visitor(alice.page.context.new_page(), alice.phone, "en", alice.service, alice.gateway)

    code = other.sign_in()

    assert alice.own_code() == code


def test_tabs_swap_the_refresh_token_one_after_the_other(alice: Visitor) -> None:
    code = alice.sign_in()
    held: list[Route] = []
    context = alice.page.context
    context.route("**/api/auth/refresh", lambda route: held.append(route))
    tabs = [context.new_page() for _ in range(3)]

    for tab in tabs:
        tab.goto("/")
    alice.page.wait_for_function("async () => (await navigator.locks.query()).pending.length === 2")

    assert len(held) == 1
    context.unroute_all()  # and what was held goes on
    for tab in tabs:
        assert Visitor(tab, alice.phone, "en", alice.service, alice.gateway).own_code() == code


def test_only_the_refresh_token_is_kept(alice: Visitor) -> None:
    alice.sign_in()

    kept = alice.page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")

    assert kept.count("eyJhbGci") == 1
    assert alice.phone not in kept and alice.code() not in kept


def test_session_that_was_ended_leads_to_signing_in(alice: Visitor, database: Any) -> None:
    alice.sign_in()
    database.execute(END, [f"+7{alice.phone}"])

    alice.page.get_by_role("link", name="Account").click()

    alice.sees("problem_token_revoked")
    expect(alice.page.get_by_label(alice.words("phone_label"))).to_be_visible()
    alice.finds_no_barrier()


END = """
UPDATE users_device SET ended_at = now() FROM users_user AS person WHERE person.id = user_id AND phone = %s
"""
