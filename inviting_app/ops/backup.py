"""Backup and restore of the service's tables by pg_dump and pg_restore."""

import os
import re
import secrets
import shutil
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import OperationalError, connections
from psycopg import pq

from inviting_app import queries
from inviting_app.ops import database_errors, files, migrations
from inviting_app.ops.embedded import Embedded
from inviting_app.ops.programs import ProgramsMissing, die_with_parent, first_error, programs_of_wheel
from users.context import mask_phones

# How long to wait for a table that a migration has locked.
LOCK_WAIT_MILLISECONDS = 10_000
FIRST_MIGRATION = "users.0001_initial"
# pg_restore of this version and newer sets a setting that older servers do not know.
TRANSACTION_TIMEOUT_SINCE = 17

NOT_EMPTY = """this database is not empty. Keep the log of its erasures:
    manage.py erasures > erasures.txt
"""
NEW_EMBEDDED_DATABASE = """Stop the service and move its database away. Then restore into a new one:
    mv {cluster} {cluster}.old
    manage.py restore {file} --erasures erasures.txt"""
NEW_DATABASE = """Create a new database, and restore into it with a DATABASE_URL that names it:
    createdb inviting_app_restored
    DATABASE_URL=postgresql://.../inviting_app_restored manage.py restore {file} --erasures erasures.txt
Then stop web and worker, and start them with this DATABASE_URL."""


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


def restore(file: Path) -> str:
    """Restore a backup into an empty database and return when it was begun. Migrate the database afterwards.

    Raises BackupError, and the database is unchanged then: if it is not empty, and if the file is not a backup, is
    damaged, or is of a newer version of the service.
    """
    database = _look()
    if not database.is_empty:
        advice = NOT_EMPTY + (NEW_EMBEDDED_DATABASE if settings.EMBEDDED_POSTGRES else NEW_DATABASE)
        raise BackupError(advice.format(file=file, cluster=Embedded(settings.DATA_DIR).cluster))
    begun = re.search(rb"^; +Archive created at (.+)$", _run(database, "pg_restore", "--list", file), re.MULTILINE)
    _refuse_newer(database, file)
    where = [f"--dbname={database.name}", f"--schema={database.schema}"]
    how = ["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges"]
    _run(database, "pg_restore", *where, *how, file)
    return begun[1].decode() if begun else "an unknown time"


def _refuse_newer(database: Database, file: Path) -> None:
    """Compare the migrations in the backup, which are rows of a table, with those of this version."""
    table = [f"--schema={database.schema}", "--table=django_migrations", "--data-only", "--file=-"]
    rows = re.findall(r"^\d+\t(\w+)\t(\w+)\t", _run(database, "pg_restore", *table, file).decode(), re.MULTILINE)
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
        schema, is_empty = queries.schema(settings.DIRECT_DATABASE)
        with connections[settings.DIRECT_DATABASE].cursor() as cursor:
            info = cursor.connection.info
    except OperationalError as error:
        raise BackupError(f"the database does not answer: {database_errors.error_line(error)}") from error
    # In the environment, because every user of the machine can read a command line, and a password may be in it.
    given = info.get_parameters() | {"password": info.password}
    environment = {variables[name].decode(): value for name, value in given.items() if name in variables and value}
    return Database(info.dbname, environment, info.server_version // 10_000, schema, is_empty)


def _run(database: Database, program: str, *options: str | Path, **how: Any) -> bytes:
    """What a program of PostgreSQL writes to its standard output."""
    done = subprocess.run(
        [_programs(database.version) / program, *options],
        stderr=subprocess.PIPE,
        preexec_fn=die_with_parent(signal.SIGKILL),  # a restore must not go on alone
        **{"stdout": subprocess.PIPE, "env": os.environ | database.environment, **how},
    )
    if done.returncode:
        # It may quote values of a row.
        raise BackupError(mask_phones(first_error(done.stderr.decode(errors="replace"))))
    return done.stdout or b""


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
