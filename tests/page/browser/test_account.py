"""Devices, and a copy of one's data."""

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.page.browser.test_problem_texts import answer_with
from tests.page.browser.visitor import Visitor

pytestmark = pytest.mark.long


def test_device_is_ended_from_another(alice: Visitor, visitor: Callable[..., Visitor]) -> None:
    alice.sign_in()
    thief = on_another_device(alice, visitor())

    alice.open_account()
    expect(alice.page.get_by_role("listitem")).to_have_count(2)
    expect(alice.page.get_by_role("listitem").filter(has_text=alice.words("this_device"))).to_have_count(1)
    expect(alice.page.get_by_role("listitem").get_by_role("button")).to_have_count(1)  # "Sign out" is of this device
    alice.finds_no_barrier()
    expect(alice.page.get_by_role("listitem").first).to_contain_text(alice.words("this_device"))
    alice.page.get_by_role("listitem").last.get_by_role("button").click()
    device = alice.page.get_by_role("listitem").last.locator("strong").inner_text()
    expect(alice.page.locator("#end-title")).to_have_text(alice.words("end_title", device=device))
    expect(alice.page.locator("[data-live]:visible")).to_have_count(2)
    alice.sees("end_effect", device=device.replace(" ", "\u00a0"))  # not "this device": it is another one
    expect(alice.page.locator("[data-left]:visible")).to_have_count(0)
    alice.finds_no_barrier()
    alice.press("Cancel")
    expect(alice.page.get_by_role("listitem")).to_have_count(2)
    alice.page.get_by_role("listitem").last.get_by_role("button").click()
    sign_out = alice.words("Sign out", context="another device")
    alice.page.get_by_role("dialog").get_by_role("button", name=sign_out, exact=True).click()

    expect(alice.page.get_by_role("listitem")).to_have_count(1)
    alice.sees("device_ended", device=device)
    alice.hears("device_ended", device=device)
    expect(alice.button("Sign out of all devices")).to_have_count(0)
    expect(alice.page.get_by_role("heading", name="Your devices")).to_be_focused()
    thief.page.reload()
    thief.sees("problem_token_revoked")
    thief.page.reload()
    expect(thief.page.locator("[data-known]")).to_have_count(0)  # its trust is gone, too


def on_another_device(person: Visitor, other: Visitor) -> Visitor:
    other.phone = person.phone
    other.page.goto("/")
    other.ask_for_code()
    other.code_field.fill(other.code(2))
    other.own_code()
    return other


def test_device_that_is_signed_out_is_only_taken_off_the_list(alice: Visitor, bob: Visitor) -> None:
    alice.sign_in()
    on_another_device(alice, bob).open_account()
    bob.press("Sign out")
    bob.sees("signed_out")
    alice.open_account()
    expect(alice.page.get_by_role("listitem").last.locator(".hint")).to_have_text(stamp(alice, "signed_out_at"))

    alice.page.get_by_role("listitem").last.get_by_role("button").click()

    alice.sees("You are already signed out there. If you sign in there again, it will be treated as a new device.")
    expect(alice.page.locator("[data-live]:visible")).to_have_count(0)
    expect(alice.page.locator("dialog .danger:visible")).to_have_count(0)  # nothing is lost
    alice.finds_no_barrier()
    alice.page.get_by_role("dialog").get_by_role("button", name=alice.words("Remove from list")).click()
    expect(alice.page.get_by_role("listitem")).to_have_count(1)


def test_device_that_could_not_be_signed_out_says_so(alice: Visitor, bob: Visitor) -> None:
    alice.sign_in()
    on_another_device(alice, bob)
    alice.open_account()
    busy = answer_with(503, {"code": "unavailable", "status": 503, "retry_after": 30})
    alice.page.route("**/api/v1/devices/*", busy)

    row = alice.page.get_by_role("listitem").last
    row.get_by_role("button").click()
    alice.page.locator("dialog[open] .danger").click()

    expect(row.locator(".problem p")).to_have_text(alice.words("end_failed", device=row.locator("strong").inner_text()))
    expect(row.get_by_role("button")).to_have_count(1)
    expect(alice.button("Sign out of all devices")).to_be_visible()
    alice.finds_no_barrier()


def stamp(person: Visitor, words: str) -> re.Pattern[str]:
    """The text with today's day and a time of day, as people of this language write them.

    After midnight it may be the day before, too.
    """
    days = "|".join(map(re.escape, person.days("short")))
    time_of_day = r"\d{1,2}:\d\d" + {"en": r"\s[AP]M", "ru": ""}[person.language]
    before, after = person.words(words, time="\n").split("\n")
    pattern = rf"{re.escape(before)}(?:{days}),\s{time_of_day}{re.escape(after)}"
    return re.compile(f"{pattern}$".replace(r"\ ", r"\s"))  # the spaces of a time do not break


@pytest.mark.parametrize("language", ["en", "ru"])
def test_each_device_tells_the_time_of_its_sign_in(visitor: Callable[..., Visitor], language: str) -> None:
    person = visitor(language)
    person.sign_in()
    on_another_device(person, visitor())
    person.page.set_viewport_size({"width": 320, "height": 640})
    person.open_account()

    rows = person.page.get_by_role("listitem").locator(".hint")
    expect(rows).to_have_text([re.compile(".+" + stamp(person, "signed_in_at").pattern), stamp(person, "signed_in_at")])
    assert rows.last.evaluate("row => row.offsetHeight < 2 * parseFloat(getComputedStyle(row).lineHeight)")
    assert person.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    person.finds_no_barrier()


def test_all_devices_are_ended_after_a_question(alice: Visitor, bob: Visitor) -> None:
    alice.sign_in()
    on_another_device(alice, bob)
    alice.open_account()

    alice.press("Sign out of all devices")
    alice.sees(
        "You will be signed out on all devices, including this one. To sign in again, you will need a new SMS code."
    )
    alice.finds_no_barrier()
    heights = alice.page.locator("dialog[open] button").evaluate_all("all => all.map(one => one.offsetHeight)")
    assert heights == [44, 44]  # one line each
    alice.page.get_by_role("dialog").get_by_role("button", name=alice.words("Sign out everywhere"), exact=True).click()

    alice.sees("all_ended")
    alice.page.reload()
    alice.sees_title("Sign in with your phone")
    expect(alice.page.locator("[data-known]")).to_have_count(0)


def test_last_button_of_the_devices_stands_apart(visitor: Callable[..., Visitor]) -> None:
    ivan = visitor("ru")
    ivan.sign_in()
    on_another_device(ivan, visitor())
    ivan.open_account()
    last = ivan.page.locator("[data-devices] .last")
    button = last.get_by_role("button")
    for width, words in ((390, "Sign out of all devices"), (320, "Sign out of all")):
        ivan.page.set_viewport_size({"width": width, "height": 800})
        expect(button).to_have_accessible_name(ivan.words(words))
        assert button.evaluate("one => one.offsetHeight") == 44  # one line
        room = last.evaluate("one => one.firstElementChild.getBoundingClientRect().y - one.getBoundingClientRect().y")
        assert room == 25  # and the divider above it


def test_own_data_is_downloaded(alice: Visitor) -> None:
    code = alice.sign_in()
    alice.open_account()

    with alice.page.expect_download() as download:
        alice.press("Download")

    assert download.value.suggested_filename == f"{code}.json"
    assert json.loads(download.value.path().read_text())["person"]["phone"] == f"+7{alice.phone}"
    alice.sees("exported")
    alice.hears("exported")
