"""Backup and restore of the service's tables by pg_dump and pg_restore."""

import os
import re
import resource
import secrets
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.db import DatabaseError, OperationalError, connections
from psycopg import pq

from inviting_app import queries
from inviting_app.ops import database_errors, files, migrations, system_user
from inviting_app.ops.embedded import ENVIRONMENT, Embedded
from inviting_app.ops.programs import ProgramsMissing, die_with_parent, first_error, programs_for, programs_of_wheel
from users.masks import mask_phones
from users.models import User

# How long to wait for a table that a migration has locked.
LOCK_WAIT_MILLISECONDS = 10_000
FIRST_MIGRATION = "users.0001_initial"
# More than the programs print of a real backup: its list, its migrations, a note for each object.
PRINTED_BYTES = 10_000_000
# pg_restore of this version and newer sets a setting that older servers do not know.
TRANSACTION_TIMEOUT_SINCE = 17

NEEDS_OWNER = "Set OWNER_DATABASE_URL: backup and restore need the role that owns the tables."
NOT_EMPTY = """this database is not empty. Stop web and worker, then keep the log of its erasures:
    manage.py erasures > erasures.txt
"""
NEW_EMBEDDED_DATABASE = """As the user who owns it, move its database away. Then restore into a new one:
    mv {cluster} {cluster}.old
    manage.py restore {file} --erasures erasures.txt"""
NEW_DATABASE = """Create a new database, and restore into it with a DATABASE_URL that names it (and with an
OWNER_DATABASE_URL and WORKER_DATABASE_URL that name it, if you have them):
    createdb inviting_app_restored
    DATABASE_URL=postgresql://.../inviting_app_restored manage.py restore {file} --erasures erasures.txt
Then start web and worker with this DATABASE_URL."""

NOBODY = """WARNING: no users are in this database, {where}.
If the service has users, it runs with another DATA_DIR or DATABASE_URL: write that into `.env`."""
SUPERUSER = """the role {role} is a superuser, and a backup can hold code, which would run with all of its rights.
Name the owner of the tables in OWNER_DATABASE_URL. If you made this backup yourself: restore --trusted"""


class BackupError(Exception):
    """There is no backup, or it cannot be restored; the text is for the operator."""


@dataclass(frozen=True)
class Database:
    """The database before a program runs, and the environment with which libpq connects to it without a pooler."""

    name: str
    environment: dict[str, str]
    # The major version of the server.
    version: int
    schema: str
    is_empty: bool


def back_up(file: Path) -> None:
    """Write a backup that only its owner can read, and give it this name when it is complete. Raises BackupError.

    Others may be able to write to its folder: nothing that they prepared there is opened or followed.
    """
    if file.exists() and not file.is_file():
        raise BackupError(f"{file} is not a regular file; use - to write to a pipe")
    draft = file.with_name(f".{file.name}-{secrets.token_hex(8)}.part")
    descriptor = files.open_regular(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        # By its number, because others can exchange names. On its standard output pg_dump could not go back.
        dump(f"--file=/dev/fd/{descriptor}", "--no-sync", pass_fds=[descriptor])
        os.fsync(descriptor)
        os.replace(draft, file)
        if not os.path.samestat(os.fstat(descriptor), os.lstat(file)):
            raise BackupError(f"somebody else changes the files in {file.parent}: name a folder of yours")
    finally:
        draft.unlink(missing_ok=True)
        os.close(descriptor)


def dump(*options: str, **how: Any) -> None:
    """Write a backup to the standard output, unless the options name a file. Raises BackupError."""
    database = _look()
    if database.is_empty:
        raise BackupError("this database is empty")
    what = ["--format=custom", f'--schema="{database.schema}"', f"--lock-wait-timeout={LOCK_WAIT_MILLISECONDS}"]
    _run(database, "pg_dump", *what, *options, **how)


def doubt() -> str:
    """A warning if there is nobody in this database: it may be another one than the service's. Otherwise nothing."""
    with suppress(DatabaseError):
        if not User.objects.using(settings.OWNER_DATABASE).exists():
            return NOBODY.format(where=_where())
    return ""


def _where() -> str:
    """The database in words, without the password."""
    if settings.EMBEDDED_POSTGRES:
        return f"the one of DATA_DIR {settings.DATA_DIR}"
    named = settings.DATABASES[settings.OWNER_DATABASE]
    return f"{named['NAME']} on {named.get('HOST') or 'this machine'}"


def restore(file: Path, *, trusted: bool = False) -> datetime | None:
    """Restore a backup into an empty database and return when it was begun, if that is known.

    Migrate the database afterwards.

    A backup is a program for the server: what its maker put into it runs as the role that restores. A superuser
    restores only what is `trusted`.

    Raises BackupError, and the database is unchanged then: if it is not empty, and if the file is not a backup, is
    damaged, or is of a newer version of the service.
    """
    database = _look()
    role, is_superuser = queries.role(settings.OWNER_DATABASE)
    if is_superuser and not trusted:
        raise BackupError(SUPERUSER.format(role=role))
    if not database.is_empty:
        advice = NOT_EMPTY + (NEW_EMBEDDED_DATABASE if settings.EMBEDDED_POSTGRES else NEW_DATABASE)
        raise BackupError(advice.format(file=file, cluster=Embedded(settings.DATA_DIR).cluster))
    with file.open("rb") as backup:
        listed = _pg_restore(database, backup, "--list")
        _refuse_newer(database, backup, file)
        how = ["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges"]
        _pg_restore(database, backup, f"--dbname={database.name}", f"--schema={database.schema}", *how)
    queries.skip_numbers(settings.OWNER_DATABASE)
    begun = re.search(rb"^; +Archive created at (\S+ \S+) UTC$", listed, re.MULTILINE)
    return datetime.fromisoformat(begun[1].decode()).replace(tzinfo=UTC) if begun else None


def _pg_restore(database: Database, backup: BinaryIO, *options: str) -> bytes:
    """Run pg_restore on this file, for root with the rights of the embedded PostgreSQL's account only."""
    backup.seek(0)
    # With the signal of the limit ignored, as Python has it, writing fails instead.
    how: dict[str, Any] = {"stdin": backup, "preexec_fn": _limited, "restore_signals": False}
    if not (settings.EMBEDDED_POSTGRES and system_user.is_root()):
        return _run(database, "pg_restore", "--format=custom", *options, **how)
    here = Embedded(settings.DATA_DIR).places
    uid, gid = here.account()
    programs = programs_for(programs_of_wheel(), here.home)
    # That account can read the environment of its processes: it gets none of the service's secrets.
    environment = ENVIRONMENT | database.environment
    how |= system_user.run_as(uid, gid) | {"env": environment, "cwd": "/"}
    return _run(database, programs / "pg_restore", "--format=custom", *options, **how)


def _refuse_newer(database: Database, backup: BinaryIO, file: Path) -> None:
    """Compare the migrations in the backup, which are rows of a table, with those of this version."""
    table = [f"--schema={database.schema}", "--table=django_migrations", "--data-only", "--file=-"]
    rows = re.findall(
        r"^\d+\t(\w+)\t(\w+)\t", _pg_restore(database, backup, *table).decode(errors="replace"), re.MULTILINE
    )
    applied = {f"{app}.{name}" for app, name in rows}
    if FIRST_MIGRATION not in applied:
        raise BackupError(f"{file} is not a backup of this service, or one of another schema")
    known = migrations.known()
    apps = {migration.split(".")[0] for migration in known}
    if newer := sorted(migration for migration in applied - known if migration.split(".")[0] in apps):
        raise BackupError(f"this backup is of a newer version: {newer[0]} is not known here. Install that version")


def _look() -> Database:
    variables = {option.keyword.decode(): option.envvar for option in pq.Conninfo.get_defaults() if option.envvar}
    try:
        schema, is_empty = queries.schema(settings.OWNER_DATABASE)
        with connections[settings.OWNER_DATABASE].cursor() as cursor:
            info = cursor.connection.info
    except OperationalError as error:
        raise BackupError(f"the database does not answer: {database_errors.error_line(error)}") from error
    # In the environment, because every user of the machine can read a command line, and a password may be in it.
    given = info.get_parameters() | {"password": info.password}
    environment = {variables[name].decode(): value for name, value in given.items() if name in variables and value}
    # An archive holds the local time of its maker, without the zone.
    environment["TZ"] = "UTC"
    return Database(info.dbname, environment, info.server_version // 10_000, schema, is_empty)


def _run(database: Database, program: str | Path, *options: str, **how: Any) -> bytes:
    """What a program of PostgreSQL writes to its standard output."""
    path = program if isinstance(program, Path) else _programs(database.version) / program
    with tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as errors:
        own: dict[str, Any] = {"stdout": printed, "env": os.environ | database.environment}
        own["preexec_fn"] = die_with_parent(signal.SIGKILL)  # a restore must not go on alone
        done = subprocess.run([path, *options], stderr=errors, **own | how)
        printed.seek(0)
        errors.seek(0)
        if not done.returncode:
            return printed.read()
        # It may quote values of a row.
        why = mask_phones(first_error(errors.read(PRINTED_BYTES).decode(errors="replace")))
    lacks_rights = "permission denied" in why or "privilege" in why
    raise BackupError(f"{why}. {NEEDS_OWNER}" if lacks_rights and settings.OWNER_DATABASE != "owner" else why)


def _limited() -> None:
    """In the process of pg_restore: end with this one, and print no more than this one can hold in its memory."""
    if dies := die_with_parent(signal.SIGKILL):
        dies()
    resource.setrlimit(resource.RLIMIT_FSIZE, (PRINTED_BYTES, PRINTED_BYTES))


def _programs(version: int) -> Path:
    """The folder of programs that suit a server of this version: the wheel's, or those on PATH."""
    folders = [Path(found).parent] if (found := shutil.which("pg_dump")) else []
    with suppress(ProgramsMissing):
        folders.insert(0, programs_of_wheel())
    for folder in folders:
        shown = subprocess.run([folder / "pg_dump", "--version"], capture_output=True, text=True).stdout
        program = int((re.findall(r" (\d+)", shown) or ["0"])[0])
        if program >= version and (program < TRANSACTION_TIMEOUT_SINCE or version >= TRANSACTION_TIMEOUT_SINCE):
            return folder
    raise BackupError(f"the server is PostgreSQL {version}: put pg_dump and pg_restore of that version on PATH")
