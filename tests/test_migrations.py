"""The migrations make the tables of the models, and can be taken back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connection


@pytest.fixture
def empty_schema(transactional_db: None) -> Iterator[None]:
    """Room without a table, beside the tables of the other tests."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA scratch")
        cursor.execute("SET search_path TO scratch")
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA scratch CASCADE")
    connection.close()  # and with it the search path
    ContentType.objects.clear_cache()


def migrate(*target: str) -> None:
    call_command("migrate", *target, verbosity=0)


def shape() -> dict[str, list[Any]]:
    """Columns, constraints and indexes of our tables, by table."""
    queries = [
        "SELECT table_name, column_name, data_type, is_nullable, column_default, character_maximum_length"
        " FROM information_schema.columns WHERE table_schema = current_schema()",
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)"
        " FROM pg_constraint WHERE connamespace = current_schema()::regnamespace",
        "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema()",
    ]
    found: dict[str, list[Any]] = {}
    with connection.cursor() as cursor:
        for query in queries:
            cursor.execute(query)
            for table, *rest in cursor.fetchall():
                if table.startswith(("users_", "profiles_")):
                    found.setdefault(table, []).append(tuple(rest))
    return {table: sorted(rows, key=str) for table, rows in found.items()}


@pytest.mark.django_db
def test_models_have_no_change_without_a_migration() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_migrations_go_to_zero_and_back(empty_schema: None) -> None:
    migrate()
    made = shape()

    migrate("profiles", "zero")
    without_profiles = shape()
    migrate("users", "zero")
    nothing = shape()
    migrate()
    made_again = shape()

    assert {"users_user", "users_device", "profiles_profile", "profiles_activation"} <= made.keys()
    assert {table for table in made if table.startswith("users_")} == without_profiles.keys()
    assert nothing == {}
    assert made_again == made
