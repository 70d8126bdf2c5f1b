"""Hand-written statements about webhooks, each with its reason."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from profiles.webhooks.models import Kind
from users import sql

# Nothing is told of test users.
_OF_TEST_USER = "SELECT FROM users_user WHERE is_test AND users_user.id"

_STORE = f"""
INSERT INTO profiles_webhookdelivery (endpoint_id, kind, user_id, data)
SELECT endpoint.id, %(kind)s::text, %(user)s::bigint, %(data)s::jsonb
  FROM profiles_webhookendpoint AS endpoint WHERE endpoint.is_enabled AND %(kind)s::text = ANY(endpoint.events)
   AND NOT EXISTS ({_OF_TEST_USER} = %(user)s::bigint)
   FOR KEY SHARE OF endpoint
"""  # noqa: S608


def store(kind: str, data: Mapping[str, Any], user_id: int | None) -> None:
    """Store an event for each endpoint that wants it, if there is any. Raises ValueError for an unknown kind.

    The setting EVENTS_STORE names this function for `users.events.emit`.

    By hand: the ORM has no INSERT from a query, and most services have no endpoint, so it must cost next to nothing.
    """
    sql.execute(_STORE, {"kind": Kind(kind), "user": user_id, "data": json.dumps(data)})


# The same as a part of the statement that changes an activation, where `inviter` is the changed row of the inviter. The
# sequence number is drawn after the wait for that row, so of two events the later count has the higher number. The
# endpoints are locked after it too, as their foreign key does: one that was deleted meanwhile fails no vote.
STORE_ACTIVATION = f"""
INSERT INTO profiles_webhookdelivery (endpoint_id, kind, user_id, data)
SELECT endpoint.id, %(kind)s::text, %(invitee)s::bigint, jsonb_build_object(
           'invitee_id', %(invitee)s::bigint, 'inviter_id', inviter.user_id, 'votes', inviter.invitations_count)
  FROM inviter CROSS JOIN profiles_webhookendpoint AS endpoint
 WHERE endpoint.is_enabled AND %(kind)s::text = ANY(endpoint.events)
   AND NOT EXISTS ({_OF_TEST_USER} = %(invitee)s::bigint)
   FOR KEY SHARE OF endpoint
"""  # noqa: S608

# Each endpoint has a limit of its own, so that a slow one takes no place of another. `busy` has, by endpoint, how many
# tries of this worker are on their way. With a join instead of the array, the planner expects many rows, and scans.
_CLAIM = """
WITH due AS MATERIALIZED (
    SELECT next.id
      FROM profiles_webhookendpoint AS endpoint
     CROSS JOIN LATERAL (
        SELECT delivery.id FROM profiles_webhookdelivery AS delivery
         WHERE delivery.endpoint_id = endpoint.id AND delivery.state = 'queued'
           AND delivery.next_try_at <= statement_timestamp()
         ORDER BY delivery.next_try_at
         LIMIT greatest(%(most)s - coalesce((%(busy)s::jsonb ->> endpoint.id::text)::int, 0), 0)
           FOR NO KEY UPDATE SKIP LOCKED
     ) AS next
     WHERE endpoint.is_enabled
)
UPDATE profiles_webhookdelivery AS delivery
   SET attempts = attempts + 1, next_try_at = statement_timestamp() + %(claim)s::interval
 WHERE delivery.id = ANY(ARRAY(SELECT id FROM due))
RETURNING delivery.id
"""


def claim(most: int, busy: Mapping[int, int], claim_for: timedelta) -> list[int]:
    """Claim deliveries that are due, up to `most` of each endpoint: no other worker gets them for `claim_for`.

    The try is counted, so it is known whatever happens to the worker. Returns their ids. By hand: it is the algorithm,
    one statement that chooses, locks and counts. SKIP LOCKED lets many workers claim at once.
    """
    values = {"most": most, "busy": json.dumps(busy), "claim": claim_for}
    return [delivery_id for (delivery_id,) in sql.fetch_all(_CLAIM, values)]


_WAITING = """
SELECT endpoint.id, extract(epoch FROM statement_timestamp() - (
           SELECT delivery.created_at FROM profiles_webhookdelivery AS delivery
            WHERE delivery.endpoint_id = endpoint.id AND delivery.state = 'queued' ORDER BY delivery.id LIMIT 1))::float
  FROM profiles_webhookendpoint AS endpoint WHERE endpoint.is_enabled ORDER BY endpoint.id
"""


def waiting() -> dict[int, float]:
    """By enabled endpoint: for how many seconds its oldest event has waited, or 0.

    By hand: the ORM would find the oldest of each endpoint by a sort of all that wait.
    """
    return {endpoint_id: seconds or 0.0 for endpoint_id, seconds in sql.fetch_all(_WAITING, [])}
