"""Checks of the database: whether it answers, and whether it is as the service needs it."""

import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import psycopg
from django.conf import settings
from django.core.checks import CheckMessage, Warning
from django.core.checks import Error as CheckError
from django.db import DEFAULT_DB_ALIAS, DatabaseError, Error, OperationalError, connection, connections

from inviting_app import queries
from inviting_app.ops import database_errors, migrations, roles
from inviting_app.ops.embedded import Embedded
from inviting_app.queries import current_setting
from users import replica
from users.outages import check_serves, is_outage
from users.queries import database_now

OLDEST_VERSION = 15
# As settings.py asks of each connection.
LOCK_TIMEOUT = "2s"
# Seconds. With a larger difference, tokens and codes live longer or shorter than clients are told.
CLOCK_DIFFERENCE = 2.0
PREPARED_ATTEMPTS = 5
# Settings of PostgreSQL's log, with the values that keep phones out of it.
QUIET_LOG = {"log_error_verbosity": ["terse"], "log_min_error_statement": ["panic", "fatal"]}
FREE_BYTES = 10**9

Found = Iterator[CheckMessage]


def check_database(app_configs: Any, databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Checks nothing unless `databases` are given, as all checks that need a database do."""
    if not databases:
        return []
    checks = [writes, version, rights, superuser, unapplied_migrations, lock_timeout, prepared_statements]
    checks += [worker_database, same_database, replica_database, clock, disk, server_log]
    return list(answers()) or run_each(checks)


def has_no_tables(databases: Sequence[str] | None) -> bool:
    """Whether to leave out checks that read tables: no `databases` are given, or `check_database` reports the cause."""
    return not databases or any(answers()) or bool(run_each([unapplied_migrations]))


def run_each(checks: Sequence[Callable[[], Iterable[CheckMessage]]]) -> list[CheckMessage]:
    """What the checks find. An error of the database is a finding too, without its text, which may quote a row."""
    found: list[CheckMessage] = []
    for check in checks:
        try:
            found += check()
        except Error as error:
            what = f"{check.__name__} could not be checked: {type(error).__name__}."
            found.append(CheckError(what, hint="See the other messages first.", id="inviting_app.E010"))
    return found


def answers() -> Found:
    try:
        connection.ensure_connection()
        return
    except DatabaseError as error:  # also Django's own, of a server that is too old
        cause, hint = database_errors.cause_and_advice(error)
        what = f"The database does not answer: {cause}"
    if settings.EMBEDDED_POSTGRES:
        embedded = Embedded(settings.DATA_DIR)
        what = "The service does not run, because its PostgreSQL does not answer."
        hint = (
            f"Start it with `make run`. If it stops, see its last lines and the end of `{embedded.home}/postgres.log`."
        )
        if not embedded.cluster.exists():
            what = f"The service does not run, and has never run with `{settings.DATA_DIR}` as its DATA_DIR."
            hint = "Start it with `make run`, or set DATA_DIR to the folder with its data."
    yield CheckError(what, hint=f"{hint} Checks that need the database were left out.", id="inviting_app.E011")


def writes() -> Found:
    """A standby answers, but nobody can sign in there."""
    try:
        queries.check_takes_writes()
    except Error as error:
        if not is_outage(error):  # such as a missing table, which other checks report
            return
        cause, hint = database_errors.cause_and_advice(error)
        yield CheckError(f"The database takes no writes: {cause}.", hint=hint, id="inviting_app.E019")


def version() -> Found:
    number, encoding = current_setting("server_version").split()[0], current_setting("server_encoding")
    if int(current_setting("server_version_num")) < OLDEST_VERSION * 10_000:
        hint = f"Move to PostgreSQL {OLDEST_VERSION} or newer."
        yield CheckError(f"PostgreSQL {number} is too old.", hint=hint, id="inviting_app.E012")
    elif encoding != "UTF8":
        hint = "Create a database with ENCODING 'UTF8' TEMPLATE template0, and restore a backup into it."
        yield CheckError(f"The encoding of the database is {encoding}.", hint=hint, id="inviting_app.E013")


def rights() -> Found:
    schema, closed = queries.closed_tables(connection.introspection.django_table_names(), roles.READ_ONLY)
    role, _ = queries.role(DEFAULT_DB_ALIAS)
    if not schema:
        what = f"No schema of the search_path exists that the role {role} may use."
        hint = "Create the schema (CREATE SCHEMA …), or GRANT USAGE, CREATE ON SCHEMA … to the role."
        yield CheckError(what, hint=hint, id="inviting_app.E018")
    elif closed:
        what = f"The role {role} may not read and change {len(closed)} tables, such as {closed[0]}."
        hint = f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} to it."
        if settings.OWNER_DATABASE == "owner":
            hint = "Run `manage.py migrate`: it gives the role its rights."
        yield CheckError(what, hint=hint, id="inviting_app.E018")
    elif not queries.may_create(settings.OWNER_DATABASE) and migrations.missing():
        role, _ = queries.role(settings.OWNER_DATABASE)
        what = f"The role {role} may not create the missing tables: permission denied for schema {schema}."
        hint = f"GRANT CREATE ON SCHEMA {schema} to it, or make it the owner: ALTER DATABASE … OWNER TO …"
        yield CheckError(what, hint=hint, id="inviting_app.E018")


def superuser() -> Found:
    """A role that can do more than the service needs: with it, a hole in the service is one in the whole server."""
    for alias in dict.fromkeys([DEFAULT_DB_ALIAS, settings.OWNER_DATABASE]):
        role, is_superuser = queries.role(alias)
        if is_superuser:
            name = "OWNER_DATABASE_URL" if alias == "owner" else "DATABASE_URL"
            what = f"The role {role} of {name} is a superuser."
            hint = (
                "Name two new roles in DATABASE_URL and OWNER_DATABASE_URL, and run `manage.py create_roles` with the "
                "URL of the superuser: it makes them and hands the tables over."
            )
            yield Warning(what, hint=hint, id="inviting_app.W013")


def server_log() -> Found:
    """What the log of another server may hold: an error of a statement can quote a phone."""
    if settings.EMBEDDED_POSTGRES:
        return
    found = {name: current_setting(name) for name in QUIET_LOG}
    if loud := {name: value for name, value in found.items() if value not in QUIET_LOG[name]}:
        names = " and ".join(f"{name} ({value})" for name, value in loud.items())
        what = f"The log of PostgreSQL may hold phones, because of {names}."
        hint = "; ".join(f"ALTER DATABASE … SET {name} = '{QUIET_LOG[name][0]}'" for name in loud)
        yield Warning(what, hint=f"As a superuser: {hint}. Or set it in postgresql.conf.", id="inviting_app.W014")


def unapplied_migrations() -> Found:
    if missing := migrations.missing():
        what = f"{len(missing)} migrations are not applied, such as {missing[0]}."
        hint = "Run `manage.py migrate`, then restart web and worker. Checks that need the tables were left out."
        yield CheckError(what, hint=hint, id="inviting_app.E014")


def lock_timeout() -> Found:
    if (found := current_setting("lock_timeout")) != LOCK_TIMEOUT:
        what = f"lock_timeout is {found}, not {LOCK_TIMEOUT}: a request may hang instead of being refused."
        hint = (
            "A pooler drops the options of the connection: connect without it, use PgBouncer 1.20 or newer with "
            "track_extra_parameters, or ALTER ROLE … SET lock_timeout = '2s'."
        )
        yield CheckError(what, hint=hint, id="inviting_app.E015")


def prepared_statements() -> Found:
    """Find a pooler that sends the statements of one session to several connections."""
    with connection.cursor() as cursor:
        session: psycopg.Connection[Any] = cursor.connection
    if session.prepare_threshold is None:
        return
    try:
        for _ in range(PREPARED_ATTEMPTS):
            session.execute("SELECT 'a statement of the doctor'", prepare=True)
    except (psycopg.ProgrammingError, psycopg.OperationalError) as error:
        what = f"A prepared statement is unknown a moment later ({type(error).__name__})."
        hint = "The pooler cannot keep them: add ?prepare=off to DATABASE_URL."
        yield CheckError(what, hint=hint, id="inviting_app.E016")


def same_database() -> Found:
    """With another one, such as after a restore, SMS wait in one database and the worker looks into the other."""
    if settings.EMBEDDED_POSTGRES:
        return
    for alias, name in {"direct": "WORKER_DATABASE_URL", "owner": "OWNER_DATABASE_URL"}.items():
        with suppress(DatabaseError):  # other checks tell of one that is away; a managed one may have no identity
            if alias in settings.DATABASES and replica.identity(alias) != replica.identity():
                what = f"{name} names another database than DATABASE_URL."
                hint = "Name the same database in both, then restart web and worker."
                yield CheckError(what, hint=hint, id="inviting_app.E028")


def worker_database() -> Found:
    if settings.DIRECT_DATABASE == DEFAULT_DB_ALIAS:
        return
    try:
        check_serves(settings.DIRECT_DATABASE)
        connections[settings.DIRECT_DATABASE].close()
    except OperationalError as error:
        cause, hint = database_errors.cause_and_advice(error, "WORKER_DATABASE_URL")
        what = f"The database of WORKER_DATABASE_URL does not answer: {cause}"
        hint = f"{hint} The worker cannot start without it."
        yield CheckError(what, hint=hint, id="inviting_app.E017")


def replica_database() -> Found:
    """Without it, or with one that lags, all is read from the primary: the service goes on."""
    if not settings.REPLICA_DATABASE:
        return
    try:
        _, why_not = replica.state(settings.REPLICA_DATABASE, replica.identity())
        connections[settings.REPLICA_DATABASE].close()
    except OperationalError as error:
        cause, hint = database_errors.cause_and_advice(error, "REPLICA_URL")
        yield Warning(f"The replica does not answer: {cause}", hint=hint, id="inviting_app.W015")
        return
    if why_not:
        hint = (
            "Name a standby of this database in REPLICA_URL, or unset it. If it is one, see pg_stat_replication on the"
            " primary, and the log of the standby. Without a worker nothing is written."
        )
        yield Warning(f"The replica is not read: {why_not}.", hint=hint, id="inviting_app.W015")


def clock() -> Found:
    before = time.time()
    database = database_now().timestamp()
    after = time.time()
    difference = database - (before + after) / 2
    if abs(difference) > CLOCK_DIFFERENCE + (after - before) / 2:
        side = "ahead of" if difference > 0 else "behind"
        what = f"The database's clock is {abs(difference):.1f} s {side} this machine's."
        hint = "Tokens and codes end too early or too late. Let both use NTP: `timedatectl` tells whether they do."
        yield Warning(what, hint=hint, id="inviting_app.W011")


def free_bytes() -> int | None:
    """Free space of the embedded PostgreSQL's disk. That of another server cannot be seen from here."""
    if not settings.EMBEDDED_POSTGRES:
        return None
    home = Embedded(settings.DATA_DIR).home
    return shutil.disk_usage(home if home.exists() else settings.DATA_DIR).free


def disk() -> Found:
    free = free_bytes()
    if free is not None and free < FREE_BYTES:
        what = f"Only {free / 10**6:.0f} MB are free for the database. When the disk is full, nobody can sign in."
        home = Embedded(settings.DATA_DIR).home
        hint = f"Free space on the disk of {home}, or move DATA_DIR while the service is stopped."
        yield Warning(what, hint=hint, id="inviting_app.W012")
