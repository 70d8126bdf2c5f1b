"""Backups by the commands, a database to restore into, and a way to compare two databases."""

import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection

KEYWORDS = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD"}
Sums = dict[str, tuple[int, int]]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "users.backup"


@pytest.fixture
def empty_database(transactional_db: None) -> Iterator[Callable[[], None]]:
    """Each call moves the connection to a new empty database; the end of the test moves it back."""
    here = connection.settings_dict["NAME"]
    there = f"{here}_restored"

    def drop() -> None:
        connection.close()
        connection.settings_dict["NAME"] = here
        with connection.cursor() as cursor:
            cursor.execute(f'DROP DATABASE IF EXISTS "{there}" WITH (FORCE)')

    def move() -> None:
        drop()
        with connection.cursor() as cursor:
            cursor.execute(f'CREATE DATABASE "{there}"')
        connection.close()
        connection.settings_dict["NAME"] = there

    yield move
    drop()


def sums() -> Sums:
    """Of each table the number of its rows and the sum of their hashes."""
    found = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)), 0) FROM "{table}" AS t')
            found[table] = cursor.fetchone()
    return found


def another_session() -> psycopg.Connection:
    """A session of its own in the database of this test."""
    database = connection.settings_dict
    return psycopg.connect(
        **{keyword: database[name] or None for keyword, name in KEYWORDS.items()}, dbname=database["NAME"]
    )


def database_variables() -> dict[str, str]:
    """The variables that let another process use the database of this test."""
    with another_session() as session:
        info = session.info
        query = "&".join(f"{name}={value}" for name, value in info.get_parameters().items() if name in KEYWORDS)
        return {"DATABASE_URL": f"postgresql:///{info.dbname}?{query}", "PGPASSWORD": info.password}


def started(*command: str) -> subprocess.Popen[bytes]:
    """`manage.py` with this command, in a process of its own and on the database of this test."""
    return subprocess.Popen(
        [sys.executable, "manage.py", *command],
        cwd=settings.BASE_DIR,
        env={**os.environ, **database_variables()},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def wait_for_lock_of(program: str, process: subprocess.Popen[bytes]) -> None:
    """Until this program of PostgreSQL, which the process has started, waits for a lock."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s AND wait_event_type = 'Lock'"
    with connection.cursor() as cursor:
        while process.poll() is None:
            cursor.execute(query, [program])
            if cursor.fetchone()[0]:
                return


def wait_for_end_of(program: str) -> None:
    """Until the server has ended the sessions of this program, which hold locks until then."""
    with connection.cursor() as cursor:
        while True:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = %s", [program])
            if not cursor.fetchone()[0]:
                return


def back_up(file: Path) -> str:
    """What the command prints."""
    printed = io.StringIO()
    call_command("backup", str(file), stdout=printed)
    return printed.getvalue()


def restore(file: Path, **options: Any) -> str:
    """What the command prints."""
    printed = io.StringIO()
    call_command("restore", str(file), stdout=printed, **options)
    return printed.getvalue()
