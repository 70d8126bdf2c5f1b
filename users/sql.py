"""Rows read and inserted by hand-written SQL: what signing in does at each request, where having the ORM build a
statement takes longer than running it."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import Model

Row = TypeVar("Row", bound=Model)


@cache
def columns(model: type[Model], table: str) -> str:
    """All columns of the model, to be selected from a table of this name."""
    return ", ".join(f"{table}.{field.column}" for field in model._meta.concrete_fields)


def fetch_optional(sql: str, values: Any) -> tuple[Any, ...] | None:
    """The row that this statement gives, if any."""
    row: tuple[Any, ...] | None = _executed(sql, values).fetchone()
    return row


def fetch_one(sql: str, values: Any) -> tuple[Any, ...]:
    """The row that this statement always gives."""
    row = fetch_optional(sql, values)
    assert row is not None
    return row


def fetch_all(sql: str, values: Any) -> list[tuple[Any, ...]]:
    """The rows that this statement gives."""
    rows: list[tuple[Any, ...]] = _executed(sql, values).fetchall()
    return rows


def execute(sql: str, values: Any) -> None:
    """Run a statement that gives no rows."""
    _executed(sql, values)


def _executed(sql: str, values: Any) -> Any:
    cursor = connection.kept_cursor()  # type: ignore[attr-defined]
    cursor.execute(sql, values)
    return cursor


def loaded(model: type[Row], row: tuple[Any, ...]) -> tuple[Row, tuple[Any, ...]]:
    """The object whose `columns` are the first of this row, and the rest of the row."""
    names = _names(model)
    return model.from_db(DEFAULT_DB_ALIAS, names, row[: len(names)]), row[len(names) :]


def insert(instance: Model) -> None:
    """Insert a new object whose id the database gives; its other fields are all set."""
    values = [getattr(instance, name) for name in _names(type(instance))[1:]]
    (instance.pk,) = fetch_one(_insertion(type(instance)), values)
    instance._state.adding = False


@cache
def _names(model: type[Model]) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields]


@cache
def _insertion(model: type[Model]) -> str:
    """Of all columns but the first, which is the id."""
    names = [str(field.column) for field in model._meta.concrete_fields[1:]]
    values = ", ".join(["%s"] * len(names))
    return f"INSERT INTO {model._meta.db_table} ({', '.join(names)}) VALUES ({values}) RETURNING id"  # noqa: S608
