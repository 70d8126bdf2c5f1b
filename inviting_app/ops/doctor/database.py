"""The database: whether it answers, and as the service needs it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from typing import Any

import psycopg
from django.conf import settings
from django.db import OperationalError, connection, connections
from django.db.migrations.executor import MigrationExecutor

from inviting_app.ops.doctor import Finding, fail, ok, warn
from inviting_app.ops.embedded import Embedded
from users.clock import database_now

OLDEST_VERSION = 15
# What settings.py asks of each connection.
LOCK_TIMEOUT = "2s"

# More than this apart, tokens and codes live visibly longer or shorter than clients are told.
CLOCK_SECONDS = 2.0

PREPARED_TRIES = 5
FREE_BYTES = 10**9
TABLE_OF_QUEUE = "procrastinate_jobs"


def answers() -> Iterator[Finding]:
    """Nothing when it does."""
    try:
        connection.ensure_connection()
    except OperationalError as error:
        if settings.EMBEDDED_POSTGRES:
            yield _service_down(_first_line(error))
        else:
            yield fail(
                f"database: does not answer: {_first_line(error)}",
                "Check host, name and password in DATABASE_URL, and whether PostgreSQL runs. Worker, queue and clock "
                "were not checked, for they need it.",
            )


def _service_down(reason: str) -> Finding:
    embedded = Embedded(settings.DATA_DIR)
    if not embedded.cluster.exists():
        return fail(
            f"service: does not run, and has never run with its data in {settings.DATA_DIR}",
            "Start it with `make run`, or set DATA_DIR to where its data is.",
        )
    return fail(
        f"service: does not run, for its own PostgreSQL does not answer: {reason}",
        f"Start it with `make run`. If it stops by itself, its last lines say why, or the last of {embedded.home}"
        "/postgres.log. Worker, queue and clock were not checked, for they need the database.",
    )


def version() -> Iterator[Finding]:
    number = _show("server_version").split()[0]
    encoding = _show("server_encoding")
    if int(_show("server_version_num")) < OLDEST_VERSION * 10_000:
        yield fail(f"database: PostgreSQL {number} is too old", f"Move to PostgreSQL {OLDEST_VERSION} or newer.")
    elif encoding != "UTF8":
        yield fail(
            f"database: its encoding is {encoding}",
            "Make a database with ENCODING 'UTF8' TEMPLATE template0, and restore a dump into it.",
        )
    else:
        yield ok(f"database: PostgreSQL {number}, {encoding}")


def migrations() -> Iterator[Finding]:
    executor = MigrationExecutor(connection)
    missing = [migration for migration, _ in executor.migration_plan(executor.loader.graph.leaf_nodes())]
    if missing:
        yield fail(
            f"database: migrations that are not applied: {len(missing)}, the first is {missing[0]}",
            "Run `manage.py migrate`, then start web and worker again. What needs the tables, such as the queue, was "
            "not checked.",
        )
    elif TABLE_OF_QUEUE not in connection.introspection.table_names():
        yield fail(
            f"database: the table {TABLE_OF_QUEUE} is gone, though its migration is recorded",
            "Restore the database from a backup.",
        )
    else:
        yield ok("database: all migrations are applied")


def lock_timeout() -> Iterator[Finding]:
    if (found := _show("lock_timeout")) == LOCK_TIMEOUT:
        yield ok(f"database: a lock is waited for {LOCK_TIMEOUT} at most")
        return
    yield fail(
        f"database: lock_timeout is {found}, not {LOCK_TIMEOUT}: a request may hang instead of being refused",
        "A pooler drops the connection's options: go round it, or take PgBouncer 1.20 or newer with "
        "track_extra_parameters, or ALTER ROLE … SET lock_timeout = '2s'.",
    )


def prepared_statements() -> Iterator[Finding]:
    """A pooler that does not know of them lets one statement pass, and another connection not know it."""
    connection.ensure_connection()
    raw: Any = connection.connection
    if raw.prepare_threshold is None:
        yield ok("database: statements are not prepared, as DATABASE_URL says")
        return
    try:
        for _ in range(PREPARED_TRIES):
            raw.execute("SELECT 'a statement of the doctor'", prepare=True)
    except (psycopg.ProgrammingError, psycopg.OperationalError) as error:
        yield fail(
            f"database: a prepared statement is not known a moment later ({type(error).__name__})",
            "The pooler in between cannot keep them: put ?prepare=off at the end of DATABASE_URL.",
        )
    else:
        yield ok("database: statements are prepared by the server")


def workers_way() -> Iterator[Finding]:
    """The worker's own URL, where it has one."""
    if settings.DIRECT_DATABASE == "default":
        return
    way = connections[settings.DIRECT_DATABASE]
    try:
        way.ensure_connection()
        yield ok("database: WORKER_DATABASE_URL answers")
    except OperationalError as error:
        yield fail(
            f"database: WORKER_DATABASE_URL does not answer: {_first_line(error)}",
            "Check its host, name and password: the worker cannot start without it.",
        )
    finally:
        way.close()


def clock() -> Iterator[Finding]:
    before = time.time()
    theirs = database_now().timestamp()
    after = time.time()
    apart = theirs - (before + after) / 2
    if abs(apart) <= CLOCK_SECONDS + (after - before) / 2:
        yield ok(f"clock: this machine and the database are {abs(apart):.1f} s apart")
        return
    yield warn(
        f"clock: the database is {abs(apart):.1f} s {'ahead of' if apart > 0 else 'behind'} this machine: tokens and "
        "codes end too early or too late",
        "Let both keep time by NTP: `timedatectl` tells whether they do.",
    )


def disk() -> Iterator[Finding]:
    """Room for the embedded PostgreSQL; of another's we know nothing."""
    if not settings.EMBEDDED_POSTGRES:
        return
    home = Embedded(settings.DATA_DIR).home
    free = shutil.disk_usage(home if home.exists() else settings.DATA_DIR).free
    if free >= FREE_BYTES:
        yield ok(f"disk: {free / 10**9:.0f} GB free for the database")
        return
    yield warn(
        f"disk: only {free / 10**6:.0f} MB free for the database; when it is full, nobody can sign in",
        f"Make room on the disk of {home}, or move DATA_DIR while the service is stopped.",
    )


def _show(name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting(%s)", [name])
        return str(cursor.fetchone()[0])


def _first_line(error: Exception) -> str:
    """What libpq says: it names host, database and user, never the password."""
    return str(error).splitlines()[0]
