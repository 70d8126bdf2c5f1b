"""Backups as the commands make and take them, and what tells whether two databases are the same."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.db import connection

Sums = dict[str, tuple[int, int]]


def sums() -> Sums:
    """Of each table the number of its rows and the sum of their hashes."""
    found = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)), 0) FROM "{table}" AS t')
            found[table] = cursor.fetchone()
    return found


def backed_up(file: Path) -> str:
    told = io.StringIO()
    call_command("backup", str(file), stdout=told)
    return told.getvalue()


def restored(file: Path, **options: Any) -> str:
    told = io.StringIO()
    call_command("restore", str(file), stdout=told, **options)
    return told.getvalue()
