"""The embedded PostgreSQL's data moves to another major version, and back."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from inviting_app.ops import files, roles, system_user
from inviting_app.ops.embedded import DATABASE, SCHEMA, SUPERUSER, Embedded, EmbeddedError
from inviting_app.ops.programs import programs_of_wheel
from tests.support.service import service_folder

# Debian's, or another one.
OLD = Path(os.environ.get("OLD_POSTGRES", "/usr/lib/postgresql/15/bin"))
# Minor releases since November 2026 note this at each column. Older ones do not know it.
NOTE = b"pg_attver"


@pytest.fixture
def data() -> Iterator[Path]:
    with service_folder() as folder:
        yield folder


def write_version(data: Path, version: str) -> None:
    cluster = data / "postgres" / "cluster"
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text(f"{version}\n")
    shutil.chown(cluster, *Embedded(data).places.account())


def test_data_of_an_older_version_names_the_command(data: Path) -> None:
    write_version(data, "15")

    with pytest.raises(EmbeddedError, match=r"the data is of PostgreSQL 15, .* Run `manage.py upgrade_database`"):
        Embedded(data).spawn()


def test_data_of_a_newer_version_asks_for_that_version(data: Path) -> None:
    write_version(data, "99")

    with pytest.raises(EmbeddedError, match=r"the data is of PostgreSQL 99, .* install the newer version again"):
        Embedded(data).spawn()


@pytest.mark.parametrize(
    ("version", "reason"), [("", "nothing to do"), ("99", "nothing to do"), ("15", "cannot be run")]
)
def test_upgrade_that_is_not_possible_changes_nothing(data: Path, version: str, reason: str) -> None:
    if version:
        write_version(data, version)
    before = sorted(data.rglob("PG_VERSION"))

    with pytest.raises(EmbeddedError, match=f"The database was not upgraded: .*{reason}"):
        Embedded(data).upgrade(Path("/none"))

    assert sorted(data.rglob("PG_VERSION")) == before


def test_upgrade_that_was_ended_before_its_last_step_is_finished(data: Path) -> None:
    embedded = Embedded(data)
    at: dict[str, Any] = {"host": str(embedded.places.socket_dir), "user": SUPERUSER, "dbname": DATABASE}
    with embedded.running(), psycopg.connect(**at) as database:
        database.execute("CREATE TABLE kept ()")
    embedded.cluster.rename(embedded.cluster.with_name("cluster.upgraded"))

    with embedded.running(), psycopg.connect(**at) as database:
        assert database.execute("SELECT to_regclass('kept')").fetchone() == ("kept",)


def test_running_database_is_not_upgraded(data: Path) -> None:
    embedded = Embedded(data)

    with embedded.running(), pytest.raises(EmbeddedError, match="PostgreSQL runs: stop the service first"):
        Embedded(data).upgrade(Path("/none"))


class Old:
    """An old PostgreSQL in a DATA_DIR, with a table of a thousand rows."""

    def __init__(self, data: Path) -> None:
        self.embedded = Embedded(data)
        self.embedded.places.make(data)
        self.account = self.embedded.places.account()
        self.at = {"host": str(self.embedded.places.socket_dir), "user": SUPERUSER}
        self.run("initdb", "-U", SUPERUSER, "--auth=trust", "--no-locale", "-E", "UTF8")
        self.start()
        with psycopg.connect(**self.at, dbname="postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {DATABASE}")
        with psycopg.connect(**self.at, dbname=DATABASE) as connection:
            connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS number")

    def run(self, program: str, *arguments: str) -> None:
        uid, gid = self.account
        run_as: dict[str, Any] = system_user.run_as(uid, gid) if os.geteuid() == 0 else {}
        command = [str(OLD / program), "-D", str(self.embedded.cluster), *arguments]
        subprocess.run(command, check=True, cwd="/", stdout=subprocess.DEVNULL, **run_as)

    def start(self) -> None:
        listen = f"-c listen_addresses='' -k {self.embedded.places.socket_dir}"
        self.run("pg_ctl", "start", "-w", "-l", os.devnull, "-o", listen)

    def stop(self, how: str = "fast") -> None:
        self.run("pg_ctl", "stop", "-m", how)

    def found(self) -> object:
        with psycopg.connect(**self.at, dbname=DATABASE) as connection:
            return connection.execute("SELECT count(*), split_part(version(), '.', 1) FROM kept").fetchone()


@pytest.mark.long
@pytest.mark.skipif(not OLD.exists(), reason="needs an older PostgreSQL, such as Debian's")
@pytest.mark.parametrize("end", ["fast", "immediate"])
def test_upgrade_keeps_the_data_and_the_way_back(data: Path, end: str) -> None:
    old = Old(data)
    old.stop(end)

    if NOTE in (OLD / "postgres").read_bytes() and NOTE not in (programs_of_wheel() / "postgres").read_bytes():
        # The new version is the older release, and pg_upgrade refuses.
        with pytest.raises(EmbeddedError, match=r"The database was not upgraded: pg_upgrade failed.*pg_attver"):
            Embedded(data).upgrade(OLD)
    else:
        kept = Embedded(data).upgrade(OLD)

        with Embedded(data).running():
            assert old.found() == (1000, "PostgreSQL 18")
        with files.acting_as(*old.account):
            old.embedded.cluster.rename(old.embedded.home / "cluster.18")
            kept.rename(old.embedded.cluster)

    old.start()
    assert old.found() == (1000, "PostgreSQL 15")
    old.stop()


# Made by the role that restores backups. Each calls `{function}` when pg_upgrade makes it again.
CODE = {
    "a domain": """
        CREATE DOMAIN checked AS text CHECK ({function}(VALUE));
        CREATE TABLE hostile (a checked[] DEFAULT '{{x}}'::checked[]);
    """,
    "a condition": """
        CREATE TABLE whole (a int) PARTITION BY LIST (a);
        CREATE TABLE hostile (a int CHECK ({function}('x')));
        ALTER TABLE whole ATTACH PARTITION hostile FOR VALUES IN (1);
    """,
}


@pytest.mark.long
@pytest.mark.skipif(not OLD.exists(), reason="needs an older PostgreSQL, such as Debian's")
@pytest.mark.parametrize("code", CODE.values(), ids=CODE)
def test_code_of_the_database_does_not_run_as_the_superuser(data: Path, code: str) -> None:
    old = Old(data)
    with psycopg.connect(**old.at, dbname=DATABASE, autocommit=True) as superuser:
        roles.separate(superuser, SCHEMA)
    with psycopg.connect(**old.at | {"user": roles.OWNER}, dbname=DATABASE) as owner:
        owner.execute(
            "CREATE FUNCTION hostile(text) RETURNS bool IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN true; END'"
        )
        owner.execute(code.format(function="hostile"))  # type: ignore[arg-type]
    old.stop()

    with pytest.raises(EmbeddedError, match="The database was not upgraded: the database has domains, or functions"):
        Embedded(data).upgrade(OLD)

    old.start()
    assert old.found() == (1000, "PostgreSQL 15")
    old.stop()
