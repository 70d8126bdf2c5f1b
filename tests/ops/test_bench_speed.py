"""What the benchmark computes from its measurements."""

import pytest

from bench import speed, wrk
from bench.machine import Spread
from bench.speed import Load, Result
from bench.wrk import Outcome, Request, Requests


def loaded(server: str, *rates: int, scenario: str = "GET me", refused: int = 0) -> list[Load]:
    """A load of one second in each round, with this many answers."""
    return [Load(scenario, server, Outcome(1.0, rate, refused, 0, 2.0, 9.0), 500.0, 100.0) for rate in rates]


def result(*loads: list[Load]) -> Result:
    return Result([each for load in loads for each in load], {"service": (79.5, 130.25)})


def test_the_line_that_the_script_of_wrk_prints_is_read() -> None:
    stdout = (
        "Running 8s test @ http://127.0.0.1:1/\n  1 threads and 16 connections\n"
        '\n{"seconds": 8.0, "requests": 800, "refused": 80, "errors": 2, "p50": 1.5, "p99": 7.25, "issued": 817}\n'
    )

    outcome, issued = wrk.parse(stdout)

    assert (outcome.per_second, outcome.p50, outcome.p99, issued) == (90.0, 1.5, 7.25, 817)
    assert not outcome.clean


def test_a_load_that_wrk_cannot_make_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="unable to connect"):
        wrk.parse("Running 8s test", "unable to connect to 127.0.0.1:1")


def test_a_request_is_sent_with_its_body_and_its_length() -> None:
    request = Request("/api/v1/profiles/me", {"Authorization": "Bearer x"}, '{"name": "Ж"}')

    head, _, body = request.raw(8000).partition(b"\r\n\r\n")

    assert head.split(b"\r\n")[0] == b"POST /api/v1/profiles/me HTTP/1.1"
    assert b"Authorization: Bearer x" in head
    assert f"Content-Length: {len(body)}".encode() in head
    assert body.decode() == '{"name": "Ж"}'


def test_requests_that_are_valid_once_are_not_sent_again() -> None:
    requests = [Request("/1"), Request("/2"), Request("/3")]

    assert Requests(requests, once=True, issued=2).left == requests[2:]
    assert Requests(requests, issued=2).left == requests


def test_rates_are_compared_within_each_round() -> None:
    # The machine was half as fast in the second round.
    found = result(loaded("service", 100, 50), loaded("bare", 200, 125))

    assert found.ratio(("GET me", "service"), ("GET me", "bare")) == Spread(0.45, 0.4, 0.5)


def test_goals_cover_baselines_the_celebrity_and_deep_pages() -> None:
    found = result(
        loaded("service", 90),
        loaded("bare", 100),
        loaded("service", 60, scenario="GET me, celebrity"),
        loaded("service", 70, scenario="GET invitations, deep page"),
        loaded("service", 100, scenario="GET invitations"),
    )

    judged = {name: (ratio.median, wanted) for name, ratio, wanted in speed.judge(found)}

    assert judged == {
        "GET me / bare": (0.9, 0.68),
        "GET me, celebrity / GET me": (60 / 90, 0.8),
        "GET invitations, deep page / GET invitations": (0.7, 0.8),
    }


def test_the_table_shows_medians_memory_and_loads_that_failed() -> None:
    found = result(loaded("service", 10, 30, 20), loaded("bare", 40, 40, 40, refused=1))

    lines = [" ".join(line.split()) for line in speed.table(found).splitlines()]

    assert "GET me service 20 [10..30] 2.0 9.0 500 100" in lines
    assert "GET me bare 39 [39..39] 2.0 9.0 500 100 ! not all requests were answered with 2xx" in lines
    assert "service 79.5 130.2" in lines
