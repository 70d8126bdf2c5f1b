"""Hand-written statements of sign-up and log-in.

They are written by hand because the ORM took longer to build them than the database to run them: with the ORM, a
sign-up took 1.5 times and a log-in 2.1 times the processor time.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS

from users import sql
from users.clock import NO_DELAY
from users.login.codes import MAX_ATTEMPTS
from users.models import Challenge, LoginCode

_SENT_CODES = f"""
SELECT {sql.columns(LoginCode, "code")}, delivery.created_at
  FROM users_logincode AS code JOIN users_smsdelivery AS delivery ON delivery.login_code_id = code.id
 WHERE code.user_id = ANY(%(users)s::bigint[])
   AND (code.created_at > %(first)s AND delivery.created_at > %(since)s OR code.closed_at IS NULL)
 ORDER BY delivery.created_at
"""  # noqa: S608


def sent_codes(user_ids: Sequence[int], since: datetime, first: datetime) -> list[tuple[datetime, LoginCode]]:
    """The SMS of these users since a time and of all codes not closed, oldest first: when requested, and the code.

    No code of these SMS is older than `first`. That bound lets PostgreSQL use the index.
    """
    rows = sql.fetch_all(_SENT_CODES, {"users": list(user_ids), "since": since, "first": first})
    return [(row[-1], sql.instance(LoginCode, row)) for row in rows]


# Each question is one probe of an index, so the answer takes the same time for every phone.
_STANDING = """
SELECT EXISTS (SELECT FROM users_user WHERE phone = %(phone)s AND verified_at IS NOT NULL),
       EXISTS (SELECT FROM users_logincode
                WHERE user_id = (SELECT id FROM users_user WHERE phone = %(phone)s)
                  AND device_id IS NULL AND closed_at IS NULL AND open_until > %(now)s),
       EXISTS (SELECT FROM users_device
                WHERE trust_hash = %(trust_hash)s AND trusted_until > %(now)s
                  AND user_id = (SELECT id FROM users_user WHERE phone = %(phone)s)),
       EXISTS (SELECT FROM users_challenge AS challenge
                 JOIN users_logincode AS code ON code.id = challenge.login_code_id
                WHERE challenge.public_id = %(challenge)s AND challenge.attempts < %(attempts)s
                  AND code.closed_at IS NULL AND code.open_until > %(now)s
                  AND code.user_id = (SELECT id FROM users_user WHERE phone = %(phone)s))
"""


class Standing(NamedTuple):
    """What there is of a phone, and whether the client has its device token or a live challenge of an open code."""

    is_verified: bool
    has_open_code: bool
    is_known_device: bool
    holds_challenge: bool


def standing(phone: str, now: datetime, trust_hash: bytes | None, challenge_id: str | None, attempts: int) -> Standing:
    """Whether a phone has an open code for unknown devices, and what the client holds of it. It locks nothing.

    By hand: one round trip, and the same work for known and unknown phones.
    """
    values = {"phone": phone, "now": now, "trust_hash": trust_hash, "challenge": challenge_id, "attempts": attempts}
    return Standing(*sql.fetch_one(_STANDING, values))


_CHALLENGE = f"""
SELECT {sql.columns(LoginCode, "code")}, challenge.id, host(challenge.address), person.phone
  FROM users_challenge AS challenge
  JOIN users_logincode AS code ON code.id = challenge.login_code_id
  JOIN users_user AS person ON person.id = code.user_id
 WHERE challenge.public_id = %s
"""  # noqa: S608


def challenge_with_phone(public_id: str) -> tuple[Challenge, str | None] | None:
    """The challenge with its code, and the user's phone. Other fields of the challenge are deferred."""
    row = sql.fetch_optional(_CHALLENGE, [public_id])
    if row is None:
        return None
    *_, challenge_id, address, phone = row
    code = sql.instance(LoginCode, row)
    challenge = Challenge.from_db(
        DEFAULT_DB_ALIAS, ["id", "login_code_id", "address"], [challenge_id, code.pk, address]
    )
    challenge.login_code = code
    return challenge, phone


_CONSUME_ATTEMPT = """
WITH consumed AS (
    UPDATE users_challenge AS challenge
       SET attempts = attempts + 1, attempts_by_phone = attempts_by_phone + %(by_phone)s::int
      FROM users_logincode AS code
     WHERE challenge.id = %(challenge)s AND code.id = challenge.login_code_id AND attempts < %(max)s
       AND (code.used_at IS NULL AND code.expires_at > COALESCE(%(now)s, clock_timestamp())
            OR challenge.session_id IS NOT NULL
               AND code.used_at > COALESCE(%(now)s, clock_timestamp()) - %(repeat_for)s)
    RETURNING challenge.login_code_id, challenge.attempts, challenge.session_id
)
UPDATE users_logincode AS code SET wrong = wrong + (consumed.session_id IS NULL)::int
  FROM consumed WHERE code.id = consumed.login_code_id
RETURNING consumed.attempts
"""


def consume_attempt(
    challenge: Challenge,
    limit: int,
    now: datetime | None,
    repeat_for: timedelta = NO_DELAY,
    *,
    by_phone: bool = False,
) -> int | None:
    """Consume one of `limit` attempts, and count it as a wrong guess until it is proved right.

    Returns how many are consumed now, or None if none was left or the code is no longer valid. The challenge that used
    the code may be answered again for the time of `repeat_for`. That counts as no guess: its holder knows the code.

    `by_phone` says that the client showed no id of the challenge, so it may be anybody behind the same address.

    It is the rule that bounds guessing. One statement changes both rows, so it commits before the comparison without a
    transaction around it.
    """
    values = {"challenge": challenge.pk, "max": limit, "now": now, "repeat_for": repeat_for, "by_phone": by_phone}
    row = sql.fetch_optional(_CONSUME_ATTEMPT, values)
    return row[0] if row else None


# GREATEST never decides what is stored. PostgreSQL checks the constraint on `wrong` before it sees that a parallel
# attempt has changed the code, and then computes the sum again.
# The challenge's row is locked before those of codes, as an attempt locks them. Another order could deadlock with it.
_MARK_USED = f"""
WITH answered AS (
    UPDATE users_challenge AS challenge
       SET session_id = %(session)s, attempts_by_phone = attempts_by_phone - %(by_phone)s::int,
           attempts = CASE WHEN %(by_phone)s THEN {MAX_ATTEMPTS} ELSE attempts END
      FROM users_logincode AS code
     WHERE challenge.id = %(challenge)s AND code.id = challenge.login_code_id
       AND code.used_at IS NULL AND code.expires_at > %(now)s
    RETURNING code.id, code.user_id, code.device_id,
              CASE WHEN %(by_phone)s THEN 1 ELSE challenge.attempts - challenge.attempts_by_phone END AS no_guesses
)
UPDATE users_logincode AS code
   SET closed_at = %(now)s, expires_at = %(now)s,
       used_at = CASE WHEN code.id = answered.id THEN %(now)s END,
       wrong = GREATEST(wrong - CASE WHEN code.id = answered.id THEN answered.no_guesses ELSE 0 END, 0)
  FROM answered
 WHERE code.user_id = answered.user_id AND code.device_id IS NOT DISTINCT FROM answered.device_id
   AND used_at IS NULL AND expires_at > %(now)s
"""  # noqa: S608


def mark_used(challenge: Challenge, session_id: UUID, now: datetime, *, by_phone: bool = False) -> bool:
    """Mark the challenge's code as used and end all valid codes of its track. False if it was not valid any more.

    The attempts that showed the challenge's id no longer count as wrong guesses: they were typing errors of whoever has
    the code. Those `by_phone` do, apart from the correct one: a stranger may have made them. If the correct one was by
    phone, a stranger may hold the challenge, so no attempt is left to repeat the log-in.

    `session_id` is that of the session which the challenge then opens. Call it with the user's row locked.
    """
    values = {"challenge": challenge.pk, "session": session_id, "now": now, "by_phone": by_phone}
    return sql.execute(_MARK_USED, values) > 0


_RECORD_SIGN_IN = """
UPDATE users_user SET last_login = %(now)s, verified_at = COALESCE(verified_at, %(now)s) WHERE id = %(user)s
"""


def record_sign_in(user_id: int, now: datetime) -> None:
    """Store the time of a sign-in. The first one verifies the user."""
    sql.execute(_RECORD_SIGN_IN, {"user": user_id, "now": now})


_KEEP_LATEST_TRUSTED = """
UPDATE users_device SET trust_hash = NULL, trusted_until = NULL
 WHERE id IN (SELECT id FROM users_device WHERE user_id = %(user)s AND trust_hash IS NOT NULL
               ORDER BY signed_in_at DESC, id DESC OFFSET %(kept)s)
"""


def keep_latest_trusted(user_id: int, kept: int) -> None:
    """End the trust of all devices of a user but the `kept` that signed in last."""
    sql.execute(_KEEP_LATEST_TRUSTED, {"user": user_id, "kept": kept})
