"""Compares what users were told with the database, and /readyz with what users saw."""

from collections import defaultdict
from itertools import pairwise
from typing import Any, LiteralString, NamedTuple

import psycopg

from bench.drills.users import VirtualUsers

NEAR_SECONDS = 0.25

_SIGNED_UP = "SELECT phone FROM users_user u WHERE EXISTS (SELECT FROM users_logincode c WHERE c.user_id = u.id)"
_SIGNED_IN = "SELECT phone FROM users_user JOIN profiles_profile ON user_id = id WHERE verified_at IS NOT NULL"
_VOTES = """
SELECT u.phone, p.invite_code FROM profiles_activation
  JOIN users_user u ON u.id = invitee_id JOIN profiles_profile p ON p.user_id = inviter_id
"""
_WRONG_COUNTS = """
SELECT user_id FROM profiles_profile p
 WHERE invitations_count <> (SELECT count(*) FROM profiles_activation a WHERE a.inviter_id = p.user_id)
"""


class Probe(NamedTuple):
    """One question to /readyz. Its answer was true at some moment between these two times of time.monotonic()."""

    began: float
    ended: float
    # Or the kind of failure.
    status: int | str


def lost(users: VirtualUsers, database: psycopg.Connection[Any]) -> int:
    """Acknowledged sign-ups, first sign-ins and votes that the database does not have, and wrong counts of votes."""

    def column(query: LiteralString) -> set[str]:
        return {row[0] for row in database.execute(query)}

    votes: dict[str, str] = dict(database.execute(_VOTES).fetchall())
    lost_votes = sum(votes.get(phone) != code for phone, code in users.voted.items())
    lost_users = len(users.signed_up - column(_SIGNED_UP)) + len(users.signed_in - column(_SIGNED_IN))
    return lost_users + lost_votes + len(column(_WRONG_COUNTS))


def ready(probes: list[Probe], users: VirtualUsers) -> str:
    """For how long /readyz answered anything but 200."""
    seconds: defaultdict[int | str, float] = defaultdict(float)
    for probe, following in pairwise(probes):
        seconds[probe.status] += following.began - probe.began
    words = ", ".join(f"{status} for {total:.1f} s" for status, total in seconds.items() if status != 200) or "200"
    wrong = sum(probe.status == 200 and _all_failed(users, probe.ended) for probe in probes)
    return f"{words}; {wrong} times 200 while all requests failed" if wrong else words


def _all_failed(users: VirtualUsers, at: float) -> bool:
    """Whether at least three requests were answered at this moment, all of them with 503."""
    near = [call for call in users.calls if call.step != "SMS" and abs(call.ended - at) <= NEAR_SECONDS]
    return len(near) >= 3 and all(call.outcome.startswith("503") for call in near)
