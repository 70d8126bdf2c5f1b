"""What the page says of a vote that is not in the results."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Browser, expect

from tests.page.browser.test_voting import publish, set_period
from tests.page.browser.visitor import Visitor
from tests.support.http_gateway import Gateway
from tests.support.service import Service, ready_service

pytestmark = pytest.mark.long

CONTACT = "mailto:help@example.org"
AGE = """
UPDATE profiles_activation AS vote SET created_at = vote.created_at - %s::interval
  FROM users_user AS person WHERE person.id = invitee_id AND phone = %s
"""
# In the middle of a minute, and shortly after.
CLOSES = "UPDATE profiles_votingperiod SET closes_at = date_trunc('minute', now()) - interval '40 seconds'"
LATE = """
UPDATE profiles_activation SET created_at = closes_at + %s::interval
  FROM profiles_votingperiod, users_user AS person WHERE person.id = invitee_id AND phone = %s
"""


LEFT = "one => one.getBoundingClientRect().x"


@pytest.fixture
def service(gateway: Gateway) -> Iterator[Service]:
    """A service for each test: published results stay for good."""
    with ready_service(SMS_GATEWAYS=gateway.url, TRUSTED_PROXIES="1", CONTACT_URL=CONTACT) as started:
        yield started


@pytest.mark.parametrize("language", ["en", "ru"])
def test_vote_outside_the_period_is_not_shown_as_counted(
    visitor: Callable[..., Visitor],
    database: psycopg.Connection[Any],
    browser: Browser,
    service: Service,
    language: str,
) -> None:
    chosen, early, late, counted = visitor("en"), visitor(language), visitor(language), visitor("en")
    lateness, told = ("10 seconds", r"\d:\d\d:30") if language == "en" else ("20 ms", r"\d:\d\d:20[.,]020")
    code = chosen.sign_in()
    for one, age in ((early, "2 days"), (late, "1 hour"), (counted, "1 hour")):
        vote_for(one, code)
        database.execute(AGE, [age, f"+7{one.phone}"])
    set_period(database, "-1 day", "-1 second")
    database.execute(CLOSES)
    database.execute(LATE, [lateness, f"+7{late.phone}"])
    publish(browser, service)

    early.page.goto("/")

    early.sees_title("results_title")
    expect(early.page.locator(".places tbody tr")).to_have_count(1)
    expect(early.page.locator(".places .badge")).to_have_count(0)
    tells_why(early, "vote_early", "began")
    late.page.goto("/")
    tells_why(late, "vote_late", "ended")
    expect(late.page.locator(".times dd")).to_have_text([re.compile(r"\d:\d\d:20"), re.compile(told)])  # not the same
    early.page.route("**/api/v1/results", lambda route: route.abort())
    early.page.reload()
    early.sees("results_missing")
    tells_why(early, "vote_early", "began")
    counted.page.goto("/")
    expect(counted.page.locator(".places .badge")).to_have_text(counted.words("your_choice"))
    expect(counted.page.locator("[data-counted]:not(.warning)")).to_have_text(counted.words("vote_counted"))
    for card in ("[data-choice]", "[data-own-code]", "[data-people]"):
        assert left(counted, card) > left(counted, "[data-results]")  # beside the results, on a wide screen
    chosen.page.goto("/")
    chosen.sees("counted_of", counted=1, count=3)
    expect(chosen.page.locator("[data-people] .badge")).to_have_text([chosen.words("not_counted")] * 2)
    chosen.finds_no_barrier()


def vote_for(voter: Visitor, code: str) -> None:
    voter.sign_in()
    voter.invite_field.fill(code)
    voter.press("Continue")
    voter.page.locator("dialog[open] .primary").click()
    voter.sees_chosen(code)


def left(visitor: Visitor, card: str) -> float:
    return float(visitor.page.locator(f"main {card}").evaluate("card => card.getBoundingClientRect().left"))


def tells_why(voter: Visitor, words: str, limit: str) -> None:
    contact = voter.words("contact_us")
    notice = voter.page.locator("[data-choice] [data-counted].warning")
    expect(notice.locator("> p")).to_have_text([voter.words(words), voter.words("mistake", contact=contact)])
    expect(notice.locator("dt")).to_have_text([voter.words(limit), voter.words("voted")])
    for width in (768, 1280):
        voter.page.set_viewport_size({"width": width, "height": 900})
        first, second = notice.locator("dd").all()
        assert first.evaluate(LEFT) == second.evaluate(LEFT)  # one column
    expect(notice.locator("dd")).to_have_text([re.compile(r"\d:\d\d")] * 2)
    expect(notice.get_by_role("link", name=contact)).to_have_attribute("href", CONTACT)
    voter.finds_no_barrier()
