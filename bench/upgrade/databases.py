"""From an older PostgreSQL to that of the wheel: by logical replication under load, and by `upgrade_database`."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import cycle, pairwise
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings

from bench import dataset
from bench.drills import evidence
from bench.drills.env import Skipped
from bench.drills.users import OK, STEPS, VirtualUsers
from bench.env import Env, say
from inviting_app.ops import files, system_user
from inviting_app.ops.embedded import DATABASE, SUPERUSER, Embedded
from inviting_app.ops.programs import programs_for, programs_of_wheel
from tests.support.environment import NAMES
from tests.support.ports import free_port
from tests.support.service import service_folder

OLD = Path(os.environ.get("OLD_POSTGRES", "/usr/lib/postgresql/15/bin"))
USERS = 6
BEFORE_SECONDS = 5.0
SYNC_SECONDS = 1800
KEY = "a key of the drill of upgrades, which signs nothing else"

_COPIED = "SELECT count(*) FILTER (WHERE srsubstate <> 'r') = 0 AND count(*) > 0 FROM pg_subscription_rel"
_TABLES = "SELECT string_agg(format('%I', tablename), ', ') FROM pg_tables WHERE schemaname = 'public'"
_WITHOUT_KEY = """
SELECT relname FROM pg_class AS this WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
   AND NOT EXISTS (SELECT 1 FROM pg_index WHERE indrelid = this.oid AND indisprimary)
"""
_SEQUENCES = "SELECT format('%I', sequencename), last_value FROM pg_sequences WHERE last_value IS NOT NULL"
_BEHIND = "SELECT count(*) FROM pg_stat_replication WHERE replay_lsn < %s OR replay_lsn IS NULL"


@dataclass
class Server:
    """A PostgreSQL on a port of the loopback address, which trusts everybody there."""

    programs: Path
    data: Path
    port: int
    account: dict[str, Any]

    def run(self, program: str, *arguments: str) -> None:
        command = [str(self.programs / program), "-D", str(self.data), *arguments]
        subprocess.run(
            command, check=True, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, **self.account
        )

    @property
    def url(self) -> str:
        return f"postgresql://{SUPERUSER}@127.0.0.1:{self.port}/{DATABASE}"

    def connect(self, **more: Any) -> psycopg.Connection[Any]:
        return psycopg.connect(self.url, autocommit=True, **more)


@contextmanager
def _server(programs: Path, folder: Path, name: str) -> Iterator[Server]:
    if not (programs / "postgres").exists():
        raise Skipped(f"there is no PostgreSQL in {programs}: apt-get install postgresql-15, or OLD_POSTGRES")
    user = system_user.make() if system_user.is_root() else None
    account = system_user.run_as(user.pw_uid, user.pw_gid) if user else {}
    files.make_private(folder / name, (user.pw_uid, user.pw_gid) if user else None)
    server = Server(programs, folder / name / "data", free_port(), account)
    server.run("initdb", "-U", SUPERUSER, "--auth=trust", "--no-locale", "-E", "UTF8")
    options = f"-p {server.port} -k {folder / name} -c wal_level=logical -c max_connections=200"
    server.run("pg_ctl", "start", "-w", "-l", str(folder / name / "log"), "-o", options)
    try:
        with psycopg.connect(server.url.replace(f"/{DATABASE}", "/postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {DATABASE}")
        yield server
    finally:
        server.run("pg_ctl", "stop", "-m", "fast")


class Moving(Env):
    """A service that can be started again with another database, on the same port."""

    def move(self, url: str) -> None:
        self._variables["DATABASE_URL"] = url
        self.start()


def logical(people: int) -> tuple[bool, str]:
    with ExitStack() as stack:
        folder = stack.enter_context(service_folder())
        old = stack.enter_context(_server(OLD, folder, "old"))
        new = stack.enter_context(_server(programs_for(programs_of_wheel(), folder), folder, "new"))
        for server in (old, new):
            _manage("migrate", "--noinput", "--verbosity", "0", DATABASE_URL=server.url, SECRET_KEY=KEY)
        with old.connect() as database:
            dataset.fill(database, people)
        on = Moving(stack, DATABASE_URL=old.url, SMS_PER_DAY="1000000000")
        on.ports = cycle([on.service.port])
        users = VirtualUsers(on.client, on.inboxes, USERS)
        with users.at_work():
            time.sleep(BEFORE_SECONDS)
            copied = _subscribe(old, new)
            say(f"copied in {copied:.0f} s")
            began = time.monotonic()
            on.service.stop()
            _switch(old, new)
            on.move(new.url)
            moved = time.monotonic()
            while len(users.recovered(moved)) < len(STEPS) and time.monotonic() < moved + 60:
                time.sleep(0.1)
        with new.connect() as database:
            lost = evidence.lost(users, database)
        away = _away(users, began)
        words = f"{people:,} people copied in {copied:.0f} s while served; then writes were away for {away:.1f} s"
        return not lost, f"{words}; acknowledged and lost {lost}"


def _away(users: VirtualUsers, since: float) -> float:
    """The longest time without a successful sign-up."""
    good = sorted(call.ended for call in users.calls if (call.step, call.outcome) == ("sign-up", OK))
    return max(after - before for before, after in pairwise(good) if after > since)


def _subscribe(old: Server, new: Server) -> float:
    """Copy all rows, and then each change. Returns the seconds that the copy took."""
    began = time.monotonic()
    with old.connect() as source, new.connect() as target:
        for (table,) in source.execute(_WITHOUT_KEY).fetchall():
            source.execute(f"ALTER TABLE {table} REPLICA IDENTITY FULL")
        # What migrate has written there.
        (tables,) = target.execute(_TABLES).fetchone() or ("",)
        target.execute(f"TRUNCATE {tables}")
        source.execute("CREATE PUBLICATION upgrade FOR ALL TABLES")
        target.execute(f"CREATE SUBSCRIPTION upgrade CONNECTION '{old.url}' PUBLICATION upgrade")
        while target.execute(_COPIED).fetchone() != (True,):
            assert time.monotonic() < began + SYNC_SECONDS, "the copy takes too long"
            time.sleep(0.2)
        target.execute("ANALYZE")
        return time.monotonic() - began


def _switch(old: Server, new: Server) -> None:
    """Nobody writes any more: wait for the last change, then set the sequences, which are not replicated."""
    with old.connect() as source, new.connect() as target:
        (end,) = source.execute("SELECT pg_current_wal_lsn()").fetchone() or ("",)
        while source.execute(_BEHIND, [end]).fetchone() != (0,):
            time.sleep(0.05)
        for name, value in source.execute(_SEQUENCES).fetchall():
            target.execute("SELECT setval(%s, %s)", [name, value])
        target.execute("DROP SUBSCRIPTION upgrade")


def by_command(people: int) -> tuple[bool, str]:
    with service_folder() as folder:
        embedded = Embedded(folder)
        embedded.places.make(folder)
        with _server(OLD, folder, "made") as old:
            _manage("migrate", "--noinput", "--verbosity", "0", DATABASE_URL=old.url, SECRET_KEY=KEY)
            with old.connect() as database:
                dataset.fill(database, people)
                (size,) = database.execute(f"SELECT pg_database_size('{DATABASE}')").fetchone() or (0,)
        old.data.rename(embedded.cluster)
        began = time.monotonic()
        _manage("upgrade_database", str(OLD), DATA_DIR=str(folder))
        upgraded = time.monotonic()
        with embedded.running():
            started = time.monotonic()
            with psycopg.connect(**_superuser(embedded)) as database:
                found = database.execute("SELECT count(*) FROM users_user").fetchone()
        words = (
            f"{people:,} people, {size / 1e6:.0f} MB: {upgraded - began:.1f} s, and {started - upgraded:.1f} s to start"
        )
        return found == (people,), words


def _superuser(embedded: Embedded) -> dict[str, Any]:
    at = embedded.settings(SUPERUSER)
    return {"host": at["HOST"], "user": at["USER"], "dbname": at["NAME"]}


def _manage(*arguments: str, **variables: str) -> None:
    clean = {**os.environ, **dict.fromkeys(NAMES, ""), **variables}
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=settings.BASE_DIR, env=clean, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
