"""Kept connections: one that the server has closed is replaced before it is used, and a live one is kept."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import ConnectionHandler


@pytest.fixture
def kept(transactional_db: None) -> Iterator[BaseDatabaseWrapper]:
    """A connection of the service's own kind, as a request leaves it to the next."""
    handler = ConnectionHandler({"default": {**connection.settings_dict, "CONN_MAX_AGE": None}})
    other = handler["default"]
    other.ensure_connection()
    yield other
    other.close()


def backend(of: BaseDatabaseWrapper) -> int:
    with of.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def next_request(of: BaseDatabaseWrapper) -> None:
    of.close_if_unusable_or_obsolete()


def end(process: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [process])


def test_connection_that_the_server_closed_is_replaced(kept: BaseDatabaseWrapper) -> None:
    first = backend(kept)
    end(first)

    next_request(kept)

    assert backend(kept) != first


def test_connection_that_closed_during_a_request_is_replaced(kept: BaseDatabaseWrapper) -> None:
    first = backend(kept)
    end(first)
    with pytest.raises(Exception, match=r"terminat|closed"):
        backend(kept)

    next_request(kept)

    assert backend(kept) != first


def test_live_connection_is_kept(kept: BaseDatabaseWrapper) -> None:
    first = backend(kept)

    next_request(kept)

    assert kept.is_usable()
    assert backend(kept) == first


def test_notice_that_waits_is_no_reason_to_reconnect(kept: BaseDatabaseWrapper) -> None:
    first = backend(kept)
    with kept.cursor() as cursor:
        cursor.execute("LISTEN something")
    with connection.cursor() as cursor:
        cursor.execute("NOTIFY something")

    next_request(kept)

    assert backend(kept) == first
    assert isinstance(kept.connection, psycopg.Connection)


def test_neither_end_keeps_a_connection_for_long_when_the_other_is_gone_without_a_word() -> None:
    options = connection.settings_dict["OPTIONS"]
    asked = dict(part.split("=") for part in options["options"].replace("-c", "").split())

    theirs = _seconds_until_given_up(asked, "tcp_keepalives_")
    ours = _seconds_until_given_up(options, "keepalives_")

    assert ours <= theirs <= 10
    assert asked["tcp_user_timeout"] == "10s"


def _seconds_until_given_up(of: dict[str, Any], prefix: str) -> int:
    idle, interval, count = (int(of[f"{prefix}{name}"]) for name in ("idle", "interval", "count"))
    return idle + interval * count
