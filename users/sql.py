"""Statements written by hand, run on Django's connection. Only `queries.py` and its neighbours use them.

The ORM is the way to data. A statement is written by hand where it is the algorithm itself, or where a measurement in
docs/speed.md shows that it pays.
"""

from typing import Any

from django.db import connection

Row = tuple[Any, ...]


def columns(table: str, names: str) -> str:
    """These columns, each named with the table. A statement that a connection has prepared must not select `*`.

    PostgreSQL refuses it on that connection for good as soon as a migration adds a column (`cached plan must not change
    result type`).
    """
    return ", ".join(f"{table}.{name}" for name in names.split())


def fetch_optional(statement: str, values: Any) -> Row | None:
    """The row that the statement returns, or None if it returns none."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        row: Row | None = cursor.fetchone()
        return row


def fetch_one(statement: str, values: Any) -> Row:
    """The row of a statement that always returns one."""
    row = fetch_optional(statement, values)
    assert row is not None
    return row


def fetch_all(statement: str, values: Any) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows: list[Row] = cursor.fetchall()
        return rows


def execute(statement: str, values: Any) -> int:
    """Run a statement. Returns the number of rows that it changed."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.rowcount)
