"""Kept connections: one that the server has closed is noticed before it is used, and one that lives costs nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import DataError, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import ConnectionHandler

from users import sql


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


def test_live_connection_is_kept_without_a_word_to_the_server(kept: BaseDatabaseWrapper) -> None:
    first = backend(kept)
    with connection.cursor() as cursor:
        cursor.execute("SELECT state_change FROM pg_stat_activity WHERE pid = %s", [first])
        before = cursor.fetchone()

    next_request(kept)
    usable = kept.is_usable()

    with connection.cursor() as cursor:
        cursor.execute("SELECT state_change FROM pg_stat_activity WHERE pid = %s", [first])
        assert cursor.fetchone() == before
    assert usable


def test_notice_that_waits_is_no_reason_to_reconnect(kept: BaseDatabaseWrapper) -> None:
    first = backend(kept)
    with kept.cursor() as cursor:
        cursor.execute("LISTEN something")
    with connection.cursor() as cursor:
        cursor.execute("NOTIFY something")

    next_request(kept)

    assert backend(kept) == first
    assert isinstance(kept.connection, psycopg.Connection)


def test_kept_cursor_is_the_same_for_each_statement(kept: Any) -> None:
    assert kept.kept_cursor() is kept.kept_cursor()


def test_kept_cursor_follows_its_connection(kept: Any) -> None:
    end(kept.kept_cursor().execute("SELECT pg_backend_pid()").fetchone()[0])
    next_request(kept)

    assert kept.kept_cursor().execute("SELECT 1").fetchone() == (1,)


def test_kept_cursor_outlives_a_statement_that_fails(kept: Any) -> None:
    with pytest.raises(DataError):
        kept.kept_cursor().execute("SELECT 1 / 0")

    assert kept.kept_cursor().execute("SELECT 1").fetchone() == (1,)


def test_statements_of_the_kept_cursor_are_counted_like_others(django_assert_num_queries: Any, db: None) -> None:
    with django_assert_num_queries(1):
        sql.fetch_optional("SELECT 1", [])


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
