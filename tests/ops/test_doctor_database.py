"""`manage.py doctor` finds what is wrong with the database, and works without one."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.checks import ERROR, WARNING, CheckMessage
from django.db import DatabaseError, connection, connections
from django.db.migrations.recorder import MigrationRecorder

from inviting_app.ops import checks_database, roles
from inviting_app.ops.embedded import SUPERUSER
from tests.support.backups import database_variables
from tests.support.doctor import doctor, only, sql
from tests.support.environment import NAMES
from tests.support.outages import read_only
from tests.support.ports import free_port

SECRET = "hunter2"


def test_wrong_clock_is_reported(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    right = time.time
    monkeypatch.setattr(time, "time", lambda: right() - 3)

    found = only(checks_database.clock())

    # The answer of a busy machine takes a while.
    assert re.fullmatch(r"The database's clock is (2\.[5-9]|3\.\d) s ahead of this machine's\.", found.msg)
    assert found.level == WARNING


@pytest.mark.django_db(transaction=True)
def test_server_that_takes_no_writes_is_reported() -> None:
    assert list(checks_database.writes()) == []
    connection.close()

    with read_only():
        found = only(checks_database.writes())
    connection.close()

    assert (found.level, found.id) == (ERROR, "inviting_app.E019")
    assert "this server takes no writes" in found.msg and "primary" in str(found.hint)


@pytest.mark.django_db
def test_missing_migration_is_reported() -> None:
    newest = MigrationRecorder.Migration.objects.filter(app="users").latest("name")
    newest.delete()

    found = only(checks_database.unapplied_migrations())

    assert (found.level, found.msg) == (ERROR, f"1 migrations are not applied, such as users.{newest.name}.")
    assert " worker " not in doctor()[1]


@pytest.mark.django_db
@pytest.mark.skipif(not django_settings.EMBEDDED_POSTGRES, reason="the tests' role on another server is its owner's")
def test_superuser_as_the_role_of_the_service_is_reported() -> None:
    found = only(checks_database.superuser())
    sql(f"SET LOCAL ROLE {roles.SERVICE}")

    assert (found.level, found.id) == (WARNING, "inviting_app.W013")
    assert "create_roles" in str(found.hint) and "OWNER_DATABASE_URL" in str(found.hint)
    assert list(checks_database.superuser()) == []


@pytest.mark.django_db
def test_log_of_another_server_that_may_quote_phones_is_reported(settings: Any) -> None:
    assert list(checks_database.server_log()) == []
    settings.EMBEDDED_POSTGRES = False
    sql("SET LOCAL log_error_verbosity = verbose; SET LOCAL log_min_error_statement = error")

    found = only(checks_database.server_log())
    sql("SET LOCAL log_error_verbosity = terse; SET LOCAL log_min_error_statement = fatal")

    assert (found.level, found.id) == (WARNING, "inviting_app.W014")
    assert "log_error_verbosity (verbose) and log_min_error_statement (error)" in found.msg
    assert "SET log_error_verbosity = 'terse'" in str(found.hint)
    assert list(checks_database.server_log()) == []


@pytest.mark.django_db
def test_lock_timeout_dropped_by_a_pooler_is_reported() -> None:
    sql("SET LOCAL lock_timeout = 0")

    assert only(checks_database.lock_timeout()).msg.startswith("lock_timeout is 0, not 2s")


@pytest.mark.django_db(transaction=True)
def test_prepared_statements_lost_by_a_pooler_are_reported() -> None:
    connection.close()  # the next one has no statement of an earlier test
    assert list(checks_database.prepared_statements()) == []
    sql("DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$")  # so that the driver does not notice

    lost = only(checks_database.prepared_statements())
    connection.close()

    assert (lost.level, "?prepare=off" in str(lost.hint)) == (ERROR, True)


@pytest.mark.skipif(not django_settings.EMBEDDED_POSTGRES, reason="the disk of another server is not checked")
def test_nearly_full_disk_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks_database.FREE_BYTES == 10**9
    monkeypatch.setattr(checks_database, "FREE_BYTES", 10**18)

    assert only(checks_database.disk()).level == WARNING


@pytest.mark.django_db
def test_error_of_the_database_is_reported_without_its_text() -> None:
    def broken() -> list[CheckMessage]:
        raise DatabaseError(SECRET)

    found = only(checks_database.run_each([broken]))

    assert (found.level, found.msg) == (ERROR, "broken could not be checked: DatabaseError.")


def command(**variables: str) -> subprocess.CompletedProcess[str]:
    clean = {**os.environ, **dict.fromkeys(NAMES, "")}
    return subprocess.run(
        [sys.executable, "manage.py", "doctor"],
        cwd=django_settings.BASE_DIR,
        env={**clean, **variables},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_other_checks_run_without_the_database(tmp_path: Path) -> None:
    url = f"postgresql://me:{SECRET}@127.0.0.1:{free_port()}/name"

    ended = command(DATABASE_URL=url, SECRET_KEY="a key of some forty characters, no more", DATA_DIR=str(tmp_path))

    assert (ended.returncode, ended.stderr) == (1, "")
    assert "ERROR The database does not answer: " in ended.stdout
    assert "WARNING Your SECRET_KEY has less than 50 characters" in ended.stdout
    assert SECRET not in ended.stdout


@pytest.mark.long
def test_stopped_service_is_reported_and_not_started(tmp_path: Path) -> None:
    ended = command(DATA_DIR=str(tmp_path))

    assert (ended.returncode, ended.stderr) == (1, "")
    assert "ERROR The service does not run, and has never run with" in ended.stdout
    assert not (tmp_path / "postgres").exists()


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
@pytest.mark.skipif(not django_settings.EMBEDDED_POSTGRES, reason="the tests have no owner's URL on another server")
def test_url_of_another_database_is_reported(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a restore into a new database, SMS would wait there, and the worker would look into the old one."""
    settings.EMBEDDED_POSTGRES = False
    assert list(checks_database.same_database()) == []
    sql("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")  # as on a managed server
    assert list(checks_database.same_database()) == []
    sql("GRANT EXECUTE ON FUNCTION pg_control_system() TO PUBLIC")
    connections["owner"].close()
    for name, value in {"NAME": "postgres", "USER": SUPERUSER}.items():
        monkeypatch.setitem(connections["owner"].settings_dict, name, value)

    found = only(checks_database.same_database())
    connections["owner"].close()

    assert (found.level, found.msg) == (ERROR, "OWNER_DATABASE_URL names another database than DATABASE_URL.")


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
def test_unavailable_database_of_the_worker_is_reported() -> None:
    ended = command(
        **database_variables(),
        WORKER_DATABASE_URL=f"postgresql://me:{SECRET}@127.0.0.1:{free_port()}/name",
        SECRET_KEY="a key of some forty characters, no more",
    )

    assert (ended.returncode, ended.stderr) == (1, "")
    assert "ERROR The database of WORKER_DATABASE_URL does not answer: " in ended.stdout
    assert SECRET not in ended.stdout
