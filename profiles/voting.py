"""The voting period: when activations are accepted. Operators set it.

A vote counts if its time is in the period: at or after `opens_at` and before `closes_at`. A time that is not set is no
limit. This is exact under any race. A vote acquires LOCK shared, until its transaction ends, and reads the database's
clock after that. A change of the period acquires LOCK alone, so it waits for the votes under way, and later votes see
it.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from profiles import queries
from profiles.models import VotingPeriod
from users.queries import database_now

# A number of our own, for advisory locks.
LOCK = 6_217_004_120


class ResultsPublished(Exception):
    """The results are published, so neither they nor the voting period change any more."""


class VotingClosed(Exception):
    """The voting period has not begun, or has ended."""

    def __init__(self, opens_at: datetime | None, closes_at: datetime | None) -> None:
        self.opens_at, self.closes_at = opens_at, closes_at
        super().__init__(opens_at, closes_at)


@dataclass(frozen=True)
class Voting:
    """The voting period, and whether votes are accepted now."""

    opens_at: datetime | None
    closes_at: datetime | None
    open: bool
    results_published_at: datetime | None
    # Of the public file.
    results_sha256: str | None


def is_open(opens_at: datetime | None, closes_at: datetime | None, now: datetime) -> bool:
    return (opens_at is None or opens_at <= now) and (closes_at is None or now < closes_at)


def refuse_outside(opens_at: datetime | None, closes_at: datetime | None, now: datetime) -> None:
    """Raise VotingClosed if this time is outside the period."""
    if not is_open(opens_at, closes_at, now):
        raise VotingClosed(opens_at, closes_at)


def period() -> VotingPeriod:
    """The voting period. One without times is not stored."""
    return VotingPeriod.objects.first() or VotingPeriod()


def current() -> Voting:
    stored = period()
    return Voting(
        stored.opens_at,
        stored.closes_at,
        stored.results_published_at is None and is_open(stored.opens_at, stored.closes_at, database_now()),
        stored.results_published_at,
        stored.results_sha256 or None,
    )


def change(opens_at: datetime | None, closes_at: datetime | None) -> VotingPeriod:
    """Set the voting period. It waits for the votes under way, which count by the period before.

    Raises ResultsPublished.
    """
    with transaction.atomic():
        stored = lock_period()
        refuse_published(stored)
        queries.wait_for_votes(LOCK)
        stored.opens_at, stored.closes_at = opens_at, closes_at
        stored.save(update_fields=["opens_at", "closes_at"])
        return stored


def lock_period(*, nowait: bool = False) -> VotingPeriod:
    """Lock the row of the voting period, which is created first if there is none. Votes do not wait for this lock.

    With `nowait`, raises OperationalError while somebody publishes the results or changes the period.
    """
    VotingPeriod.objects.get_or_create(pk=1)
    return VotingPeriod.objects.select_for_update(nowait=nowait).get()


def is_over(stored: VotingPeriod | Voting) -> bool:
    """Whether this period has ended."""
    return stored.closes_at is not None and stored.closes_at <= database_now()


def refuse_published(stored: VotingPeriod) -> None:
    """Raise ResultsPublished if there are results of this period."""
    if stored.results_published_at:
        raise ResultsPublished


def votes_outside(stored: VotingPeriod, most: int) -> int:
    """How many votes have a time that is not in this period, counted up to `most` at each end. Without test users'."""
    votes, when = queries.counted_votes(), by_time(stored)
    return sum(votes.filter(when[end])[:most].count() for end in ("before", "after") if end in when)


def by_time(stored: VotingPeriod) -> dict[str, Q]:
    """The conditions on votes before this period, during it and after it. Each follows the index of the times."""
    opens, closes = stored.opens_at, stored.closes_at
    found = {"during": (Q(created_at__gte=opens) if opens else Q()) & (Q(created_at__lt=closes) if closes else Q())}
    if opens:
        found["before"] = Q(created_at__lt=opens)
    if closes:
        found["after"] = Q(created_at__gte=closes)
    return found
