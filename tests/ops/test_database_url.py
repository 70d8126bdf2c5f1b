"""A DATABASE_URL is used as it is written, and each thing that can be wrong with it has its own line and advice."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest
from django.conf import settings

from inviting_app import env
from inviting_app.ops import checks_database, database_errors, embedded
from inviting_app.ops.embedded import Embedded
from tests.support.environment import NAMES
from tests.support.ports import free_port
from tests.support.service import service_folder, with_static_files

pytestmark = pytest.mark.skipif(not settings.EMBEDDED_POSTGRES, reason="the tests use another PostgreSQL")

KEY = "a key for these tests, and it is long enough"
# Only `me` needs a password, and `stranger` may not come in at all.
HBA = """
local all all trust
host all postgres,weak 127.0.0.1/32 trust
host all me,norole,mine_owner,mine_service 127.0.0.1/32 scram-sha-256
"""
SETUP = """
CREATE ROLE me LOGIN PASSWORD 'hunter2'
CREATE ROLE weak LOGIN
CREATE DATABASE closed
REVOKE CONNECT ON DATABASE closed FROM public
CREATE SCHEMA own AUTHORIZATION me
CREATE DATABASE two_roles
SELECT pg_reload_conf()
"""


class Server(NamedTuple):
    """A PostgreSQL that asks for passwords."""

    address: str
    socket: str
    port: str


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    port = str(free_port())
    with pytest.MonkeyPatch.context() as patch, service_folder() as folder:
        patch.setattr(embedded, "PORT", port)
        patch.setitem(embedded.OPTIONS, "port", port)
        patch.setitem(embedded.OPTIONS, "listen_addresses", "127.0.0.1")
        postgres = Embedded(folder)
        with postgres.running():
            at = {"host": str(postgres.places.socket_dir), "port": port, "user": "postgres", "dbname": "inviting_app"}
            (postgres.cluster / "pg_hba.conf").write_text(HBA)
            with psycopg.connect(**at, autocommit=True) as session:  # type: ignore[arg-type]
                for statement in SETUP.strip().splitlines():
                    session.execute(statement)
            yield Server(f"127.0.0.1:{port}", str(postgres.places.socket_dir), port)


@pytest.fixture(scope="module")
def pooler(server: Server) -> Iterator[str]:
    """Host and port of a PgBouncer in front of it that refuses the options of a connection."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if not program:
        pytest.skip("pgbouncer is not installed")
    port = free_port()
    with service_folder() as folder:
        file = folder / "pgbouncer.ini"
        file.write_text(
            f"[databases]\n* = host=127.0.0.1 port={server.port} user=postgres\n"
            f"[pgbouncer]\nlisten_addr=127.0.0.1\nlisten_port={port}\nauth_type=any\nunix_socket_dir=\n"
        )
        file.chmod(0o644)
        as_other = {"user": 65534, "group": 65534} if os.geteuid() == 0 else {}
        process = subprocess.Popen([program, "-q", file], stderr=subprocess.DEVNULL, **as_other)  # type: ignore[call-overload]
        url = f"postgresql://me@127.0.0.1:{port}/inviting_app"
        while process.poll() is None:
            with suppress(psycopg.OperationalError):
                psycopg.connect(url).close()
                break
            time.sleep(0.05)
        yield f"127.0.0.1:{port}"
        process.terminate()
        process.wait()


def run(command: str, url: str, folder: Path, **variables: str) -> tuple[int, str]:
    """The status of a command of manage.py, and what it prints."""
    given = {"PATH": os.environ["PATH"], "DATA_DIR": str(folder), "DATABASE_URL": url, "SECRET_KEY": KEY}
    done = subprocess.run(
        [sys.executable, "manage.py", *command.split()],
        cwd=settings.BASE_DIR,
        env={**dict.fromkeys(NAMES, ""), **given, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return done.returncode, done.stdout


# The URL with {server} or {pooler}, a part of the database's own line, and a part of the advice.
WRONG = {
    "password": ("postgresql://me:wrong-one@{server}/inviting_app", "password authentication failed", "user and passw"),
    "rights": ("postgresql://weak@{server}/inviting_app", "permission denied for schema public", "OWNER TO"),
    "schema": ("postgresql://weak@{server}/inviting_app?options=-csearch_path%3Dnone", "schema", "CREATE"),
    "pooler": (
        "postgresql://me@{pooler}/inviting_app", "unsupported startup parameter", "A pooler refuses the options",
    ),
}  # fmt: skip
NO_CONNECTION = {
    "postgresql://me@{server}/inviting_app": ("no password supplied", "Check user and password"),
    "postgresql://me:wrong@{server}/inviting_app": ("password authentication failed", "Check user and password"),
    "postgresql://stranger@{server}/inviting_app": ("no pg_hba.conf entry", "does not let this user in"),
    "postgresql://weak@{server}/closed": ('permission denied for database "closed"', "GRANT CONNECT"),
    "postgresql://weak@{server}/nothing": ('database "nothing" does not exist', "create the database"),
    "postgresql://weak@{server}/inviting_app?options=-cfoo%3D1": ("unrecognized conf", "Check the options"),
    "postgresql://weak@{server}/inviting_app?sslmode=require": ("does not support SSL", "Check sslmode"),
    "postgresql://weak@{server}/inviting_app?target_session_attrs=standby": ("hot standby", "takes no writes"),
    "postgresql://me@127.0.0.1:{closed}/inviting_app": ("Connection refused", "Nothing listens there"),
    "postgresql://me@no-such-host.invalid/inviting_app": ("failed to resolve host", "Check the host in"),
    "postgresql:///inviting_app?host=/nonexistent": ("No such file or directory", "listens at this socket"),
    "postgresql://norole@/inviting_app?host={socket}&port={port}": ('role "norole" does not exist', "CREATE ROLE"),
}


@pytest.mark.long
@pytest.mark.parametrize(("command", "error"), [*(("prepare", error) for error in WRONG), ("doctor", "schema")])
def test_each_error_has_a_line_of_its_own(
    tmp_path: Path, request: pytest.FixtureRequest, server: Server, command: str, error: str
) -> None:
    url, cause, advice = WRONG[error]
    at = request.getfixturevalue("pooler") if "{pooler}" in url else ""

    status, printed = run(command, url.format(server=server.address, pooler=at), tmp_path)

    assert status == 1
    if command == "prepare":
        lines = printed.splitlines()
        assert len(lines) == 1 and "inviting_app cannot start. The database: " in lines[0]
    else:
        [line] = [line for line in printed.splitlines() if line.startswith("ERROR ") and cause in line]
        lines = [line, printed.partition(line)[2].splitlines()[1]]
    assert cause in lines[0] and advice in lines[-1], printed
    assert "wrong-one" not in printed and "Traceback" not in printed


@pytest.mark.parametrize("url", NO_CONNECTION)
def test_each_error_of_a_connection_has_its_advice(server: Server, url: str) -> None:
    cause, advice = NO_CONNECTION[url]

    with pytest.raises(psycopg.OperationalError) as refused:
        psycopg.connect(url.format(server=server.address, socket=server.socket, port=server.port, closed=free_port()))

    found = database_errors.cause_and_advice(refused.value)
    assert cause in found[0] and advice in found[1], found


@pytest.mark.long
def test_search_path_of_the_url_is_kept(tmp_path: Path, server: Server) -> None:
    url = f"postgresql://me:hunter2@{server.address}/inviting_app?options=-csearch_path%3Down%20-cwork_mem%3D5MB"

    prepared = run("prepare", url, with_static_files(tmp_path))
    checked = run("doctor", url, tmp_path)[1]

    with psycopg.connect(url) as session:
        tables = "SELECT DISTINCT schemaname FROM pg_tables WHERE schemaname !~ '^(pg|inf)'"
        schemas = session.execute(tables).fetchall()
        [work_mem] = session.execute("SHOW work_mem").fetchone() or [""]
    assert prepared == (0, "")
    assert (schemas, work_mem) == ([("own",)], "5MB")
    assert "lock_timeout" not in checked and "migrations" not in checked, checked


@pytest.mark.long
def test_two_roles_are_created_and_each_command_uses_its_own(tmp_path: Path, server: Server) -> None:
    """The database of a version before, which one superuser owns, gets an owner and a service, who know passwords."""
    superuser = f"postgresql://postgres@{server.address}/two_roles"
    service = f"postgresql://mine_service:s3rvice@{server.address}/two_roles"
    owner = {"OWNER_DATABASE_URL": f"postgresql://mine_owner:0wner@{server.address}/two_roles"}
    folder = with_static_files(tmp_path)

    assert run("prepare", superuser, folder) == (0, "")
    created = [run(f"create_roles {superuser}", service, folder, **owner) for _ in range(2)]
    prepared = run("prepare", service, folder, **owner)
    checked = run("doctor", service, folder, **owner)[1]
    backed_up = run(f"backup {tmp_path}/file", service, folder, **owner)

    with psycopg.connect(superuser, autocommit=True) as session:
        session.execute("CREATE DATABASE restored")
    elsewhere = {name: url.replace("two_roles", "restored") for name, url in owner.items()}
    there = service.replace("two_roles", "restored")
    run(f"create_roles {superuser.replace('two_roles', 'restored')}", there, folder, **elsewhere)
    restored = run(f"restore {tmp_path}/file", there, folder, **elsewhere)

    assert restored[0] == 0 and "Restored: 0 users" in restored[1], restored
    assert created == [(0, "mine_owner owns the tables, and mine_service may use them.\n")] * 2
    assert prepared == (0, "") and backed_up[0] == 0
    assert "superuser" not in checked and "E018" not in checked
    assert "Set OWNER_DATABASE_URL" in run(f"backup {tmp_path}/none", service, folder)[1]
    with psycopg.connect(service) as session, pytest.raises(psycopg.errors.InsufficientPrivilege):
        session.execute("INSERT INTO users_user (phone) VALUES ('+79991110001')")
        session.execute("TRUNCATE users_user")
    refused = run(f"create_roles {superuser}", service, folder)
    assert refused == (1, "CommandError: Set DATABASE_URL and OWNER_DATABASE_URL first: they name the roles.\n")


@pytest.mark.parametrize(
    ("query", "name", "value"),
    [
        ("sslmode=verify-full", "sslmode", "verify-full"),
        ("connect_timeout=9", "connect_timeout", "9"),
        ("target_session_attrs=read-write", "target_session_attrs", "read-write"),
        ("application_name=a+b%20c%26d", "application_name", "a+b c&d"),
        ("options=-c%20search_path%3Da%2Cb", "options", "-c search_path=a,b"),
        ("sslrootcert=/etc/ssl/a%2Bb.pem&prepare=off", "sslrootcert", "/etc/ssl/a+b.pem"),
    ],
)
def test_other_options_of_the_url_are_kept(query: str, name: str, value: str) -> None:
    assert env.database(f"postgresql://h/n?{query}")["OPTIONS"][name] == value


def test_several_hosts_of_the_url_are_kept() -> None:
    parsed = env.database("postgresql://me@a:1,b:2/n?target_session_attrs=primary")

    assert (parsed["HOST"], parsed["PORT"]) == ("a,b", "1,2")


def test_unknown_parameter_is_named() -> None:
    with pytest.raises(ValueError, match="has an unknown parameter, search_path"):
        env.database("postgresql://me:hunter2@h/n?search_path=s")


@pytest.mark.django_db
def test_server_that_is_too_old_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks_database, "OLDEST_VERSION", 99)

    [found] = checks_database.version()

    assert "is too old" in found.msg and found.hint == "Move to PostgreSQL 99 or newer."
