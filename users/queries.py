"""Hand-written statements about users, sessions, locks and the queue, each with its reason.

The sums behind the limits are in `limit_queries`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS

from users import sql
from users.models import Device, User


def database_now() -> datetime:
    """The database's time at this moment. By hand: the ORM selects from tables only."""
    (now,) = sql.fetch_one("SELECT clock_timestamp()", [])
    assert isinstance(now, datetime)
    return now


# Code that creates login codes, sessions or activations, or that changes several rows of a user, locks the user's row
# first. So rules that count rows are exact under any race. The wait for the lock ends after the connection's
# `lock_timeout`. Ending one session or revoking one device is one conditional statement and needs no lock.
_LOCK_USER = f"""
SELECT {sql.columns(User, "locked")}, clock_timestamp()
  FROM (SELECT * FROM users_user WHERE id = %s FOR NO KEY UPDATE) AS locked
"""  # noqa: S608


# The shared lock comes second, and only after the wait for the row.
_LOCK_USER_AND_SHARE = f"""
SELECT {sql.columns(User, "locked")}, pg_advisory_xact_lock_shared(%(shared)s), clock_timestamp()
  FROM (SELECT * FROM users_user WHERE id = %(user)s FOR NO KEY UPDATE) AS locked
"""  # noqa: S608


class LockedUser(NamedTuple):
    """A user whose row is locked until the transaction ends, and the database's time after the lock was acquired."""

    user: User
    now: datetime


def lock_user(user_id: int, *, shared: int | None = None) -> LockedUser:
    """Lock the user with this id. Then acquire a shared advisory lock, if its number is given.

    The next statement sees all that was committed by those who held the advisory lock alone. Raises User.DoesNotExist.

    Written by hand: PostgreSQL evaluates the select list of a locking query before it waits for the lock. The clock is
    read outside the locking subquery, so it tells the time after the wait. The ORM needs a second statement for that.
    """
    if shared is None:
        row = sql.fetch_optional(_LOCK_USER, [user_id])
    else:
        row = sql.fetch_optional(_LOCK_USER_AND_SHARE, {"user": user_id, "shared": shared})
    if row is None:
        raise User.DoesNotExist
    return LockedUser(sql.instance(User, row), row[-1])


_LOCK_PHONE = f"""
SELECT {sql.columns(User, "locked")}, clock_timestamp(),
       ARRAY(SELECT erased.id FROM users_user AS erased WHERE erased.erased_trace = %(phone_hash)s ORDER BY erased.id)
  FROM (VALUES (1)) AS always
  LEFT JOIN (SELECT * FROM users_user WHERE phone = %(phone)s FOR NO KEY UPDATE) AS locked ON true
"""  # noqa: S608


class LockedPhone(NamedTuple):
    """The locked user of a phone, or None, the ids of users who erased themselves with it, and the database's time."""

    user: User | None
    now: datetime
    former: list[int]


def lock_phone(phone: str, phone_hash: bytes) -> LockedPhone:
    """Lock the user with this E.164 phone, if there is one. By hand: see `lock_user`.

    It does the same work for a known and for an unknown phone.
    """
    row = sql.fetch_one(_LOCK_PHONE, {"phone": phone, "phone_hash": phone_hash})
    return LockedPhone(sql.instance(User, row) if row[0] else None, row[-2], row[-1])


# What a statement selects from to find a session's device and user only if the session is live.
LIVE_SESSION = """
       users_device AS device
  JOIN users_user AS person ON person.id = device.user_id AND person.is_active
   AND device.session_id = %(session)s AND device.user_id = %(user)s AND device.ended_at IS NULL
"""

UNUSED, SUPERSEDED = "unused", "superseded"

# What a statement on LIVE_SESSION selects to tell the state of the pair `jti`. UNUSED: it is the current pair, and this
# is its first use. SUPERSEDED: another pair took its place before it was used. NULL: neither.
PAIR_STATE = f"""
       CASE WHEN device.refresh_jti = %(jti)s AND device.unused_jti = %(jti)s THEN '{UNUSED}'
            WHEN %(jti)s = ANY(device.superseded_jtis) THEN '{SUPERSEDED}' END
"""

_SESSION = f"""
SELECT {sql.columns(User, "person")},
       device.id, device.signed_in_at, clock_timestamp(), {PAIR_STATE}
  FROM {LIVE_SESSION}
"""  # noqa: S608


class LiveSession(NamedTuple):
    """The device of a live session with its user loaded, the database's time, and the PAIR_STATE of its token."""

    device: Device
    now: datetime
    pair_state: str | None


def live_session(session_id: UUID, user_id: int, jti: UUID | None = None) -> LiveSession | None:
    """This live session, and the state of the pair `jti`. Other fields of the device are deferred.

    Written by hand: each request with a token runs it, and `select_related` took 400 to 600 µs more.
    """
    row = sql.fetch_optional(_SESSION, {"session": session_id, "user": user_id, "jti": jti})
    if row is None:
        return None
    *_, device_id, signed_in_at, now, pair_state = row
    values = [device_id, user_id, session_id, signed_in_at]
    device = Device.from_db(DEFAULT_DB_ALIAS, ["id", "user_id", "session_id", "signed_in_at"], values)
    device.user = sql.instance(User, row)
    return LiveSession(device, now, pair_state)


_ROTATE = """
UPDATE users_device
   SET superseded_jtis = CASE WHEN refresh_jti = %(jti)s THEN superseded_jtis
                              ELSE (array_prepend(refresh_jti, superseded_jtis))[1:%(kept)s] END,
       refresh_jti = %(new)s, unused_jti = %(new)s, previous_jti = %(jti)s, refreshed_at = statement_timestamp()
 WHERE session_id = %(session)s AND user_id = %(user)s AND ended_at IS NULL
   AND (refresh_jti = %(jti)s
        OR previous_jti = %(jti)s AND unused_jti = refresh_jti AND refreshed_at < statement_timestamp() - %(interval)s)
"""


def rotate(session_id: UUID, user_id: int, jti: UUID, new: UUID, *, interval: timedelta, kept: int) -> None:
    """Give the refresh token `jti` the successor `new`: if it is the current one, or if it is the one before, exchanged
    longer ago than `interval` for a pair that is still unused. That pair is remembered, with at most `kept` such pairs.

    By hand: it is the algorithm, one compare-and-set. There is no join: after a wait PostgreSQL checks only the updated
    row again.
    """
    values = {"session": session_id, "user": user_id, "jti": jti, "new": new, "interval": interval, "kept": kept}
    sql.execute(_ROTATE, values)


# A worker without a heartbeat for this long is dead.
DEAD_AFTER = timedelta(seconds=10)

# The maximum number of waiting SMS that are counted of a kind.
MAX_COUNTED = 10_000


@dataclass(frozen=True)
class Queue:
    """The SMS queue at one moment."""

    workers: int
    last_heartbeat: datetime | None
    # How long the SMS that waits longest has been due; zero when there is none.
    waited: timedelta
    # SMS that wait for a worker, and those scheduled for another try; each counted up to MAX_COUNTED.
    due: int
    later: int


# The partial index of queued SMS has them in the order in which they are due. One that is being sent for the first time
# is not counted.
_QUEUE = """
SELECT (SELECT COUNT(*) FROM procrastinate_workers WHERE last_heartbeat > %(now)s - %(dead_after)s),
       (SELECT MAX(last_heartbeat) FROM procrastinate_workers),
       GREATEST(%(now)s - (SELECT MIN(next_try_at) FROM users_smsdelivery WHERE state = 'queued'), '0'::interval),
       (SELECT COUNT(*) FROM (SELECT 1 FROM users_smsdelivery
                               WHERE state = 'queued' AND next_try_at <= %(now)s LIMIT %(most)s) AS due),
       (SELECT COUNT(*) FROM (SELECT 1 FROM users_smsdelivery
                               WHERE state = 'queued' AND next_try_at > %(now)s AND failed_rounds > 0
                               LIMIT %(most)s) AS later)
"""


def queue(now: datetime) -> Queue:
    """Live workers and what waits in the queue.

    Written by hand: with the state as a parameter PostgreSQL does not use the partial index, and one round trip answers
    all questions.
    """
    return Queue(*sql.fetch_one(_QUEUE, {"now": now, "dead_after": DEAD_AFTER, "most": MAX_COUNTED}))
