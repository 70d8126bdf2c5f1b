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

from django.conf import settings
from django.db import OperationalError, connections
from psycopg import pq

from inviting_app.ops import embedded
from inviting_app.ops.embedded import EmbeddedError, die_with_parent, programs_of_wheel
from users.context import mask

PEOPLE = "users_user"
# Signals that ask a command to stop.
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

WEB_ASKED_SECONDS = 10
_WEB_SESSIONS = """
SELECT count(*) FROM pg_stat_activity
 WHERE datname = current_database() AND application_name = %s
   AND (NOT %s OR state <> 'idle' OR state_change > clock_timestamp() - make_interval(secs => %s))
"""


class ProgramError(Exception):
    """A program cannot do its work; the text is for the operator."""


@dataclass(frozen=True)
class Database:
    """The database at hand, and the way there."""

    # Of the environment: a command line, with a password, could be read by every user of the machine.
    variables: dict[str, str]

    # Of the server, without what comes after the dot.
    version: int

    schema: str
    tables: frozenset[str]
    has_people: bool
    # Of web processes; behind a pooler, which keeps its sessions, those of the last WEB_ASKED_SECONDS.
    web_sessions: int


def at_hand() -> Database:
    """By a connection round any pooler, as the worker has it. Raises ProgramError."""
    way: Any = connections[settings.DIRECT_DATABASE].copy()
    pooled = settings.DIRECT_DATABASE != "default"
    try:
        with closing(way), way.cursor() as cursor:
            cursor.execute("SELECT current_schema()")
            schema = cursor.fetchone()[0]
            tables = frozenset(way.introspection.table_names(cursor))
            if has_people := PEOPLE in tables:
                cursor.execute("SELECT EXISTS (SELECT FROM users_user)")
                has_people = cursor.fetchone()[0]
            cursor.execute(_WEB_SESSIONS, [settings.WEB_APPLICATION_NAME, pooled, WEB_ASKED_SECONDS])
            web_sessions = cursor.fetchone()[0]
            return Database(_variables(way), way.pg_version // 10_000, schema, tables, has_people, web_sessions)
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
    # In a session of its own a terminal's Ctrl-C reaches this process alone, which then ends the program.
    how: Any = {"start_new_session": True, "preexec_fn": die_with_parent(signal.SIGKILL)}
    with subprocess.Popen(command, env=variables, **how, **streams) as process:
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
    return mask(embedded.first_error(said.read().decode(errors="replace")))


@contextmanager
def stopping_in_order() -> Iterator[None]:
    """Have the signals that ask a command to stop undo what it is at, as any exception does."""
    heeded = [number for number in STOPS if signal.getsignal(number) != signal.SIG_IGN]  # not those of `nohup`
    before = {number: signal.signal(number, _exit) for number in heeded}
    try:
        yield
    finally:
        for number in before:
            signal.signal(number, signal.SIG_IGN)  # forgets one that was put off
        stop_again()
        for number, handler in before.items():
            signal.signal(number, handler)


def put_off_stopping() -> None:
    """Have the signals that ask to stop wait until `stop_again`."""
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)


def stop_again() -> None:
    """A signal that came meanwhile is obeyed now."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)


def _exit(number: int, frame: Any) -> NoReturn:
    sys.exit(128 + number)
