"""Reading from a standby, where it is enough to see how things were a moment ago.

`read` does it, for lists and reports that nobody expects to show their own last write. The router below decides for
each query of the ORM. Statements by hand go to the primary, so no rule, lock or limit ever reads a standby.
"""

import logging
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, TypeVar

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, Error, connection, connections
from django.db.models import Model

from users import deadline, sql
from users.outages import is_outage

logger = logging.getLogger(__name__)

Found = TypeVar("Found")

# The apps whose rows may come from the standby. Sessions, permissions and second factors are read from the primary.
APPS = frozenset({"users", "profiles"})
# For a standby to say how old its data is. After that, and if its data is older than OLDEST_SECONDS, it is left alone.
ANSWER_SECONDS = 1.0
OLDEST_SECONDS = 60.0
LEFT_ALONE_SECONDS = 10.0

_is_reading: ContextVar[bool] = ContextVar("reading from the replica", default=False)


class Router:
    """A database router of Django, for when REPLICA_URL is set."""

    def db_for_read(self, model: type[Model], **hints: Any) -> str:
        # What a transaction reads, it decides about.
        if _is_reading.get() and model._meta.app_label in APPS and not connection.in_atomic_block:
            return str(settings.REPLICA_DATABASE)
        return _primary(**hints)

    def db_for_write(self, model: type[Model], **hints: Any) -> str:
        """The primary. What is read after that must show the write."""
        _is_reading.set(False)
        return _primary(**hints)

    def allow_relation(self, one: Model, other: Model, **hints: Any) -> bool:
        return True  # both are rows of one database

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return db != settings.REPLICA_DATABASE


def _primary(instance: Model | None = None, **hints: Any) -> str:
    """The connection to the primary that a related row came by: `migrate` has one of its own, as the owner."""
    used = instance._state.db if instance else None
    return DEFAULT_DB_ALIAS if used in (None, settings.REPLICA_DATABASE) else used


class _Standby:
    """What this process knows of the standby."""

    left_alone_until = 0.0


def read(what: Callable[[int | None], Found]) -> Found:
    """Call this, which reads from the standby until its first write. It gets the age of the data in seconds.

    It gets None, and reads the primary, if there is no standby, if that does not answer or lags behind too far. If it
    fails meanwhile, all is read again from the primary.
    """
    seconds = _age()
    if seconds is not None:
        token = _is_reading.set(True)
        try:
            return what(seconds)
        except Error as error:
            if not is_outage(error):
                raise
            _leave_alone(type(error).__name__)
        finally:
            _is_reading.reset(token)
    return what(None)


def _leave_alone(why: str) -> None:
    """Read the primary for a while. The next connection may be to another host of REPLICA_URL.

    A standby that becomes the primary keeps its sessions.
    """
    connections[str(settings.REPLICA_DATABASE)].close()
    _Standby.left_alone_until = time.monotonic() + LEFT_ALONE_SECONDS
    logger.warning("the replica is not read for %.0f s: %s", LEFT_ALONE_SECONDS, why)


# The server with the database, which a standby has in common with its primary; whether it is a standby; seconds.
# A primary that stands still looks like a standby that lags. The heartbeats of the workers write every few seconds.
_STATE = """
SELECT system_identifier || '/' || oid, pg_is_in_recovery(),
       extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float
  FROM pg_control_system(), pg_database
 WHERE datname = current_database()
"""


def identity(using: str = DEFAULT_DB_ALIAS) -> str:
    """The server and the database of this connection: the same for a standby and its primary, and for no others.

    By hand: the ORM selects from tables only.
    """
    return str(sql.fetch_one(_STATE, [], using)[0])


def state(using: str, own: str) -> tuple[int | None, str]:
    """The age of the data in seconds, and why it must not be read: "" if it may be. `own` is the primary's identity."""
    found, is_standby, age = sql.fetch_one(_STATE, [], using)
    if not is_standby:
        return None, "it is no standby"
    if found != own:
        return None, "it is a standby of another database"
    if age is None:
        return None, "it has replayed no change since its start"
    seconds = max(0, round(age))
    return seconds, f"its data is {seconds} s old" if age > OLDEST_SECONDS else ""


def _age() -> int | None:
    if not settings.REPLICA_DATABASE or time.monotonic() < _Standby.left_alone_until:
        return None
    try:
        own = identity()  # not within the time of the standby: the primary would be taken for silent
        with deadline.within(ANSWER_SECONDS):
            seconds, why_not = state(settings.REPLICA_DATABASE, own)
    except Error as error:
        why_not = type(error).__name__
    if why_not:
        _leave_alone(why_not)
        return None
    return seconds
