"""Publishing the results of many votes."""

import hashlib
import tracemalloc
from collections.abc import Iterator

import pytest

from profiles import results, voting
from users.queries import database_now

pytestmark = pytest.mark.django_db

VOTES = 100_000
# A tenth of the text of the file.
MOST_BYTES = 700_000


def lines(period: str) -> Iterator[str]:
    """As many lines as those of so many votes, and as long."""
    return (f"ABCDEF,{number:064x}\n" for number in range(VOTES))


def test_publishing_holds_a_part_of_the_file_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "_lines", lines)
    voting.change(None, database_now())
    tracemalloc.start()
    try:
        stored = results.publish()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert stored.results_sha256 == hashlib.sha256("".join(lines("")).encode()).hexdigest()
    assert peak < MOST_BYTES
