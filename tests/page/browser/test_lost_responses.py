"""Responses that never arrive: the page repeats its request, and the user stays signed in."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from tests.page.browser.visitor import Visitor

pytestmark = pytest.mark.long

REFRESH, LOGIN = "**/api/auth/refresh", "**/api/auth/login"
LATER = "UPDATE users_device SET refreshed_at = refreshed_at - interval '11 s'"
DEVICES = "SELECT count(*) FROM users_device JOIN users_user AS person ON person.id = user_id WHERE phone = %s"


class Network:
    """Loses the responses to the first `lost` requests of this kind, after the service has answered them."""

    def __init__(self, person: Visitor, url: str, lost: int, lose: Callable[[Route], object] = Route.abort) -> None:
        self.answers: list[dict[str, Any]] = []
        self.lost, self.lose = lost, lose
        person.page.route(url, self._answer)

    def _answer(self, route: Route) -> None:
        answer = route.fetch()
        self.answers.append(answer.json())
        if len(self.answers) <= self.lost:
            self.lose(route)
        else:
            route.fulfill(response=answer)


def stored(person: Visitor) -> str:
    return str(person.page.evaluate("JSON.parse(localStorage.getItem('session')).refresh"))


def test_lost_refresh_is_repeated_at_once(alice: Visitor) -> None:
    code = alice.sign_in()
    network = Network(alice, REFRESH, lost=1)
    alice.expire()

    alice.page.reload()

    assert alice.own_code() == code
    assert len(network.answers) == 2
    assert {answer["refresh"] for answer in network.answers} == {stored(alice)}


def test_refresh_without_a_response_is_repeated_before_the_reuse_interval_ends(alice: Visitor) -> None:
    code = alice.sign_in()
    alice.page.clock.install()
    network = Network(alice, REFRESH, lost=1, lose=lambda route: None)
    alice.expire()
    alice.page.reload()
    alice.page.wait_for_timeout(0)
    alice.service.wait_for(lambda: alice.page.wait_for_timeout(20) or network.answers)

    alice.page.clock.run_for(8_000)

    assert alice.own_code() == code
    assert {answer["refresh"] for answer in network.answers} == {stored(alice)}


def test_refresh_that_was_lost_minutes_ago_is_made_good(alice: Visitor, database: Any) -> None:
    code = alice.sign_in()
    network = Network(alice, REFRESH, lost=2)
    alice.expire()
    alice.page.reload()
    alice.sees("problem_offline")
    database.execute(LATER)

    alice.press("Try again")

    assert alice.own_code() == code
    first, second, third = network.answers
    assert first["refresh"] == second["refresh"] != third["refresh"] == stored(alice)
    alice.page.reload()
    assert alice.own_code() == code


def test_lost_login_is_repeated_and_opens_one_session(alice: Visitor, database: Any) -> None:
    alice.page.goto("/")
    alice.ask_for_code()
    network = Network(alice, LOGIN, lost=1)

    alice.code_field.fill(alice.code())

    alice.own_code()
    assert {answer["refresh"] for answer in network.answers} == {stored(alice)}
    assert len(network.answers) == 2
    assert database.execute(DEVICES, [f"+7{alice.phone}"]).fetchone() == (1,)


def test_login_that_is_refused_is_not_repeated(alice: Visitor) -> None:
    alice.page.goto("/")
    alice.ask_for_code()
    network = Network(alice, LOGIN, lost=0)
    wrong = alice.wrong_code()

    alice.code_field.fill(wrong)

    expect(alice.problem).to_contain_text(alice.words("wrong_code", left=2))
    assert len(network.answers) == 1


def test_whole_sms_is_pasted(alice: Visitor) -> None:
    alice.page.goto("/")
    alice.ask_for_code()
    alice.code()

    alice.code_field.fill(alice.messages()[0])

    alice.own_code()


def test_what_is_pasted_is_cleaned(alice: Visitor, bob: Visitor) -> None:
    code = bob.sign_in()
    typed = code.translate(str.maketrans("ABEKMHPCTYX", "АВЕКМНРСТУХ"))
    alice.page.goto("/")
    phone = f"+7\u00a0{alice.phone[:3]}\u2013{alice.phone[3:]}\u202c"
    alice.page.get_by_label(alice.words("Mobile number")).fill(phone)
    alice.press("Get an SMS code")
    digits = alice.code().translate({ord("0") + n: 0x660 + n for n in range(10)})
    alice.code_field.fill(f"\u200b{digits[:2]}\u2212{digits[2:]}")
    alice.own_code()

    alice.invite_field.fill(f"{typed[:3].lower()}\u2014{typed[3:]}\u2060")
    alice.press("Continue")
    alice.press("Vote")

    alice.sees_chosen(code)
