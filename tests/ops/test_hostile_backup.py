"""Code in a backup runs without rights: as the owner of the tables, who is no superuser, and never as root."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings

from inviting_app.ops import places, roles
from inviting_app.ops.embedded import DATABASE, SUPERUSER, Embedded
from inviting_app.ops.programs import programs_of_wheel
from tests.support.environment import NAMES
from tests.support.service import prepared_folder, service_folder

pytestmark = pytest.mark.skipif(not settings.EMBEDDED_POSTGRES, reason="the roles of another server are its owner's")

# Each is tried by a function in the backup. `{mark}` is a file that would prove that a program ran.
TRIED = {
    "read a file": "PERFORM pg_read_file('PG_VERSION')",
    "list a folder": "PERFORM pg_ls_dir('.')",
    "run a program": "COPY (SELECT 1) TO PROGRAM 'touch {mark}'",
    "read from a program": "CREATE TABLE got (a text); COPY got FROM PROGRAM 'touch {mark}; id'",
    "write a file": "COPY (SELECT 1) TO '{mark}'",
    "export an object": "PERFORM lo_export(lo_from_bytea(0, 'x'), '{mark}')",
    "become the superuser": "SET ROLE postgres",
    "go back to the superuser": "RESET ROLE; CREATE ROLE mine SUPERUSER",
    "another session": "SET SESSION AUTHORIZATION postgres",
    "back to the first session": "RESET SESSION AUTHORIZATION; CREATE ROLE mine SUPERUSER",
    "make a superuser": "ALTER ROLE inviting_app_owner SUPERUSER",
    "make the service a superuser": "ALTER ROLE inviting_app_service SUPERUSER",
    "join the readers of files": "GRANT pg_read_server_files TO inviting_app_owner",
    "read passwords": "PERFORM rolpassword FROM pg_authid",
    "a language that can do anything": "CREATE EXTENSION plpython3u",
    "connect elsewhere": "CREATE EXTENSION dblink",
    "a trusted extension": "CREATE EXTENSION hstore",
    "a trigger of the whole database": "CREATE EVENT TRIGGER mine ON sql_drop EXECUTE FUNCTION public.nothing()",
    "change the database": "ALTER DATABASE inviting_app SET session_preload_libraries = 'auto_explain'",
    "load a library": "LOAD '/tmp/mine.so'",
    "a function of a library": "CREATE FUNCTION mine() RETURNS int LANGUAGE c AS '/tmp/mine.so', 'mine'",
}
EVIL = """
CREATE OR REPLACE FUNCTION public.evil(place text) RETURNS int LANGUAGE plpgsql AS $evil$
BEGIN
{attempts}
  RETURN 1;
END $evil$;
"""
ATTEMPT = """
  BEGIN {statement};
    INSERT INTO public.loot VALUES (place, {what}, 'succeeded', current_user || session_user);
  EXCEPTION WHEN OTHERS THEN
    INSERT INTO public.loot VALUES (place, {what}, SQLSTATE, current_user || session_user); END;
"""
# Where the backup has it called: while it is restored, and later.
CALLED = """
CREATE TABLE public.loot (place text, what text, outcome text, who text);
CREATE FUNCTION public.nothing() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE FUNCTION public.hidden(place text) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
  'BEGIN RETURN public.evil(place); END';
CREATE FUNCTION public.on_insert() RETURNS trigger LANGUAGE plpgsql AS
  $on$ BEGIN PERFORM public.evil('trigger'); RETURN new; END $on$;
CREATE MATERIALIZED VIEW public.now AS SELECT public.evil('materialized view') AS done;
CREATE TABLE public.indexed (a text CHECK (public.hidden('check') = 1));
INSERT INTO public.indexed VALUES ('index');
CREATE INDEX later ON public.indexed (public.hidden(a));
CREATE TRIGGER evil BEFORE INSERT ON public.users_user FOR EACH ROW EXECUTE FUNCTION public.on_insert();
"""
# Statements of the archive itself, in place of that comment's.
IN_THE_ARCHIVE = {
    "copy to a program": "COPY (SELECT 1) TO PROGRAM 'touch {mark}'",
    "the role of the superuser": "RESET SESSION AUTHORIZATION; SET ROLE postgres",
    "the session of the superuser": "SET SESSION AUTHORIZATION postgres",
    "after the end of the transaction": "COMMIT; SELECT pg_reload_conf()",
    "an extension": "CREATE EXTENSION dblink SCHEMA public",
}
SPACE = "x" * 300


@pytest.fixture(scope="module")
def mark() -> Iterator[Path]:
    path = Path(f"/tmp/inviting_app-ran-{os.getpid()}")  # a file that PostgreSQL's account could make
    yield path
    path.unlink(missing_ok=True)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory, mark: Path) -> bytes:
    """A backup by somebody who is the superuser of their own server."""
    file = tmp_path_factory.mktemp("hostile") / "backup"
    attempts = "".join(
        ATTEMPT.format(statement=statement.format(mark=mark), what=f"'{what}'") for what, statement in TRIED.items()
    )
    with prepared_folder() as folder:
        postgres = Embedded(folder / "data")
        with postgres.running():
            at = {"host": str(postgres.places.socket_dir), "dbname": DATABASE, "user": SUPERUSER}
            with psycopg.connect(**at, autocommit=True) as attacker:  # type: ignore[arg-type]
                # Not on the attacker's own server.
                attacker.execute(EVIL.format(attempts=""))  # type: ignore[arg-type]
                attacker.execute(CALLED)
                attacker.execute(EVIL.format(attempts=attempts))  # type: ignore[arg-type]
                attacker.execute(f"COMMENT ON TABLE public.loot IS '{SPACE}'")  # type: ignore[arg-type]
            dump = [
                programs_of_wheel() / "pg_dump",
                f"--host={at['host']}",
                f"--username={SUPERUSER}",
                "--format=custom",
            ]
            subprocess.run([*dump, "--schema=public", f"--file={file}", DATABASE], check=True)
    return file.read_bytes()


def with_statement(backup: bytes, statement: str) -> bytes:
    """The backup with another statement of the same length in place of a comment's."""
    place = f"COMMENT ON TABLE public.loot IS '{SPACE}';".encode()
    assert place in backup
    return backup.replace(place, (statement + ";").encode().ljust(len(place)))


def manage(data: Path, *command: str) -> tuple[int, str]:
    environment = {**os.environ, **dict.fromkeys(NAMES, ""), "DATA_DIR": str(data)}
    ended = subprocess.run(
        [sys.executable, "manage.py", *command], cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True
    )
    return ended.returncode, ended.stdout + ended.stderr


@pytest.fixture
def data() -> Iterator[Path]:
    """A folder for data."""
    with service_folder() as folder:
        yield folder / "data"


@contextmanager
def session(data: Path, role: str) -> Iterator[psycopg.Connection[Any]]:
    places.choose(data)
    postgres = Embedded(data)
    with postgres.running():
        where = f"host={postgres.places.socket_dir} dbname={DATABASE} user={role}"
        with psycopg.connect(where, autocommit=True) as opened:
            yield opened


@pytest.mark.long
def test_code_in_a_backup_runs_as_the_owner_and_then_as_the_service_without_their_having_rights(
    data: Path, hostile: bytes, mark: Path
) -> None:
    file = data.with_name("backup")
    file.write_bytes(hostile)
    file.chmod(0o600)  # root reads it, and PostgreSQL's account, which restores it, could not

    status, printed = manage(data, "restore", str(file))

    assert (status, "Restored: " in printed) == (0, True), printed
    with session(data, roles.SERVICE) as service:
        service.execute("INSERT INTO users_user (phone) VALUES ('+79991110001')")
    with session(data, SUPERUSER) as superuser:
        places_called = dict(superuser.execute("SELECT DISTINCT place, who FROM loot").fetchall())
        succeeded = superuser.execute("SELECT place, what FROM loot WHERE outcome = 'succeeded'").fetchall()
        others = superuser.execute("SELECT rolname FROM pg_roles WHERE rolsuper").fetchall()
    owner, by_service = roles.OWNER * 2, roles.SERVICE * 2
    expected = {"materialized view": owner, "check": owner, "index": owner, "trigger": by_service}
    assert (places_called, succeeded, others) == (expected, [], [(SUPERUSER,)])
    assert not mark.exists()


@pytest.mark.long
@pytest.mark.parametrize("statement", IN_THE_ARCHIVE.values(), ids=IN_THE_ARCHIVE)
def test_statement_of_the_archive_that_needs_rights_stops_the_restore(
    data: Path, hostile: bytes, mark: Path, statement: str
) -> None:
    file = data.with_name("backup")
    file.write_bytes(with_statement(hostile, statement.format(mark=mark)))

    status, printed = manage(data, "restore", str(file))

    assert status == 1 and "The backup was not restored: " in printed and "permission denied" in printed, printed
    assert not mark.exists()
