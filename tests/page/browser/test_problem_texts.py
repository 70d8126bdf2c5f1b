"""What the page says when the service refuses, fails or is away."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from api.problem_codes import PROBLEMS
from tests.page.browser.test_dead_codes import pass_time
from tests.page.browser.visitor import SCRIPT_TEXTS, Visitor

pytestmark = pytest.mark.long


def test_service_that_is_away_may_be_asked_again(alice: Visitor) -> None:
    code = alice.sign_in()
    alice.page.clock.install()
    alice.page.route("**/api/**", lambda route: route.fulfill(status=502, body="<html>Bad gateway</html>"))
    alice.page.reload()
    alice.sees("busy_by_itself")
    expect(alice.page.get_by_role("heading", level=1)).to_have_text(alice.words("The page could not be loaded"))
    expect(alice.problem).to_have_text(alice.words("busy_by_itself"))
    alice.finds_no_barrier()
    expect(alice.button("tries_again_in", time="0:05")).to_be_disabled()
    expect(alice.page.locator(".problem.caution")).to_be_visible()  # the page helps itself
    alice.page.unroute_all()

    alice.page.clock.run_for(5_500)

    assert alice.own_code() == code


@pytest.mark.parametrize("file", ["main", "store"])
def test_page_whose_script_does_not_come_says_so_and_can_be_loaded_again(alice: Visitor, file: str) -> None:
    alice.page.route(f"**/{file}*.js", lambda route: route.fulfill(status=503))
    alice.page.goto("/i/ABCDEF")
    late = alice.page.get_by_role("heading", level=1, name=alice.words("The page could not be loaded"))
    expect(late).to_be_hidden()
    alice.page.evaluate("document.getAnimations().forEach((one) => one.finish())")
    expect(late).to_be_visible()
    alice.finds_no_barrier()
    alice.page.unroute_all()

    alice.page.get_by_role("link", name=alice.words("Try again"), exact=True).click()

    expect(alice.page.get_by_label(alice.words("Mobile number"))).to_be_visible()
    assert alice.page.url.endswith("/i/ABCDEF")


def test_busy_service_is_asked_again_when_it_said(alice: Visitor) -> None:
    busy = answer_with(503, {"code": "unavailable", "status": 503, "retry_after": 14})
    alice.page.goto("/")
    alice.page.clock.install()
    for path, field, typed in (("signup", "#phone", lambda: alice.typed_phone), ("login", "#code", alice.code)):
        alice.page.route(f"**/api/auth/{path}", busy)
        alice.page.locator(field).fill(typed())
        alice.page.locator(field).press("Enter")
        expect(alice.problem).to_have_text(alice.words("busy_by_itself"))
        alice.hears("tries_again_in", time="0:14")
        expect(alice.page.locator(field)).to_be_focused()
        expect(alice.button("tries_again_in", time="0:14")).to_be_disabled()
        expect(alice.page.locator(field)).to_have_value(typed())
        alice.page.unroute_all()

        alice.page.clock.run_for(14_500)

    alice.own_code()


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (503, "unavailable", "busy_by_itself"),
        (500, "internal_error", "problem_internal_error"),
        (429, "too_many_requests", "too_many_codes"),
    ],
)
def test_failure_is_not_told_as_a_wrong_number_and_moves_nothing(
    alice: Visitor, status: int, code: str, words: str
) -> None:
    alice.page.goto("/")
    button, field = alice.page.locator("form > button"), alice.page.get_by_label(alice.words("Mobile number"))
    field.fill(alice.phone)
    place = button.bounding_box()
    body = {"code": code, "status": status, "request_id": "0123456789ab" + "f" * 20}
    alice.page.route("**/api/auth/signup", answer_with(status, body))

    button.click()

    expect(alice.page.locator("form > .problem")).to_contain_text(alice.words(words))
    expect(alice.page.locator("form > .caution")).to_have_count(0 if status == 500 else 1)
    expect(alice.page.locator("#phone-problem")).to_be_empty()
    expect(alice.page.locator("#phone-hint")).to_be_visible()
    assert button.bounding_box() == place
    if status == 500:
        alice.sees("reference")
        copies_the_number(alice, "0123456789ab")
    alice.finds_no_barrier()


def copies_the_number(person: Visitor, number: str) -> None:
    person.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    expect(person.page.locator(".number code")).to_have_text(number)
    person.press("Copy")
    person.hears("copied")
    assert person.page.evaluate("navigator.clipboard.readText()") == number


def test_focus_stays_with_the_problem_while_the_pressed_button_waits(alice: Visitor) -> None:
    alice.page.route("**/api/auth/signup", answer_with(429, {"code": "too_many_requests", "status": 429}))
    alice.page.goto("/")
    alice.page.get_by_label(alice.words("Mobile number")).fill(alice.phone)

    alice.press("Get an SMS code")

    expect(alice.page.locator("form > button")).to_be_disabled()
    expect(alice.page.locator(".problem:focus")).to_be_visible()
    alice.page.get_by_label(alice.words("Mobile number")).fill("9")
    expect(alice.button("Get an SMS code")).to_be_enabled()


def test_busy_service_is_not_asked_to_vote_without_the_user(alice: Visitor, bob: Visitor) -> None:
    code = bob.sign_in()
    alice.sign_in()
    busy = answer_with(503, {"code": "unavailable", "status": 503, "retry_after": 1})
    alice.page.route("**/api/v1/profiles/me", busy)
    alice.invite_field.fill(code)
    alice.press("Continue")
    alice.page.locator("dialog[open] button.primary").click()

    expect(alice.problem).to_have_text(alice.words("vote_busy"))
    expect(alice.page.locator(".problem.caution")).to_be_visible()
    alice.press("try_again")

    expect(alice.page.locator("dialog[open]")).to_be_visible()


def test_refused_vote_of_an_invitation_leaves_one_way(alice: Visitor, bob: Visitor) -> None:
    alice.sign_in()
    invitation = f"/i/{bob.sign_in()}"
    problems = {"unavailable": {"status": 503, "retry_after": 30}, "voting_closed": {"status": 409}}
    for code, way in (("unavailable", None), ("voting_closed", "load_again")):
        alice.page.goto(invitation)
        alice.page.route("**/api/v1/profiles/me", posts_are_refused(code, problems[code]))
        alice.press("Vote with this code")
        alice.page.locator("dialog[open] button.primary").click()

        expect(alice.problem).to_be_visible()
        expect(alice.button("Vote with this code")).to_have_count(0)
        expect(alice.page.locator("main button.primary:disabled")).to_have_count(0 if way else 1)
        expect(alice.page.locator("main :is(button.primary, .problem button):visible")).to_have_count(1)
        alice.page.unroute_all()


def posts_are_refused(code: str, problem: dict[str, Any]) -> Callable[[Route], None]:
    refuse = answer_with(problem["status"], {"code": code, **problem})
    return lambda route: refuse(route) if route.request.method == "POST" else route.continue_()


def test_vote_whose_response_was_lost_is_found_to_be_given(alice: Visitor, bob: Visitor) -> None:
    code = bob.sign_in()
    alice.sign_in()
    alice.page.route("**/api/v1/profiles/me", lambda route: [route.fetch(), route.abort()])
    alice.invite_field.fill(code.lower())
    alice.press("Continue")
    alice.press("Vote")
    expect(alice.problem).to_have_text(alice.words("vote_unconfirmed"))
    expect(alice.invite_field).to_have_value(f"{code[:3]} {code[3:]}")
    alice.page.unroute_all()

    alice.press("Continue")
    alice.press("Vote")

    alice.sees_chosen(code)
    alice.sees("vote_counted_for", code=f"{code[:3]}\u00a0{code[3:]}")


def test_without_a_connection_nothing_typed_is_lost(alice: Visitor) -> None:
    alice.page.goto("/")
    alice.ask_for_code()
    alice.page.context.set_offline(True)

    alice.code_field.fill(alice.code())

    expect(alice.problem).to_have_text(f"{alice.words('problem_offline')} {alice.words('code_kept')}")
    expect(alice.code_field).to_have_value(alice.code())
    expect(alice.button("Sign in")).to_be_focused()  # it does the same once more
    expect(alice.button("try_again")).to_have_count(0)
    alice.page.context.set_offline(False)
    alice.press("Sign in")
    alice.own_code()


def test_code_that_cannot_be_sent_again_may_still_be_typed(alice: Visitor, database: Any) -> None:
    alice.page.clock.install()
    alice.page.goto("/")
    alice.ask_for_code()
    pass_time(alice, database, minutes=0.5)
    alice.page.context.set_offline(True)

    alice.press("send_again")

    expect(alice.page.locator("[data-resend-problem]")).to_contain_text(alice.words("problem_offline"))
    expect(alice.button("send_again")).to_be_focused()  # it does the same once more
    expect(alice.button("try_again")).to_have_count(0)
    expect(alice.button("Sign in")).to_be_visible()
    alice.page.context.set_offline(False)
    alice.code_field.fill(alice.code())
    alice.own_code()


@pytest.mark.parametrize("language", ["en", pytest.param("ru", marks=pytest.mark.long)])
def test_every_problem_has_words_and_a_way_out(visitor: Callable[..., Visitor], language: str) -> None:
    alice = visitor(language)
    alice.page.goto("/")
    field = alice.page.get_by_label(alice.words("Mobile number"))
    field.fill(alice.phone)
    said = {}

    for code, problem in PROBLEMS.items():
        body = {"code": code, "status": problem.status, "retry_after": 60, "activated_invite": "H7K3QX"}
        alice.page.unroute_all()
        alice.page.route("**/api/auth/signup", answer_with(problem.status, body))
        field.press("Enter")
        expect(alice.problem).to_be_visible()
        said[code] = alice.problem.inner_text()
        expect(field).to_have_value(alice.typed_phone)
        expect(alice.page.locator("form > button:visible, .problem button")).to_have_count(1)
        field.fill(alice.phone)
        expect(alice.problem).to_have_count(0)

    for code in PROBLEMS:
        name = {"too_many_requests": "too_many_codes", "unavailable": "busy_by_itself"}.get(code, f"problem_{code}")
        name = name if name in SCRIPT_TEXTS else "problem_out_of_date"
        words = alice.words(name, time="…", code="…", example="…", site="…")
        assert said[code].startswith(words.split("…")[0])
    for time, words in (("2001-01-01T12:00:00Z", "voting_over"), ("2999-01-01T12:00:00Z", "voting_not_begun")):
        body = {"code": "voting_closed", "status": 409, "opens_at": time, "closes_at": time}
        alice.page.unroute_all()
        alice.page.route("**/api/auth/signup", answer_with(409, body))
        field.press("Enter")
        before, after = alice.words(words, time="…").split("…")
        expect(alice.problem).to_have_text(re.compile(f"^{before}.*{time[:4]}.*{after}$"))


def answer_with(status: int, body: dict[str, Any]) -> Callable[[Route], None]:
    return lambda route: route.fulfill(status=status, body=json.dumps(body), content_type="application/problem+json")
