"""The way back of a backup: in one transaction, or not at all."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO

from django.db.migrations.loader import MigrationLoader

from inviting_app.ops.backup import CHUNK_BYTES, LOCK_MILLISECONDS, SEAL
from inviting_app.ops.pg_programs import (
    PEOPLE,
    Database,
    ProgramError,
    at_hand,
    first_error,
    put_off_stopping,
    run,
    started,
)

SEAL_BYTES = len(SEAL % bytes(64))
FIRST_MIGRATION = ("users", "0001_initial")

# psql's status after an error in its script; see "Exit Status" of its manual.
SCRIPT_FAILED = 3

# The version of servers that know this setting, which newer programs give to all.
TRANSACTION_TIMEOUT_SINCE = 17


class CommitUnknown(Exception):
    """The connection was lost at the commit, and nobody knows whether before or after it; the text is the error's."""


# What extensions made is theirs, and the sequence of an identity its table's. CASCADE may have taken what comes later.
_EMPTY = """
SET client_min_messages = warning;
BEGIN;
DO $$
DECLARE
    statement text;
BEGIN
    FOREACH statement IN ARRAY (
        SELECT coalesce(array_agg(format('DROP %s IF EXISTS %s CASCADE', kind, name)), '{}')
          FROM (SELECT CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
                                    ELSE 'TABLE' END, oid::regclass::text, 'pg_class'::regclass, oid, relnamespace
                  FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'S')
                 UNION ALL
                SELECT 'ROUTINE', oid::regprocedure::text, 'pg_proc'::regclass, oid, pronamespace FROM pg_proc
                 UNION ALL
                SELECT 'TYPE', oid::regtype::text, 'pg_type'::regclass, oid, typnamespace
                  FROM pg_type LEFT JOIN (SELECT oid, relkind FROM pg_class) AS rows (row, relkind) ON row = typrelid
                 WHERE typtype IN ('d', 'e', 'r') OR relkind = 'c'
               ) AS found (kind, name, class, id, schema)
         WHERE schema = current_schema()::regnamespace
           AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = class AND objid = id AND deptype IN ('e', 'i'))
    ) LOOP
        EXECUTE statement;
    END LOOP;
END $$;
"""


def begun_at(source: Path) -> str:
    """When the backup was begun. Raises ProgramError if it is none."""
    _refuse_damaged(source)
    found = re.search(rb"^; +Archive created at (.+)$", run(at_hand(), "pg_restore", "--list", source), re.MULTILINE)
    return found[1].decode() if found else "an unknown time"


def restore(source: Path, replace: bool = False) -> list[str]:
    """Put the tables of a backup in place of those that are there, in one transaction.

    Returns the migrations that the backup lacks, such as `users.0002_limits_and_gateways`, to be applied now. Stopping
    is put off from the commit on: it is the caller's to allow again. Raises ProgramError: if `source` is no backup or
    one of a newer version; if the database has people, unless it is told to `replace` them; and if PostgreSQL stopped
    on the way. Raises CommitUnknown.
    """
    _refuse_damaged(source)
    database = at_hand()
    archive: list[str | Path] = [f"--schema={database.schema}", "--file=-", "--no-owner", "--no-privileges", source]
    missing = _missing(run(database, "pg_restore", *archive, "--data-only", "--table=django_migrations"))
    _refuse_tables(database, replace)
    with tempfile.TemporaryFile() as said:
        if not _replayed(database, archive, said):
            raise ProgramError(first_error(said))
    return missing


def _refuse_tables(database: Database, replace: bool) -> None:
    if database.tables and PEOPLE not in database.tables:
        raise ProgramError("this database has tables, but not those of the service: restore into one of its own")
    if database.has_people and not replace:
        raise ProgramError(
            "this database has people, and restoring deletes everything in it. Keep a backup of it and what `manage.py "
            "erasures` prints, then add --replace"
        )


def _refuse_damaged(source: Path) -> None:
    try:
        with source.open("rb") as file:
            left = source.stat().st_size - SEAL_BYTES
            digest = hashlib.sha256()
            while left > 0 and (chunk := file.read(min(left, CHUNK_BYTES))):
                digest.update(chunk)
                left -= len(chunk)
            if file.read() != SEAL % digest.hexdigest().encode():
                raise ProgramError(f"{source} is damaged, or no backup that `manage.py backup` made")
    except OSError as error:
        raise ProgramError(f"{source}: {error.strerror}") from error


def _missing(script: bytes) -> list[str]:
    """The migrations that are known here, but not to a backup whose own are given as a script."""
    rows = re.findall(rb"^\d+\t(\w+)\t(\w+)\t", script, re.MULTILINE)
    applied = {(app.decode(), name.decode()) for app, name in rows}
    if FIRST_MIGRATION not in applied:
        raise ProgramError("this is not a backup of the service, or one of another schema")
    known = MigrationLoader(None).disk_migrations.keys()
    apps = {app for app, _ in known}
    if newer := sorted(migration for migration in applied - known if migration[0] in apps):
        raise ProgramError(
            f"this backup is of a newer version, whose {'.'.join(newer[0])} is not known here: install that version"
        )
    return sorted(".".join(migration) for migration in known - applied)


def _replayed(database: Database, archive: list[str | Path], said: IO[bytes]) -> bool:
    """Whether the archive was restored to its end. What went wrong is in `said`. Raises CommitUnknown."""
    whole = False
    options = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--set=VERBOSITY=terse", "--output=/dev/null"]
    with (
        started(database, "pg_restore", *archive, stdout=subprocess.PIPE, stderr=said) as script,
        started(database, "psql", *options, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said) as session,
        suppress(BrokenPipeError),  # the session has ended, and said why
    ):
        assert script.stdout and session.stdin and session.stdout
        with session.stdin:
            session.stdin.write(f"SET lock_timeout = {LOCK_MILLISECONDS};{_EMPTY}".encode())
            _copy(script.stdout, session.stdin, database.version)
            if script.wait() == 0:  # else the session ends without a commit, which takes all back
                session.stdin.write(b"\\echo done\n")
                session.stdin.flush()
                if session.stdout.readline():
                    put_off_stopping()
                    whole = True
                    session.stdin.write(b"COMMIT;\n")
    if whole and session.returncode not in (0, SCRIPT_FAILED):
        raise CommitUnknown(first_error(said))
    return whole and session.returncode == 0


def _copy(script: IO[bytes], session: IO[bytes], version: int) -> None:
    for line in script:
        if version < TRANSACTION_TIMEOUT_SINCE and line.startswith(b"SET transaction_timeout"):
            continue
        session.write(line)
        if line.startswith(b"SET row_security"):  # the last of the settings: what follows is data
            break
    shutil.copyfileobj(script, session, CHUNK_BYTES)
