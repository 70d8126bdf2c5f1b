"""Publishing the results of a vote, so that each voter can check that their vote is counted.

The results are a snapshot that never changes, which triggers of the database enforce. Each vote has a receipt, the
SHA-256 of a random nonce, the voter's phone, the inviter's code and the voting period. The receipts are public. Only
who knows the nonce can tell whose receipt one is: it stands in the voter's own profile, and goes with the vote.
docs/voting.md says what this proves and what it does not.
"""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models import Count, F, QuerySet

from profiles import queries, results_queries, voting
from profiles.models import Receipt, Result, VotingPeriod
from profiles.webhooks.models import Kind
from users import events, keyset
from users.queries import database_now

# Lines of the file that are sent, or hashed, at once.
LINES = 2_000
# Codes with the most votes that an operator sees before publishing.
LEADING = 3


class NotPublished(Exception):
    """There are no results yet."""


class StillOpen(Exception):
    """Voting has not ended, or votes were accepted again while the results were made. So there can be no results."""


def publish() -> VotingPeriod:
    """Publish the results, once and for all. Waits for the votes under way. Later votes wait for its last step only.

    Raises StillOpen or ResultsPublished.
    """
    with transaction.atomic():
        stored = voting.lock_period()
        voting.refuse_published(stored)
        if stored.closes_at is None or not voting.is_over(stored):
            raise StillOpen
        # Nobody changes the period now, and votes that begin after this are outside it. So the lock is released at
        # once, by the end of a savepoint that is rolled back.
        with transaction.atomic():
            queries.wait_for_votes(voting.LOCK)
            transaction.set_rollback(True)
        stored.results_period = written(stored.opens_at, stored.closes_at)
        votes = results_queries.store(stored.results_period, stored.opens_at, stored.closes_at)
        stored.results_sha256 = _sha256(stored.results_period)
        # If the clock was set back meanwhile, votes may have been accepted again.
        queries.wait_for_votes(voting.LOCK)
        left_out = queries.counted_votes().filter(voting.by_time(stored)["during"], receipt=None)
        if not voting.is_over(stored) or left_out.exists():
            raise StillOpen
        stored.results_published_at = database_now()
        stored.save(update_fields=["results_period", "results_sha256", "results_published_at"])
        told = {"period": stored.results_period, "votes": votes, "sha256": stored.results_sha256}
        events.emit(Kind.PUBLISHED, told)
        return stored


def preview(stored: VotingPeriod) -> tuple[int, list[dict[str, Any]]]:
    """How many votes the results of this period would have now, and its LEADING codes. It reads all votes."""
    votes = queries.counted_votes().filter(voting.by_time(stored)["during"])
    codes: Any = votes.values(code=F("inviter__invite_code")).annotate(votes=Count("pk")).order_by("-votes", "code")
    return votes.count(), list(codes[:LEADING])


def written(opens_at: datetime | None, closes_at: datetime) -> str:
    """The voting period as receipts contain it: an interval of ISO 8601, such as `2026-03-01T09:00:00Z/…`."""
    return "/".join(
        time.astimezone(UTC).isoformat().replace("+00:00", "Z") if time else ".." for time in (opens_at, closes_at)
    )


def published() -> QuerySet[Result]:
    """The results. Raises NotPublished."""
    _published_period()
    return Result.objects.all()


def file() -> tuple[Iterator[str], str]:
    """The text of the public file, a part at a time, and its SHA-256. Raises NotPublished."""
    stored = _published_period()
    return _parts(stored.results_period), stored.results_sha256


def _published_period() -> VotingPeriod:
    stored = voting.period()
    if stored.results_published_at is None:
        raise NotPublished
    return stored


def _sha256(period: str) -> str:
    """The SHA-256 of the public file. Only a part of it is in memory: it has 70 MB for each million votes."""
    found = hashlib.sha256()
    for part in _parts(period):
        found.update(part.encode())
    return found.hexdigest()


def _parts(period: str) -> Iterator[str]:
    """The text of the public file, LINES at a time."""
    lines = _lines(period)
    return iter(lambda: "".join(islice(lines, LINES)), "")


def _lines(period: str) -> Iterator[str]:
    """A line for each vote, sorted: the invite code and the receipt."""
    yield f"period,{period}\n"
    yield "invite_code,receipt\n"
    order = ("invite_code", "receipt")
    for row in keyset.read(Receipt.objects.values(*order), order):
        yield f"{row['invite_code']},{bytes(row['receipt']).hex()}\n"
