"""What an activation reads and writes. Each statement is written by hand; the docstring of its function says why."""

from datetime import datetime
from typing import NamedTuple

from profiles.webhooks.models import Kind
from profiles.webhooks.queries import STORE_ACTIVATION
from users import sql


class ActivationContext(NamedTuple):
    """What decides whether a user may activate a code."""

    inviter_id: int | None
    activated_invite: str | None
    failed_at: list[datetime]
    # The voting period, and the database's time. Results end the voting also if the clock was set back after them.
    opens_at: datetime | None
    closes_at: datetime | None
    now: datetime


# Codes of unverified, disabled and erased users do not exist for others. Test users have only each other.
_ACTIVATION_CONTEXT = """
SELECT (SELECT profile.user_id
          FROM profiles_profile AS profile JOIN users_user AS owner ON owner.id = profile.user_id
         WHERE profile.invite_code = %(code)s
           AND owner.is_active AND owner.verified_at IS NOT NULL AND owner.erased_at IS NULL
           AND owner.is_test = (SELECT is_test FROM users_user WHERE id = %(user)s)),
       (SELECT inviter.invite_code
          FROM profiles_activation AS activation
          JOIN profiles_profile AS inviter ON inviter.user_id = activation.inviter_id
         WHERE activation.invitee_id = %(user)s),
       ARRAY(SELECT created_at FROM profiles_miss
              WHERE user_id = %(user)s AND created_at > %(since)s ORDER BY created_at),
       period.opens_at, period.closes_at, greatest(clock_timestamp(), period.results_published_at)
  FROM (VALUES (1)) AS always LEFT JOIN profiles_votingperiod AS period ON true
"""


def activation_context(user_id: int, invite_code: str, since: datetime) -> ActivationContext:
    """What decides on an activation: the code's owner, the user's own vote and failed tries, and the voting period.

    Written by hand: the user's row is locked meanwhile, and one round trip answers all questions. Call it in the
    statement after `profiles.voting.LOCK` was acquired: so the period is the one at the time that is read with it.
    """
    row = sql.fetch_one(_ACTIVATION_CONTEXT, {"code": invite_code, "user": user_id, "since": since})
    return ActivationContext(*row)


_INSERT_ACTIVATION = f"""
WITH activation AS (
    INSERT INTO profiles_activation (invitee_id, inviter_id, created_at)
    VALUES (%(invitee)s, %(inviter)s, %(now)s) RETURNING inviter_id
), inviter AS (
    UPDATE profiles_profile AS profile SET invitations_count = invitations_count + 1
      FROM activation WHERE profile.user_id = activation.inviter_id RETURNING profile.user_id, invitations_count
)
{STORE_ACTIVATION}
"""  # noqa: S608


def insert_activation(invitee_id: int, inviter_id: int, now: datetime) -> None:
    """Insert an activation, raise the inviter's count, and store the event. Call it last in the transaction.

    Written by hand: the row of an inviter with many invitees is contended. One statement locks it for a shorter time.
    """
    values = {"invitee": invitee_id, "inviter": inviter_id, "now": now, "kind": Kind.ACTIVATED}
    sql.execute(_INSERT_ACTIVATION, values)


_DELETE_ACTIVATION = f"""
WITH activation AS (
    DELETE FROM profiles_activation WHERE invitee_id = %(invitee)s RETURNING inviter_id
), inviter AS (
    UPDATE profiles_profile AS profile SET invitations_count = invitations_count - 1
      FROM activation WHERE profile.user_id = activation.inviter_id RETURNING profile.user_id, invitations_count
), event AS ({STORE_ACTIVATION})
SELECT user_id FROM inviter
"""  # noqa: S608


def delete_activation(invitee_id: int) -> int | None:
    """Delete a user's activation, lower the inviter's count, and store the event.

    Returns the inviter's id, or None if there was none.

    By hand, and last in the transaction: see `insert_activation`.
    """
    row = sql.fetch_optional(_DELETE_ACTIVATION, {"invitee": invitee_id, "kind": Kind.RELEASED})
    return row[0] if row else None
