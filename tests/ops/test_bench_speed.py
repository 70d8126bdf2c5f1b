"""What the measurement of speed makes of what it saw."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from bench import chart, goals, load, open_loop, speed_table
from bench.load import Deck, Outcome, Request
from bench.machine import Noise
from bench.measure import Measurement
from bench.open_loop import Step
from bench.report import Counted, Goal, Report, Spread


def loaded(server: str, *rates: int, scenario: str = "GET me", refused: int = 0) -> list[Measurement]:
    """One load of a second in each round, with so many answers."""
    return [
        Measurement(scenario, server, number, Outcome(1.0, rate, refused, 0, 2.0, 9.0), 500.0, 100.0, 60.0)
        for number, rate in enumerate(rates)
    ]


def report(*loads: list[Measurement]) -> Report:
    found = Report("", "", 1000, (0, 0, 0), noise=[Noise(1.0, 1.1, 2.0)])
    found.measured = [each for load in loads for each in load]
    return found


def judged(found: Report) -> dict[str, Goal]:
    return {goal.name: goal for goal in goals.judge(found)}


def test_what_wrk_says_is_read() -> None:
    stdout = (
        "Running 8s test @ http://127.0.0.1:1/\n  1 threads and 16 connections\n"
        '\n{"seconds": 8.0, "requests": 800, "refused": 80, "errors": 2, "p50": 1.5, "p99": 7.25, "issued": 817}\n'
    )

    outcome, issued = load.parse(stdout)

    assert (outcome.per_second, outcome.p50, outcome.p99, issued) == (90.0, 1.5, 7.25, 817)
    assert not outcome.clean


def test_a_load_that_wrk_could_not_make_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="unable to connect"):
        load.parse("Running 8s test", "unable to connect to 127.0.0.1:1")


def test_a_request_goes_over_the_wire_with_its_body_and_its_length() -> None:
    request = Request("/api/v1/profiles/me", {"Authorization": "Bearer x"}, '{"name": "Ж"}')

    head, _, body = request.raw(8000).partition(b"\r\n\r\n")

    assert head.split(b"\r\n")[0] == b"POST /api/v1/profiles/me HTTP/1.1"
    assert b"Authorization: Bearer x" in head
    assert f"Content-Length: {len(body)}".encode() in head
    assert body.decode() == '{"name": "Ж"}'


def test_requests_that_are_good_once_are_dealt_once() -> None:
    requests = [Request("/1"), Request("/2")]
    once, again = Deck(requests, once=True), Deck(requests)

    dealt = [[deck.deal() for _ in range(3)] for deck in (once, again)]

    assert dealt == [[*requests, None], [*requests, requests[0]]]
    assert (once.left, again.left) == ([], requests)


def test_servers_are_compared_within_each_round() -> None:
    # The machine was half as fast in the second round, and the third one had no yardstick.
    found = report(loaded("service", 100, 50, 70), loaded("bare", 200, 125))

    assert found.ratio(("GET me", "service"), ("GET me", "bare")) == Spread(0.45, 0.4, 0.5)
    assert found.ratio(("GET me", "service"), ("GET me", "drf")) is None


def test_goals_tell_what_was_reached_what_falls_short_and_what_was_not_measured() -> None:
    found = report(loaded("service", 90), loaded("bare", 100), loaded("drf", 30))
    found.counted = [Counted("POST signup", "service", 11.0, 1.0)]
    found.admin = {"/admin/users/user/": [20.0, 20.0, 500.0], "/admin/users/device/": [290.0, 299.0, 310.0]}

    told = judged(found)

    assert told["GET me: service / bare"].reached
    assert told["GET me: service / drf"].reached is False
    assert told["GET me: service / fastapi_asyncpg"].reached is None
    assert told["statements of a sign-up, besides the person's own"].reached
    assert told["commits of a sign-up"].reached
    assert told["the slowest list of the admin"].found == Spread(299.0, 299.0, 299.0)
    assert told["memory of the largest web worker"].reached


def test_a_deep_page_is_compared_with_the_first_page_of_the_same_list() -> None:
    deep = loaded("service", 70, scenario="GET invitations, page 1000")
    first = loaded("service", 100, scenario="GET invitations, first page")

    told = judged(report(first, deep))

    assert told["GET invitations: page 1000 / first"].reached is False


def test_the_table_shows_medians_ratios_and_loads_that_failed() -> None:
    found = report(loaded("service", 10, 30, 20), loaded("bare", 40, 40, 40), loaded("drf", 40, 40, 40, refused=1))
    found.goals = goals.judge(found)

    lines = [" ".join(line.split()) for line in speed_table.table(found).splitlines()]

    assert "GET me service 20 [10..30] 2.0 9.0 500 100 60 -" in lines
    assert "drf 39 [39..39] 2.0 9.0 500 100 60 - ! 3 not 2xx" in lines
    assert "GET me bare 0.50 [0.25..0.75]" in lines
    assert "GET me: service / bare 0.50 [0.25..0.75] at least 0.75x SHORT" in lines
    assert "GET me: service / drf at least 5x not measured" in lines


def test_the_picture_is_well_formed_and_its_text_is_text() -> None:
    ratio = Spread(0.5, 0.4, 9.0)
    judged = [Goal("GET me / <bare>", ratio, 0.75, unit="x"), Goal("memory", ratio, 75, unit=" MB")]

    root = ElementTree.fromstring(chart.picture(judged))

    words = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "GET me / <bare>" in words
    assert "0.50 of 0.75, short" in words
    assert "memory" not in words
    width = float(root.attrib["viewBox"].split()[2])
    assert all(float(line.attrib["x2"]) < width for line in root.iter("{http://www.w3.org/2000/svg}line"))


@pytest.mark.parametrize("limit", [30, 250, 5000])
def test_the_search_finds_the_highest_rate_that_holds(limit: float) -> None:
    def attempt(rate: float) -> Step:
        return Step(rate, waits=[10.0 if rate <= limit else 200.0])

    found = open_loop.best(open_loop.search(attempt, 200, most=20))

    assert found is not None
    assert limit / 1.1 <= found.rate <= limit


def test_a_rate_does_not_hold_if_one_answer_was_wrong() -> None:
    assert Step(1, waits=[10.0]).holds
    assert not Step(1, waits=[10.0], failed=1).holds
    assert not Step(1).holds
