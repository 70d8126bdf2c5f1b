"""Which errors say that the database cannot serve now, so that another try on a new connection may succeed.

The DB-API's OperationalError and InterfaceError are such errors: a connection that is refused, lost or overdue, a
server that starts, stops or has no room (SQLSTATE classes 08, 53, 57, 58), a lock that was not granted (55), a conflict
with another transaction or with a standby's replay (40). Some are InternalErrors to it, and are listed here.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

import django.db
import psycopg
from psycopg import errors

AWAY = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    django.db.OperationalError,
    django.db.InterfaceError,
    # 25006: the server is a standby, or `default_transaction_read_only` is set. After a failover: the former primary.
    errors.ReadOnlySqlTransaction,
    # 25P03, 25P04: the server has ended the session, because its transaction was idle or took too long.
    errors.IdleInTransactionSessionTimeout,
    errors.TransactionTimeout,
)


class DoesNotServe(django.db.OperationalError):
    """The database takes no writes, or has not answered a statement."""

    def __init__(self) -> None:
        super().__init__("this server takes no writes (it is a standby, or in read-only mode), or it does not answer")


def check_serves(alias: str) -> None:
    """Connect, unless this thread has a connection, and raise an error of the database if it does not serve."""
    database = django.db.connections[alias]
    database.ensure_connection()
    if not database.is_usable():
        raise DoesNotServe


def is_outage(error: BaseException | None) -> bool:
    """Whether this error, or one that led to it, says that the database cannot serve now.

    Two errors may have led to each other: procrastinate raises the cause of an error while it handles that error.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, AWAY) or _is_of_the_connection(error):
            return True
        seen.add(id(error))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return False


def _is_of_the_connection(error: BaseException) -> bool:
    """Whether psycopg raised it itself, because an answer makes no sense or the connection was lost.

    An error of the server has a SQLSTATE. PgBouncer answers a BEGIN twice if its server ends just then: with the
    server's error and with its own.
    """
    return type(error) in (psycopg.InternalError, psycopg.DatabaseError) and getattr(error, "sqlstate", None) is None


@contextmanager
def pausing(logger: logging.Logger, what: str, seconds: float) -> Iterator[None]:
    """Turn an outage inside the block into a warning that `what` waits, and into a pause of `seconds`.

    The connections of this thread are closed, so the next statement is on a new one. Other errors are raised.
    """
    try:
        yield
    except (django.db.Error, psycopg.Error) as error:
        if not is_outage(error):
            raise
        logger.warning("%s wait for the database: %s", what, type(error).__name__)
        django.db.connections.close_all()
        time.sleep(seconds)
