"""Backups by the commands, and a way to compare two databases."""

import io
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import connection

KEYWORDS = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD"}
Sums = dict[str, tuple[int, int]]


def sums() -> Sums:
    """For each table, the number of its rows and the sum of their hashes."""
    found = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)), 0) FROM "{table}" AS t')
            found[table] = cursor.fetchone()
    return found


def another_session() -> psycopg.Connection:
    """Another session in the database of this test."""
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


def started(*command: str, **variables: str) -> subprocess.Popen[bytes]:
    """`manage.py` with this command and variables, in a process of its own and on the database of this test."""
    return subprocess.Popen(
        [sys.executable, "manage.py", *command],
        cwd=settings.BASE_DIR,
        env={**os.environ, **database_variables(), **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def interrupted(program: str, lock: str, *command: str) -> str:
    """What a command prints that gets SIGTERM while its PostgreSQL program waits for the lock of this statement."""
    count = f"SELECT count(*) FROM pg_stat_activity WHERE application_name = '{program}'"
    with another_session() as held:
        held.execute(lock)
        process = started(*command)
        while process.poll() is None and not _count(f"{count} AND wait_event_type = 'Lock'"):
            pass
        process.send_signal(signal.SIGTERM)
        printed = process.communicate(timeout=60)[1].decode()
        held.rollback()
    while _count(count):  # the server has yet to end the program's session, which holds locks until then
        pass
    assert process.returncode == 1, printed
    return printed


def _count(query: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return int(cursor.fetchone()[0])


def back_up(file: Path) -> str:
    """What the command prints."""
    printed = io.StringIO()
    call_command("backup", str(file), stdout=printed)
    return printed.getvalue()


def restore(file: Path, **options: Any) -> str:
    """What the command prints. The tests' role may be a superuser."""
    printed = io.StringIO()
    call_command("restore", str(file), stdout=printed, **{"trusted": True, **options})
    return printed.getvalue()
