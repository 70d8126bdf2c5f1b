"""Rings of votes: people of whom each chose the next and the last chose the first; two who chose each other are one.

Everybody has at most one vote, so whoever follows the votes from a person walks one path, which ends or comes back.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection

# Members of the longest ring that is looked for.
LONGEST = 10

_FOLLOW = """
WITH RECURSIVE walk (first, members, next) AS (
    SELECT invitee_id, ARRAY[invitee_id], inviter_id FROM profiles_activation WHERE invitee_id = ANY(%(people)s)
     UNION ALL
    SELECT walk.first, walk.members || vote.invitee_id, vote.inviter_id
      FROM walk JOIN profiles_activation AS vote ON vote.invitee_id = walk.next
     WHERE walk.next <> walk.first AND cardinality(walk.members) < %(longest)s
)
SELECT first, members FROM walk WHERE next = first
"""


def through(people: Sequence[int]) -> dict[int, list[int]]:
    """By id of a person, who is in the ring through them: first themselves, then whom they chose, and so on.

    Those who are in none are left out. One statement for all of them.
    """
    with connection.cursor() as cursor:
        cursor.execute(_FOLLOW, {"people": list(people), "longest": LONGEST})
        return dict(cursor.fetchall())
