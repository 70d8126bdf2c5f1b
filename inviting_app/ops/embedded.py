"""The service's own PostgreSQL, from a Python wheel, for when DATABASE_URL is not set.

It listens on a socket in a folder closed to others, on no network address. Only the programs of the wheel are used: as
root, its Python part would open folders above DATA_DIR to others.

PostgreSQL refuses to run as root, so root runs it as a system user, or as the owner of the data. `places` says where
the data and the socket are. Any number of first starts at once succeed, in one DATA_DIR too: one process runs
PostgreSQL, the others use it, and the one that runs it stops it after them.
"""

import fcntl
import logging
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import psycopg
from psycopg.conninfo import make_conninfo

from inviting_app.logs import one_line
from inviting_app.ops import files, places, roles, system_user
from inviting_app.ops.clusters import Cluster, ClusterError
from inviting_app.ops.programs import ProgramsMissing, die_with_parent, programs_for, programs_of_wheel

logger = logging.getLogger(__name__)

DATABASE = "inviting_app"
SCHEMA = "public"
# initdb needs one. Only this module connects as it: to make the database and to give each role its rights.
SUPERUSER = "postgres"
# The number in the name of its socket.
PORT = "5432"
START_SECONDS = 30.0
STOP_SECONDS = 3.0
ANOTHER_WAS_FASTER = (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation)
# Not the caller's variables: an unknown locale stops initdb, and PGPORT would move the socket.
ENVIRONMENT = {"LC_ALL": "C", "PATH": os.defpath}

OPTIONS = {
    "listen_addresses": "",
    "log_checkpoints": "off",
    # No phone in the log: it would stand in the details of an error, or in the statement that failed.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}


class EmbeddedError(Exception):
    """PostgreSQL cannot be started. The text is for the operator."""


class Embedded:
    """The PostgreSQL of one DATA_DIR."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.places = places.find(data_dir)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def home(self) -> Path:
        return self.places.home

    @property
    def cluster(self) -> Path:
        return self.places.cluster

    def settings(self, role: str = roles.SERVICE) -> dict[str, Any]:
        """Django's database settings for it."""
        where = {"NAME": DATABASE, "USER": role, "HOST": str(self.places.socket_dir), "PORT": PORT}
        return {**where, "OPTIONS": {"prepare_threshold": 3}}

    @contextmanager
    def running(self, *, wait_for_others: bool = True) -> Iterator[subprocess.Popen[bytes] | None]:
        """Run PostgreSQL in this context. Yields None if another process runs it. Raises EmbeddedError.

        At the end PostgreSQL is stopped. With `wait_for_others`, the processes that use it meanwhile may finish first.
        """
        with self._lock_file("users") as users, self._lock_file("lock") as lock:
            fcntl.flock(users, fcntl.LOCK_SH)
            if not self._is_first(lock):
                yield None
                return
            try:
                self.spawn()
                self._wait_until_ready()
                self._prepare_database()
                yield self.process
            finally:
                try:
                    if wait_for_others and self.process:
                        fcntl.flock(users, fcntl.LOCK_EX)
                finally:
                    self.stop()
                    self.places.remove_short()

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start it without waiting until it answers, which can take a while after a crash. Raises EmbeddedError."""
        try:
            places.choose(self.data_dir)
            self.places = places.find(self.data_dir)
            return self._spawn()
        except (ProgramsMissing, places.Unreachable, ClusterError) as error:
            raise EmbeddedError(str(error)) from error
        except PermissionError as error:
            advice = "run it as a plain user, or set DATABASE_URL" if system_user.is_root() else "set another DATA_DIR"
            raise EmbeddedError(f"PostgreSQL cannot be started here ({error}): {advice}") from error
        except (OSError, subprocess.SubprocessError) as error:
            raise EmbeddedError(f"PostgreSQL cannot be started: {error}") from error

    def upgrade(self, old_programs: Path) -> Path:
        """Move the data to this version of PostgreSQL. Returns the folder with the old data. Raises EmbeddedError."""
        with self._lock_file("lock") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise EmbeddedError("PostgreSQL runs: stop the service first") from None
            try:
                return self._on_disk().upgrade(old_programs)
            except (ProgramsMissing, places.Unreachable, ClusterError, OSError) as error:
                raise EmbeddedError(f"The database was not upgraded: {error}") from error
            finally:
                self.places.remove_short()

    def stop(self) -> None:
        """Shut down fast: clients are disconnected, committed data is kept."""
        for how in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            if self.process and self.process.poll() is None:
                # Root in a container without CAP_KILL may not signal it. Then it ends with this process.
                with suppress(subprocess.TimeoutExpired, PermissionError):
                    self.process.send_signal(how)
                    self.process.wait(STOP_SECONDS)
        self.process = None

    def _lock_file(self, name: str) -> BinaryIO:
        try:
            return open(files.open_regular(self.data_dir / name, os.O_WRONLY | os.O_APPEND | os.O_CREAT), "ab")
        except OSError as error:
            raise EmbeddedError(f"DATA_DIR: cannot write to {error.filename}: {error.strerror}") from error

    def _is_first(self, lock: BinaryIO) -> bool:
        """Whether this process is to run PostgreSQL. If not, another one runs it, and it answers."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            with suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            self.places = places.find(self.data_dir)
            with suppress(psycopg.OperationalError):
                self._connect().close()
                # Of a version before, which prepared less, if its `serve` loads this version.
                self._prepare_database()
                return False
            if time.monotonic() > deadline:
                raise EmbeddedError(f"PostgreSQL did not answer within {START_SECONDS:.0f} s")
            time.sleep(0.05)

    def _spawn(self) -> subprocess.Popen[bytes]:
        cluster = self._on_disk()
        cluster.make()
        options = [f"--{name}={value}" for name, value in OPTIONS.items()]
        with files.acting_as(*self.places.account()):
            log = self._open_log()
        with log:
            self.process = subprocess.Popen(
                [
                    cluster.programs / "postgres",
                    "-D",
                    self.places.cluster_argument,
                    "-k",
                    self.places.socket_dir,
                    *options,
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent(signal.SIGINT),
                **cluster.run_as,
            )
        return self.process

    def _on_disk(self) -> Cluster:
        """The data, its folders made, and who runs the programs."""
        self.places.make(self.data_dir)
        uid, gid = self.places.account()
        # In a session of its own, which Ctrl-C does not reach: `stop` ends it.
        run_as: dict[str, Any] = {"cwd": "/", "env": ENVIRONMENT, "start_new_session": True}
        if system_user.is_root():
            run_as |= system_user.run_as(uid, gid)
        return Cluster(self.places, programs_for(programs_of_wheel(), self.home), run_as, SUPERUSER, DATABASE)

    def _open_log(self) -> BinaryIO:
        """Open PostgreSQL's log. Something else of that name, such as a link or an older file of root, is set aside."""
        path, flags = self.home / "postgres.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT
        try:
            descriptor = files.open_regular(path, flags)
        except OSError:
            os.replace(path, path.with_suffix(".log.old"))
            descriptor = files.open_regular(path, flags | os.O_EXCL)
        return open(descriptor, "ab")

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self._connect().close()
                return
            except psycopg.OperationalError as error:
                if self.process is not None and self.process.poll() is not None:
                    raise EmbeddedError(f"PostgreSQL did not start: {self._last_line()}") from error
                if time.monotonic() > deadline:
                    raise EmbeddedError(f"PostgreSQL did not answer within {START_SECONDS:.0f} s") from error
            time.sleep(0.02)

    def _last_line(self) -> str:
        """The last line of PostgreSQL's log, for a terminal: its account may have made it say anything."""
        with files.acting_as(*self.places.account()), suppress(OSError):
            log = files.read_regular(self.home / "postgres.log").decode(errors="replace").strip()
            return one_line(log.rpartition("\n")[2]) or "it gave no reason"
        return "its log cannot be read"

    def _prepare_database(self) -> None:
        """Make the database and its roles. Of a version before, all belongs to the superuser: hand it over."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self._create_database()
                with self._connect(DATABASE) as superuser:
                    roles.separate(superuser, SCHEMA)
                    roles.close(superuser, ["postgres", "template1"])
                return
            except (psycopg.errors.LockNotAvailable, psycopg.ProgrammingError) as error:  # an older service may run
                if isinstance(error, psycopg.ProgrammingError) or time.monotonic() > deadline:
                    raise EmbeddedError(f"The database cannot be prepared: {one_line(str(error))}") from error

    def _create_database(self) -> None:
        with self._connect() as connection, suppress(*ANOTHER_WAS_FASTER):
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                connection.execute(f"CREATE DATABASE {DATABASE}")

    def _connect(self, database: str = "postgres") -> psycopg.Connection:
        """A session of the superuser, in which no code of others runs: not even a trigger of an older restore."""
        at = {"host": str(self.places.socket_dir), "port": PORT, "dbname": database, "user": SUPERUSER}
        options = "-c search_path=pg_catalog -c event_triggers=off"
        return psycopg.connect(make_conninfo(**at, options=options), connect_timeout=5, autocommit=True)
