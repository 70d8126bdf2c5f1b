"""A code that cannot be used any more, and the way to a new one."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.page.browser.visitor import Visitor

pytestmark = pytest.mark.long


def test_used_up_code_leads_to_new_attempts(alice: Visitor) -> None:
    alice.page.goto("/")
    alice.ask_for_code()
    alice.code_field.fill(alice.wrong_code())
    expect(alice.problem).to_have_text(alice.words("wrong_code", left=2))
    enter(alice, alice.wrong_code())
    expect(alice.problem).to_have_text(alice.words("code_tried"))
    enter(alice, alice.wrong_code(2))
    expect(alice.problem).to_have_text(alice.words("wrong_code", left=1))

    enter(alice, alice.wrong_code(3))

    leaves_one_way(alice, "Too many wrong codes", "no_attempts", "start_again")
    alice.press("start_again")
    works_again = alice.words("attempts_again", phone=alice.unbroken_phone, time="\n").split("\n")[0]
    expect(alice.page.locator("[data-sent]")).to_contain_text(works_again)
    expect(alice.code_field).to_be_focused()
    alice.code_field.fill(alice.code())
    alice.own_code()


def enter(person: Visitor, code: str) -> None:
    person.code_field.fill(code)
    person.code_field.press("Enter")


def test_expired_code_leads_to_a_new_one(alice: Visitor, database: Any) -> None:
    alice.page.clock.install()
    alice.page.goto("/")
    alice.ask_for_code()
    alice.page.context.set_offline(True)
    alice.code_field.fill(alice.code())
    alice.sees("problem_offline")
    alice.page.context.set_offline(False)
    alice.page.get_by_text(alice.words("Didn’t get the SMS?")).click()
    pass_time(alice, database, minutes=11)

    leaves_one_way(alice, "The code has expired", "code_expired", "new_code")
    alice.press("new_code")
    alice.hears("sent", phone=alice.unbroken_phone)
    alice.code_field.fill(alice.code(2))
    alice.own_code()


def test_disabled_user_is_only_offered_another_number(alice: Visitor, database: Any) -> None:
    alice.page.goto("/")
    alice.ask_for_code()
    database.execute("UPDATE users_user SET is_active = false WHERE phone = %s", [f"+7{alice.phone}"])

    alice.code_field.fill(alice.code())

    alice.sees_title("disabled_title")
    alice.sees("disabled_text")
    expect(alice.page.locator("main :is(button, input, summary):visible")).to_have_count(1)
    expect(alice.button("Enter another number")).to_be_focused()
    alice.finds_no_barrier()
    alice.press("Enter another number")
    expect(alice.page.locator("#phone")).to_have_value(alice.typed_phone)


def leaves_one_way(person: Visitor, title: str, why: str, button: str) -> None:
    expect(person.page.get_by_role("heading", level=1)).to_have_text(title)
    told = person.page.get_by_role("alert").filter(visible=True)
    expect(told).to_have_text(person.words(why, phone=person.unbroken_phone))
    expect(person.page.locator("[data-sent]")).to_be_hidden()
    expect(person.button(button)).to_be_focused()
    for part in (person.button("Sign in"), person.code_field, person.page.locator("details")):
        expect(part).to_be_hidden()
    expect(person.page.locator("form .problem:visible")).to_have_count(0)  # nothing is said twice
    expect(person.button("Enter another number")).to_be_visible()
    expect(person.page.locator("main button.primary:visible")).to_have_count(1)
    person.finds_no_barrier()


def pass_time(person: Visitor, database: Any, minutes: float) -> None:
    """For the user's browser, and for what the service keeps about their phone."""
    database.execute(PASS_TIME, {"phone": f"+7{person.phone}", "minutes": minutes})
    person.page.clock.fast_forward(int(minutes * 60_000))


PASS_TIME = """
WITH codes AS (
    UPDATE users_logincode AS code
       SET created_at = code.created_at - age, sent_at = sent_at - age, open_until = open_until - age,
           expires_at = expires_at - age
      FROM users_user AS person, make_interval(secs => 60 * %(minutes)s) AS age
     WHERE person.id = code.user_id AND phone = %(phone)s
    RETURNING code.id, age
)
UPDATE users_smsdelivery AS delivery SET created_at = created_at - age FROM codes WHERE codes.id = login_code_id
"""
