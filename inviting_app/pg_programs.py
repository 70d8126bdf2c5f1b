"""PostgreSQL's programs, for the database of the service.

The wheel's are used for any server that is not newer than they are: they are always there. For a newer one those on
PATH are.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NoReturn

from django.db import OperationalError, connection
from psycopg import pq

from inviting_app import environment
from inviting_app.embedded import EmbeddedError, die_with_parent, programs_of_wheel
from inviting_app.logs import mask

PEOPLE = "users_user"


class ProgramError(Exception):
    """A program cannot do its work; the text is for the operator."""


@dataclass(frozen=True)
class Database:
    """The database at hand, and the way there."""

    variables: dict[str, str]
    """Of the environment: a command line, with a password, could be read by every user of the machine."""

    version: int
    """Of the server, without what comes after the dot."""

    schema: str
    tables: frozenset[str]
    has_people: bool


def at_hand() -> Database:
    """By a connection round any pooler, as the worker has it. Raises ProgramError."""
    way: Any = connection.copy()
    if environment.WORKER_DATABASE != environment.DATABASE:
        way.settings_dict |= environment.WORKER_DATABASE or {}
    try:
        with closing(way), way.cursor() as cursor:
            cursor.execute("SELECT current_schema()")
            schema = cursor.fetchone()[0]
            tables = frozenset(way.introspection.table_names(cursor))
            if has_people := PEOPLE in tables:
                cursor.execute("SELECT EXISTS (SELECT FROM users_user)")
                has_people = cursor.fetchone()[0]
            return Database(_variables(way), way.pg_version // 10_000, schema, tables, has_people)
    except OperationalError as error:
        raise ProgramError(f"the database does not answer: {str(error).splitlines()[0]}") from error


def _variables(way: Any) -> dict[str, str]:
    names = {option.keyword: option.envvar for option in pq.Conninfo.get_defaults() if option.envvar}
    given = {name.encode(): value for name, value in way.get_connection_params().items()}
    return {names[name].decode(): str(value) for name, value in given.items() if name in names}


def run(database: Database, program: str, *arguments: str | Path) -> bytes:
    """What the program writes to its standard output. Raises ProgramError."""
    with tempfile.TemporaryFile() as said:
        with started(database, program, *arguments, stdout=subprocess.PIPE, stderr=said) as process:
            written = process.communicate()[0]
        if process.returncode:
            raise ProgramError(first_error(said))
        return written


@contextmanager
def started(
    database: Database, program: str, *arguments: str | Path, **streams: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """A program of PostgreSQL that does not outlive what is done with it."""
    command = [_folder(database.version) / program, *arguments]
    variables = {**os.environ, **database.variables}
    ends_too = die_with_parent(signal.SIGKILL)
    with subprocess.Popen(command, env=variables, preexec_fn=ends_too, **streams) as process:
        try:
            yield process
        except BaseException:
            process.kill()
            raise


def _folder(version: int) -> Path:
    """Where programs are that know a server of this version."""
    newest = 0
    for folder in _folders():
        told = subprocess.run([folder / "pg_dump", "--version"], capture_output=True, text=True).stdout
        if found := re.search(r" (\d+)", told):
            newest = max(newest, int(found[1]))
        if newest >= version:
            return folder
    here = f"pg_dump is of version {newest}" if newest else "there is no pg_dump"
    raise ProgramError(f"the server is PostgreSQL {version}, and here {here}: put PostgreSQL {version}'s on PATH")


def _folders() -> Iterator[Path]:
    with suppress(EmbeddedError):
        yield programs_of_wheel()
    if found := shutil.which("pg_dump"):
        yield Path(found).parent


def first_error(said: IO[bytes]) -> str:
    """The first error of PostgreSQL's programs in one line, without phones: a row's values may stand in it."""
    said.seek(0)
    lines = said.read().decode(errors="replace").strip().splitlines() or ["PostgreSQL's program said nothing"]
    return mask(next((line for line in lines if "error:" in line.lower()), lines[-1]))


@contextmanager
def stopping_in_order() -> Iterator[None]:
    """Have the signals that ask a command to stop undo what it is at, as any exception does."""
    before = {number: signal.signal(number, _exit) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _exit(number: int, frame: Any) -> NoReturn:
    sys.exit(128 + number)
