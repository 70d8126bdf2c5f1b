"""What the measurement of SMS says of what it saw."""

from __future__ import annotations

from bench.machine import Noise, percentile
from bench.sms_table import Run, table
from bench.traffic import SignUp

CORES = {"web": 0.5, "workers": 0.4, "PostgreSQL": 0.3, "bench": 0.1, "all": 1.4, "stolen": 0.0}


def offered(arrivals: list[list[float]], *, gateway_seconds: float = 0.3, status: int = 200) -> Run:
    """A run with one sign-up a second, answered after 20 ms, and when the SMS of each came."""
    sign_ups = [SignUp(f"+7999000000{at}", at, at + 0.001, at + 0.02, status) for at in range(len(arrivals))]
    received = {each.phone: times for each, times in zip(sign_ups, arrivals, strict=True)}
    return Run(1, gateway_seconds, sign_ups, received, CORES, 0, Noise(1.0, 1.1, 2.0))


def test_a_run_holds_only_if_everybody_was_accepted_and_had_one_sms() -> None:
    assert offered([[0.1], [1.1]]).holds
    assert not offered([[0.1], []]).holds
    assert not offered([[0.1], [1.1, 1.2]]).holds
    assert not offered([[0.1], [1.1]], status=429).holds


def test_the_table_tells_lost_and_doubled_sms() -> None:
    idle, control = offered([[0.5]]), offered([[0.1], [1.1], [2.1]], gateway_seconds=0)
    slow = offered([[0.1], [], [2.1, 2.2]])

    lines = table("", (0, 0, 0), idle, [control, slow], "").splitlines()

    assert any(line.split()[:7] == ["POST", "to", "gateway", "499.0", "499.0", "499.0", "499.0"] for line in lines)
    assert any(line.split()[:10] == ["1", "300", "ms", "3", "3", "0", "1", "1", "1", "0"] for line in lines)


def test_a_percentile_is_the_value_that_so_many_do_not_exceed() -> None:
    values = [float(value) for value in range(300, 0, -1)]

    assert [percentile(values, share) for share in (0.5, 0.9, 0.99, 1.0)] == [150, 270, 297, 300]
