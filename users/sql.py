"""Statements written by hand, run on Django's connection. Only `queries.py` and its neighbours use them.

The ORM is the way to data. A statement is written by hand where it is the algorithm itself, or where a measurement in
docs/speed.md shows that it pays.
"""

from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Expression, Model

M = TypeVar("M", bound=Model)
Row = tuple[Any, ...]


def columns(model: type[Model], table: str) -> str:
    """All columns of the model, each named with this table or alias, in the order that `instance` takes.

    A statement that a connection has prepared must not select `*`. PostgreSQL refuses it on that connection for good as
    soon as a migration adds a column (`cached plan must not change result type`).
    """
    return ", ".join(f"{table}.{field.column}" for field in model._meta.concrete_fields)


def instance(model: type[M], row: Row) -> M:
    """The instance of a row that begins with `columns(model, …)`.

    `Model.objects.raw()` does the same with names, which took 0.2 ms more for each statement.
    """
    names = [field.attname for field in model._meta.concrete_fields]
    return model.from_db(DEFAULT_DB_ALIAS, names, row[: len(names)])


def insertion(row: Model, **expressions: str) -> tuple[str, dict[str, Any]]:
    """The INSERT of a row that is not stored yet, which returns its key, and its values, as psycopg takes them.

    `expressions` are columns whose value is an SQL expression. Columns that the row leaves to a default of the database
    are not named. `save()` builds the same in 0.3 ms, and each row is a statement of its own (docs/speed.md).
    """
    table, kind = row._meta.db_table, row._meta.model_name
    values = {
        f"{kind}_{field.column}": value
        for field in row._meta.concrete_fields
        if not isinstance(value := getattr(row, field.attname), Expression)
        and not field.primary_key
        and field.column not in expressions
    }
    columns = ", ".join([name.removeprefix(f"{kind}_") for name in values] + list(expressions))
    placeholders = ", ".join([f"%({name})s" for name in values] + list(expressions.values()))
    return f"INSERT INTO {table} ({columns}) VALUES ({placeholders}) RETURNING id", values  # noqa: S608


def fetch_optional(statement: str, values: Any, using: str = DEFAULT_DB_ALIAS) -> Row | None:
    """The row that the statement returns, or None if it returns none. `using` is the alias of a connection."""
    with connections[using].cursor() as cursor:
        cursor.execute(statement, values)
        row: Row | None = cursor.fetchone()
        return row


def fetch_one(statement: str, values: Any, using: str = DEFAULT_DB_ALIAS) -> Row:
    """The row of a statement that always returns one."""
    row = fetch_optional(statement, values, using)
    assert row is not None
    return row


def fetch_all(statement: str, values: Any) -> list[Row]:
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(statement, values)
        rows: list[Row] = cursor.fetchall()
        return rows


def execute(statement: str, values: Any, using: str = DEFAULT_DB_ALIAS) -> int:
    """Run a statement. Returns the number of rows that it changed."""
    with connections[using].cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.rowcount)
