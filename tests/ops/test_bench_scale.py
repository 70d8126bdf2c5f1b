"""The table of CPU by the number of people."""

from collections import defaultdict

from bench import scale
from bench.journeys.load import PARTS


def used(*of_parts: float) -> scale.Used:
    """Turns of which each needs as much, but for one in two that the host slowed down."""
    found: scale.Used = defaultdict(list)
    for part, microseconds in zip(PARTS, of_parts, strict=True):
        for operation in (scale.JOURNEY, scale.READ):
            found[operation, part] = [microseconds, 9 * microseconds] * scale.WARM_UP
    return found


def test_slow_turns_do_not_count_and_sizes_are_compared() -> None:
    lines = scale.table({1000: used(3000, 1500, 500), 2000: used(3000, 2000, 500)}).splitlines()

    assert lines[2:] == [
        "| 1,000 | 3,000 + 1,500, 500 | 1.00 | 3,000 + 1,500, 500 | 1.00 |",
        "| 2,000 | 3,000 + 2,000, 500 | 1.10 | 3,000 + 2,000, 500 | 1.10 |",
    ]
