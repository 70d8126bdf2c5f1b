"""Hand-written statements of sign-up and log-in.

They are written by hand because the ORM took longer to build them than the database to run them: with the ORM, a
sign-up took 1.5 times and a log-in 2.1 times the processor time.
"""

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS

from users import sql
from users.clock import NO_DELAY
from users.login.codes import MAX_ATTEMPTS
from users.models import Challenge, Device, LoginCode, SmsDelivery

# Each question is one probe of an index, so the answer takes the same time for every phone.
_PHONE_STATUS = """
SELECT EXISTS (SELECT 1 FROM users_user WHERE phone = %(phone)s AND verified_at IS NOT NULL),
       EXISTS (SELECT 1 FROM users_logincode
                WHERE user_id = (SELECT id FROM users_user WHERE phone = %(phone)s)
                  AND device_id IS NULL AND changing_user_id IS NOT DISTINCT FROM %(changing)s
                  AND closed_at IS NULL AND open_until > %(now)s),
       EXISTS (SELECT 1 FROM users_device
                WHERE trust_hash = %(trust_hash)s AND trusted_until > %(now)s
                  AND user_id = (SELECT id FROM users_user WHERE phone = %(phone)s)),
       EXISTS (SELECT 1 FROM users_challenge AS challenge
                 JOIN users_logincode AS code ON code.id = challenge.login_code_id
                WHERE challenge.public_id = %(challenge)s AND challenge.attempts < %(attempts)s
                  AND code.changing_user_id IS NOT DISTINCT FROM %(changing)s
                  AND code.closed_at IS NULL AND code.open_until > %(now)s
                  AND code.user_id = (SELECT id FROM users_user WHERE phone = %(phone)s))
"""


class PhoneStatus(NamedTuple):
    """What there is of a phone, and what the client has of it."""

    is_verified: bool
    # A code for unknown devices, to which a challenge may still attach.
    has_open_code: bool
    # The client shows the token of a trusted device of the phone's user.
    is_known_device: bool
    # The client shows a challenge of an open code of the phone, with attempts left.
    holds_challenge: bool


def phone_status(
    phone: str, now: datetime, trust_hash: bytes | None, challenge_id: str | None, changing_user_id: int | None
) -> PhoneStatus:
    """Read the status of a phone, without a lock. By hand: one round trip, and the same work for unknown phones."""
    values = {"phone": phone, "now": now, "trust_hash": trust_hash, "challenge": challenge_id}
    return PhoneStatus(*sql.fetch_one(_PHONE_STATUS, values | {"attempts": MAX_ATTEMPTS, "changing": changing_user_id}))


def insert_code(code: LoginCode, challenge: Challenge, delivery: SmsDelivery) -> None:
    """Insert a new code, its first challenge and its SMS, and set their keys.

    By hand: with `save()` the three took 1.2 ms of the 3.7 ms of CPU of a sign-up (docs/speed.md).
    """
    of_code = {"login_code_id": "(SELECT id FROM code)"}
    insert, values = sql.insertion(code)
    insert_challenge, of_challenge = sql.insertion(challenge, **of_code)
    insert_delivery, of_delivery = sql.insertion(delivery, **of_code)
    statement = f"""
WITH code AS ({insert}), challenge AS ({insert_challenge}), delivery AS ({insert_delivery})
SELECT code.id, challenge.id, delivery.id FROM code, challenge, delivery
"""  # noqa: S608
    code.pk, challenge.pk, delivery.pk = sql.fetch_one(statement, values | of_challenge | of_delivery)
    challenge.login_code_id = delivery.login_code_id = code.pk


_CHALLENGE = f"""
SELECT {sql.columns(LoginCode, "code")}, challenge.id, host(challenge.address), person.phone
  FROM users_challenge AS challenge
  JOIN users_logincode AS code ON code.id = challenge.login_code_id
  JOIN users_user AS person ON person.id = code.user_id
 WHERE challenge.public_id = %s AND code.changing_user_id IS NOT DISTINCT FROM %s
"""  # noqa: S608


def challenge_with_phone(public_id: str, changing_user_id: int | None = None) -> tuple[Challenge, str | None] | None:
    """The challenge with its code, and the user's phone. Other fields of the challenge are deferred.

    With `changing_user_id` it finds only a challenge that changes the phone of this user, and otherwise only one that
    signs in.
    """
    row = sql.fetch_optional(_CHALLENGE, [public_id, changing_user_id])
    if row is None:
        return None
    *_, challenge_id, address, phone = row
    return _challenge(row, challenge_id, address), phone


def _challenge(row: sql.Row, challenge_id: int, address: str | None) -> Challenge:
    """A challenge of this id and address, with the code of a row."""
    code = sql.instance(LoginCode, row)
    names, values = ["id", "login_code_id", "address"], [challenge_id, code.pk, address]
    challenge = Challenge.from_db(DEFAULT_DB_ALIAS, names, values)
    challenge.login_code = code
    return challenge


# The column `digits` is the length of the code (`LoginCode.length`).
_CONSUME_ATTEMPT = f"""
WITH consumed AS (
    UPDATE users_challenge AS challenge
       SET attempts = attempts + 1, attempts_by_phone = attempts_by_phone + %(by_phone)s::int
      FROM users_logincode AS code JOIN users_user AS person ON person.id = code.user_id
     WHERE challenge.public_id = %(challenge)s AND code.id = challenge.login_code_id
       AND attempts < {MAX_ATTEMPTS}
       AND code.digits = %(length)s AND code.changing_user_id IS NOT DISTINCT FROM %(changing)s
       AND (%(phone)s::text IS NULL OR person.phone = %(phone)s)
       AND (code.used_at IS NULL AND code.expires_at > COALESCE(%(now)s, statement_timestamp())
            OR challenge.session_id IS NOT NULL
               AND code.used_at > COALESCE(%(now)s, statement_timestamp()) - %(repeat_for)s)
    RETURNING challenge.id, challenge.login_code_id, challenge.address, challenge.attempts, challenge.session_id,
              CASE WHEN person.is_test THEN person.phone END AS test_phone
)
UPDATE users_logincode AS code SET wrong = wrong + (consumed.session_id IS NULL)::int
  FROM consumed WHERE code.id = consumed.login_code_id
RETURNING {sql.columns(LoginCode, "code")}, consumed.id, host(consumed.address), consumed.attempts,
          consumed.test_phone
"""  # noqa: S608


class Attempt(NamedTuple):
    """An attempt that was consumed: the challenge with its code, and how many are consumed now."""

    challenge: Challenge
    consumed: int
    # The phone (E.164) of a test user; None for others.
    test_phone: str | None


def consume_attempt(
    public_id: str,
    length: int,
    now: datetime | None,
    repeat_for: timedelta = NO_DELAY,
    *,
    phone: str | None = None,
    by_phone: bool = False,
    changing_user_id: int | None = None,
) -> Attempt | None:
    """Consume one of the three attempts (MAX_ATTEMPTS) of the challenge. It counts as a wrong guess until proved right.

    Returns None if no attempt is left, if the code is no longer valid or has another length than `length`, if the
    challenge is unknown, or if it belongs to another phone than `phone` (E.164). For the time of `repeat_for` after it
    used the code, a challenge may be answered again. That counts as no guess, because its holder knows the code.

    The code must be one that signs in or, with `changing_user_id`, one that changes the phone of this user.

    `by_phone` says that the client showed no id of the challenge, so it may be anybody behind the same address.

    This is the rule that bounds guessing. One statement finds and changes both rows. Call it outside of a
    transaction: then it commits before the digits are compared. Other fields of the challenge are deferred.
    """
    row = sql.fetch_optional(
        _CONSUME_ATTEMPT,
        {"challenge": public_id, "length": length, "phone": phone, "now": now, "repeat_for": repeat_for}
        | {"by_phone": by_phone, "changing": changing_user_id},
    )
    if row is None:
        return None
    *_, challenge_id, address, consumed, test_phone = row
    return Attempt(_challenge(row, challenge_id, address), consumed, test_phone)


# PostgreSQL computes `wrong` from the row that the statement found, and checks its constraint. If a parallel attempt
# has changed the row, it then computes it again. GREATEST keeps the first of these from failing in such a race. It
# never decides what is stored.
# The order of locks is that of `_CONSUME_ATTEMPT`: first the challenge, then codes. Another order could deadlock with
# it. The caller has locked the user's row.
_MARK_USED = f"""
WITH answered AS (
    UPDATE users_challenge AS challenge
       SET session_id = %(session)s, attempts_by_phone = attempts_by_phone - %(by_phone)s::int,
           attempts = CASE WHEN %(by_phone)s THEN {MAX_ATTEMPTS} ELSE attempts END
      FROM users_logincode AS code
     WHERE challenge.id = %(challenge)s AND code.id = challenge.login_code_id
       AND code.used_at IS NULL AND code.expires_at > %(now)s
    RETURNING code.id, code.user_id, code.device_id, code.changing_user_id,
              CASE WHEN %(by_phone)s THEN 1 ELSE challenge.attempts - challenge.attempts_by_phone END AS no_guesses
), signed_in AS (
    UPDATE users_user AS person SET last_login = %(now)s, verified_at = COALESCE(verified_at, %(now)s)
      FROM answered WHERE person.id = answered.user_id AND person.is_active AND answered.changing_user_id IS NULL
)
UPDATE users_logincode AS code
   SET closed_at = %(now)s, expires_at = %(now)s,
       used_at = CASE WHEN code.id = answered.id THEN %(now)s END,
       wrong = GREATEST(wrong - CASE WHEN code.id = answered.id THEN answered.no_guesses ELSE 0 END, 0)
  FROM answered
 WHERE code.user_id = answered.user_id AND code.device_id IS NOT DISTINCT FROM answered.device_id
   AND code.changing_user_id IS NOT DISTINCT FROM answered.changing_user_id
   AND used_at IS NULL AND expires_at > %(now)s
"""  # noqa: S608


def mark_used(challenge: Challenge, session_id: UUID, now: datetime, *, by_phone: bool = False) -> bool:
    """Mark the challenge's code as used and end all valid codes of its track. False if it was not valid any more.

    An active user has then signed in `now`, and the first time verifies them. A code that changes a phone does neither:
    the user of the code is not the one who typed it.

    Attempts that showed the challenge's id no longer count as wrong guesses: they were typing errors of whoever has the
    code. Attempts `by_phone` go on counting, except the correct one: a stranger may have made them. If the correct one
    was `by_phone`, all attempts are consumed: a stranger may hold the challenge, and could otherwise repeat the log-in.

    `session_id` is that of the session which the challenge then opens, or in which the phone changes. Call it with the
    user's row locked.
    """
    values = {"challenge": challenge.pk, "session": session_id, "now": now, "by_phone": by_phone}
    return sql.execute(_MARK_USED, values) > 0


_END_OLDER_TRUST = """
UPDATE users_device SET trust_hash = NULL, trusted_until = NULL
 WHERE id IN (SELECT id FROM users_device WHERE user_id = %(device_user_id)s AND trust_hash IS NOT NULL
               ORDER BY signed_in_at DESC, id DESC OFFSET %(older)s)
"""
_END_OLDER_SESSIONS = """
UPDATE users_device SET ended_at = %(device_signed_in_at)s
 WHERE id IN (SELECT id FROM users_device WHERE user_id = %(device_user_id)s AND ended_at IS NULL
               ORDER BY signed_in_at DESC, id DESC OFFSET %(older_sessions)s)
"""


def insert_device(device: Device, kept: int, sessions: int) -> None:
    """Insert a trusted device and set its key. End trust and sessions of the user's devices that signed in longest ago,
    so that at most `kept` are trusted and `sessions` have a session.

    By hand: one round trip, and `save()` took 0.4 ms of CPU.
    """
    insert, values = sql.insertion(device)
    statement = f"WITH trust AS ({_END_OLDER_TRUST}), session AS ({_END_OLDER_SESSIONS}) {insert}"
    (device.pk,) = sql.fetch_one(statement, values | {"older": kept - 1, "older_sessions": sessions - 1})
