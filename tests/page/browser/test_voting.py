"""The page through a vote: before it, while it is open, after it, and with its results."""

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Browser, expect

from tests.page.browser.test_admin_session import log_in, made_operator
from tests.page.browser.test_session import come_back
from tests.page.browser.visitor import Visitor
from tests.support.http_gateway import Gateway
from tests.support.service import Service, ready_service

pytestmark = pytest.mark.long

Database = psycopg.Connection[Any]


@pytest.fixture
def service(gateway: Gateway) -> Iterator[Service]:
    """A service for each test: published results stay for good."""
    with ready_service(SMS_GATEWAYS=gateway.url, TRUSTED_PROXIES="1") as started:
        yield started


def set_period(database: Database, opens: str | None, closes: str | None) -> None:
    """The times from now, such as `1 day`."""
    database.execute("INSERT INTO profiles_votingperiod DEFAULT VALUES ON CONFLICT DO NOTHING")
    change = "UPDATE profiles_votingperiod SET opens_at = now() + %s::interval, closes_at = now() + %s::interval"
    database.execute(change, [opens, closes])


def publish(browser: Browser, service: Service) -> None:
    made_operator(service)
    page = browser.new_page(locale="en")
    log_in(page, service)
    page.goto(f"http://localhost:{service.port}/admin/profiles/votingperiod/publish/")
    page.get_by_label("Reason").fill("as announced")
    page.get_by_label("I know that this cannot be undone.").check()
    page.get_by_role("button", name="Publish the results").click()
    expect(page.locator(".messagelist").first).to_contain_text("The results are published.")
    page.close()


def period(visitor: Visitor) -> Any:
    return visitor.page.locator("[data-period]")


def begins(visitor: Visitor, words: str) -> str:
    """The text until its time."""
    return visitor.words(words, time="…").partition("…")[0]


def today(visitor: Visitor) -> re.Pattern[str]:
    """With the month in full, as it stands in a sentence. After midnight it may be the day before, too."""
    return re.compile("|".join(visitor.days("long")).replace(" ", "\u00a0"))


def photograph(visitor: Visitor, name: str) -> None:
    """With all that can be opened, on a phone. Only if SHOTS names a folder."""
    if folder := os.environ.get("SHOTS"):
        visitor.page.set_viewport_size({"width": 390, "height": 844})
        for details in visitor.page.locator("[data-results] details").all():
            details.evaluate("details => details.open = true")
        visitor.page.screenshot(path=Path(folder) / f"{name}-{visitor.language}.png", full_page=True)


def test_code_of_a_link_is_kept_until_voting_begins(visitor: Callable[..., Visitor], database: Database) -> None:
    alice, bob = visitor("en"), visitor("en")
    code = alice.sign_in()
    set_period(database, "1 day", "2 days")
    bob.sign_in(f"/i/{code}")

    set_period(database, "-1 day", "2 days")
    later = bob.page.context.new_page()  # the next visit has no link
    later.goto("/")

    expect(later.locator("#invite")).to_have_value(f"{code[:3]} {code[3:]}")


def test_page_tells_the_state_of_the_vote(
    visitor: Callable[..., Visitor], database: Database, browser: Browser, service: Service
) -> None:
    chosen = visitor("en")
    code = chosen.sign_in()
    voters, others = [visitor("en"), visitor("ru")], [visitor("en"), visitor("ru")]

    set_period(database, "1 day", "2 days")
    for one in voters:
        one.page.goto("/i/broken")
        expect(one.page.locator("[data-broken]")).to_be_visible()
        one.page.goto(f"/i/{code}")
        one.sees("soon_invited")
        expect(one.page.locator("[data-about] + p")).to_contain_text(begins(one, "soon_keeps"))
        photograph(one, "invited-soon")
        one.sign_in(f"/i/{code}")
        expect(period(one)).to_contain_text(begins(one, "soon_profile"))
        one.sees("code_saved", code=f"{code[:3]} {code[3:]}")
        expect(one.page.locator("[data-choice] p .code")).to_have_text(f"{code[:3]} {code[3:]}")
        expect(one.invite_field).to_have_count(0)
        photograph(one, "not-begun")

    set_period(database, "-1 day", "1 day")
    for one in voters:
        one.page.reload()  # the link is still there
        one.press("Vote with this code")
        one.page.get_by_role("dialog").get_by_role("button", name=one.words("Vote"), exact=True).click()
        one.sees_chosen(code)
        expect(period(one)).to_be_hidden()
        expect(one.page.locator("[data-friends]")).to_contain_text(begins(one, "friends_until"))
    for one in others:
        one.page.goto(f"/i/{code}")
        expect(one.page.get_by_role("main")).to_contain_text(begins(one, "voting_until"))
        photograph(one, "invited-open")
        one.sign_in()
        expect(period(one)).to_contain_text(begins(one, "voting_until"))
        expect(one.invite_field).to_be_visible()
        photograph(one, "open")

    set_period(database, "-1 day", "0 seconds")
    for one in (*voters, *others):
        one.page.reload()
        expect(one.page.get_by_role("heading", level=1)).to_have_text(one.words("over_title"))
        expect(one.page.locator(".columns .card").nth(0)).to_have_attribute("data-choice", "")
        expect(period(one)).to_contain_text(str(datetime.now(UTC).year))  # a date, although it was today
        expect(period(one)).to_contain_text(one.words("results_later"))
        expect(one.page.locator(".actions .primary:visible")).to_have_count(0)
        one.sees("no_more_votes")
        if one in voters:
            expect(one.page.locator("[data-chosen] .hint")).to_contain_text(today(one))
        one.sees("nobody")
        one.sees("no_vote") if one in others else one.sees_chosen(code)
        expect(one.page.locator("[data-results]")).to_be_hidden()
        expect(one.invite_field).to_have_count(0)
        photograph(one, f"over-{one in voters}")

    for one in (visitor("en"), visitor("ru")):
        one.page.goto(f"/i/{code}")
        expect(one.page.get_by_role("heading", level=1)).to_have_text(one.words("over_title"))
        one.sees("over_sign_in")
        one.sees("code_late", code=f"{code[:3]} {code[3:]}")
        expect(one.page.locator(".card > p .code")).to_have_text(f"{code[:3]} {code[3:]}")
        expect(one.page.locator(".ticket")).to_have_count(0)
        one.finds_no_barrier()
        photograph(one, "invited-over")

    publish(browser, service)
    for one in (*voters, *others):
        one.page.clock.set_fixed_time(datetime.now(UTC) + timedelta(seconds=11))
        come_back(one)  # to the tab, where the page looks for news
        one.sees_title("results_title")
        expect(one.page.locator("[data-choice]")).to_contain_text(
            one.words("vote_counted" if one in voters else "no_vote")
        )
        expect(one.page.locator(".places tbody tr")).to_have_text([re.compile(rf"^1\s*{code[:3]} {code[3:]}.*2$")])
        one.sees("no_place")
        one.page.get_by_text(one.words("Check the results yourself")).click()
        expect(one.page.locator("[data-receipt]")).to_be_visible(visible=one in voters)
        photograph(one, f"results-{one in voters}")
        one.finds_no_barrier()
    sees_own_vote(voters[0], code)
    for one in voters:
        keeps_the_published_vote(one)
    chosen.page.reload()
    expect(chosen.page.locator("[data-place]")).to_have_text("1")
    expect(chosen.page.locator("[data-votes]")).to_have_text("2")
    expect(chosen.page.locator(".mine")).to_contain_text(chosen.words("your_code"))
    stranger = visitor("ru")
    stranger.page.goto("/")
    stranger.sees_title("results_title")
    expect(stranger.page.locator(".places tbody tr")).to_have_count(1)
    stranger.page.goto(f"/i/{code}")
    expect(stranger.page.locator(".places tbody tr")).to_contain_text(stranger.words("invited_you"))
    expect(stranger.page.locator(".mine, [data-own]:visible, [data-receipt]:visible")).to_have_count(0)
    stranger.finds_no_barrier()
    still_tells_the_period(stranger, voters[0])


def still_tells_the_period(stranger: Visitor, voter: Visitor) -> None:
    """Where the results cannot be read."""
    for one in (stranger, voter):
        one.page.route("**/api/v1/results", lambda route: route.abort())
        one.page.goto("/")
        expect(one.page.get_by_role("main")).to_contain_text(begins(one, "voting_ended"))
        one.sees("results_missing")
        expect(one.page.locator("[data-results]")).to_be_hidden()
        one.sees_title("over_title")
        one.finds_no_barrier()
        photograph(one, "results-missing")
    stranger.sees("over_sign_in")
    voter.sees("vote_counted")
    for one in (stranger, voter):
        one.press("Try again")
        expect(one.page.locator("[data-missing]")).to_contain_text(one.words("results_still_missing"))
        one.page.unroute_all()
        one.press("Try again")
        one.sees_title("results_title")
        expect(one.page.get_by_role("heading", level=1)).to_be_focused()
        expect(one.page.locator(".places tbody tr")).to_have_count(1)
        expect(one.page.locator("[data-missing]")).to_be_hidden()
    expect(stranger.page.get_by_text(stranger.words("over_sign_in"))).to_have_count(0)


def keeps_the_published_vote(voter: Visitor) -> None:
    """Erasing oneself does not withdraw it, and the page does not say so."""
    voter.page.goto("/#account")
    voter.press("Erase your account")
    told = voter.page.get_by_role("dialog")
    expect(told).to_contain_text(
        voter.words("The published results do not change. To check your vote in them later, download your data first.")
    )
    expect(voter.page.locator("main [data-voted]:visible")).to_have_count(0)
    voter.finds_no_barrier()
    voter.press("Cancel")
    voter.page.goto("/")


def sees_own_vote(voter: Visitor, code: str) -> None:
    """What the page shows is in the file that it links to."""
    shown = voter.page.locator("[data-results]")
    with voter.page.expect_download() as download:
        shown.get_by_role("link", name="Download the results").click()
    file = download.value.path().read_bytes()
    assert download.value.suggested_filename == "results.csv"
    expect(shown.locator("[data-sha256]")).to_have_text(hashlib.sha256(file).hexdigest())
    receipt = shown.locator("[data-receipt]").inner_text()
    assert f"{code},{receipt}\n" in file.decode()
    shows_the_secret_number_on_request(voter)


def shows_the_secret_number_on_request(voter: Visitor) -> None:
    secret, both = voter.page.locator("[data-nonce]"), '[data-nonce], [data-copy-of="[data-nonce]"]'
    shown = voter.page.locator(both).filter(visible=True)
    expect(shown).to_have_count(0)
    voter.press("show_secret")
    expect(secret).to_have_text(re.compile("^[0-9a-f]{32}$"))
    expect(shown).to_have_count(2)
    voter.press("hide_secret")
    expect(shown).to_have_count(0)
