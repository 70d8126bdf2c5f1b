"""`manage.py doctor` finds what is wrong, says how to mend it, and tells it by its exit status."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from django.db import connection, connections
from django.db.migrations.recorder import MigrationRecorder

from inviting_app.ops.doctor import Check, Finding, Level, configuration, database, examined, worker
from inviting_app.ops.doctor import web as web_checks
from tests.support.environment import NAMES
from tests.support.http_gateway import Gateway, Webhook, running
from tests.support.service import free_port

SECRET = "hunter2"


class Site(Gateway):
    """A web server whose database answers."""

    def __init__(self) -> None:
        super().__init__(Ready)


class Ready(Webhook):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/readyz" else 404)
        self.end_headers()


@pytest.fixture
def web(settings: Any) -> Iterator[None]:
    for server in running(Site):
        settings.PORT = server.server_port
        yield


@pytest.fixture
def idle(db: None) -> None:
    """A queue without what earlier tests left in it."""
    sql("DELETE FROM procrastinate_jobs")
    sql("DELETE FROM procrastinate_workers")


@pytest.fixture
def well(idle: None, web: None) -> None:
    """A service that is well: what its worker leaves in the database, and a web server that answers."""
    sql("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (clock_timestamp() - interval '2 seconds')")
    counted("20 seconds")


def sql(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def counted(ago: str) -> None:
    sql(
        "INSERT INTO users_sitetotals (id, counted_at, people_a_day, sms_in_a_day, suspect_countries, suspect_prefixes)"
        f" VALUES (1, clock_timestamp() - interval '{ago}', 0, 0, '[]', '[]')"
    )


def job(deferred: str = "0 s", scheduled: str = "NULL") -> None:
    """A job of the queue. A trigger notes when it was deferred; that is then moved back."""
    sql(f"INSERT INTO procrastinate_jobs (queue_name, task_name, scheduled_at) VALUES ('sms', 'test', {scheduled})")
    sql(f"UPDATE procrastinate_events SET at = clock_timestamp() - interval '{deferred}' WHERE type = 'deferred'")


def doctor() -> tuple[int, str]:
    """Its exit status and what it prints."""
    said = StringIO()
    try:
        call_command("doctor", stdout=said)
    except SystemExit as end:
        return int(str(end.code)), said.getvalue()
    return 0, said.getvalue()


def only(check: Check) -> Finding:
    [finding] = examined(check)
    assert bool(finding.mend) is (finding.level != Level.OK)
    return finding


@pytest.mark.usefixtures("well")
def test_all_is_well() -> None:
    status, said = doctor()

    *lines, empty, last = said.splitlines()
    assert (status, empty, last) == (0, "", "All is well.")
    assert all(line.startswith("ok   ") for line in lines), said
    for subject in ("settings", "message", "database", "clock", "worker", "queue"):
        assert f"\nok   {subject}: " in f"\n{said}"


@pytest.mark.usefixtures("idle", "web")
def test_dead_worker_is_told_with_how_to_mend_it_and_status_1() -> None:
    counted("20 seconds")
    sql("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (clock_timestamp() - interval '11 seconds')")

    status, said = doctor()

    assert status == 1
    assert "FAIL worker: none is alive: the last sign of one is 11 s old" in said
    assert "\n     Stop the service and start it again" in said or "\n     Start one with `manage.py worker`" in said
    assert said.endswith("\n1 FAIL, 0 WARN\n")


@pytest.mark.skipif(not django_settings.EMBEDDED_POSTGRES, reason="the web server may then be anywhere")
def test_web_server_that_does_not_answer(settings: Any) -> None:
    settings.PORT = free_port()

    assert only(web_checks.ready).level == Level.FAIL


@pytest.mark.usefixtures("idle")
def test_worker_that_never_started_is_told() -> None:
    assert "none has ever started" in only(worker.heartbeat).what


@pytest.mark.usefixtures("well")
def test_warnings_alone_end_with_status_0(settings: Any) -> None:
    settings.SMS_TEXT = {"en": "a" * 200 + " {code}"}

    status, said = doctor()

    assert status == 0
    assert "WARN message: The SMS with the code does not fit one part (en, " in said
    assert "\n     Shorten SMS_TEXT" in said


@pytest.mark.usefixtures("idle")
@pytest.mark.parametrize(
    ("deferred", "scheduled", "level"),
    [
        ("25 s", "NULL", Level.OK),
        ("40 s", "NULL", Level.FAIL),
        ("40 s", "clock_timestamp() + interval '20 s'", Level.OK),
        ("900 s", "clock_timestamp() - interval '40 s'", Level.FAIL),
    ],
)
def test_job_that_is_due_may_wait_half_a_minute(deferred: str, scheduled: str, level: Level) -> None:
    job(deferred=deferred, scheduled=scheduled)

    found = only(worker.queue)

    assert found.level == level
    assert ("the oldest for 40 s" in found.what) is (level == Level.FAIL)


@pytest.mark.usefixtures("idle")
def test_jobs_that_failed_today_are_told() -> None:
    job()
    for status in ("doing", "failed"):
        sql(f"UPDATE procrastinate_jobs SET status = '{status}'")

    assert only(worker.failed_jobs).what == "queue: jobs that have failed for good in the last day: 1"

    sql("UPDATE procrastinate_events SET at = at - interval '25 hours'")

    assert only(worker.failed_jobs).level == Level.OK


@pytest.mark.django_db
def test_site_that_is_not_counted_is_told() -> None:
    assert "has not been counted yet" in only(worker.totals).what

    counted("4 minutes")

    assert "was last counted 4 minutes ago" in only(worker.totals).what


@pytest.mark.parametrize(
    ("check", "changed", "words"),
    [
        (configuration.site_url, {"SITE_URL": "http://invite.example.org"}, "FAIL settings: SITE_URL is http://"),
        (
            configuration.trusted_proxies,
            {"SITE_URL": "https://invite.example.org"},
            "WARN settings: TRUSTED_PROXIES is 0",
        ),
        (configuration.trusted_proxies, {"TRUSTED_PROXIES": 1}, "WARN settings: TRUSTED_PROXIES is 1, but SITE_URL is"),
        (configuration.secret_key, {"SECRET_KEY": SECRET}, "FAIL settings: SECRET_KEY has fewer than 50 characters"),
        (
            configuration.secret_key,
            {"SECRET_KEY": f"{SECRET} and not yet fifty characters"},
            "WARN settings: SECRET_KEY has",
        ),
        (
            configuration.demo_mode,
            {"SITE_URL": "https://invite.example.org"},
            "WARN settings: demo mode that others",
        ),
        (configuration.django, {"X_FRAME_OPTIONS": "SAMEORIGIN"}, "WARN settings: You have "),
    ],
)
def test_settings_that_are_wrong(check: Check, changed: dict[str, Any], words: str, settings: Any) -> None:
    for name, value in changed.items():
        setattr(settings, name, value)

    found = only(check)

    assert f"{found.level} {found.what}".startswith(words)
    assert SECRET not in str(found)


def test_clock_that_is_wrong(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    right = time.time
    monkeypatch.setattr(time, "time", lambda: right() - 3)

    found = only(database.clock)

    assert found.level == Level.WARN
    assert found.what.startswith("clock: the database is 3.0 s ahead of this machine")


@pytest.mark.django_db
def test_migration_that_is_missing() -> None:
    newest = MigrationRecorder.Migration.objects.filter(app="users").latest("name")
    newest.delete()

    found = only(database.migrations)

    assert found.level == Level.FAIL
    assert f"migrations that are not applied: 1, the first is users.{newest.name}" in found.what
    assert " worker: " not in doctor()[1]


@pytest.mark.django_db
def test_lock_timeout_that_a_pooler_dropped() -> None:
    sql("SET LOCAL lock_timeout = 0")

    assert only(database.lock_timeout).what.startswith("database: lock_timeout is 0, not 2s")


@pytest.mark.django_db(transaction=True)
def test_prepared_statements_that_a_pooler_loses() -> None:
    connection.close()  # the next one has no statement of an earlier test
    assert only(database.prepared_statements).level == Level.OK
    sql("DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$")  # so that the driver does not notice

    lost = only(database.prepared_statements)
    connection.close()

    assert (lost.level, "?prepare=off" in lost.mend) == (Level.FAIL, True)


@pytest.mark.skipif(not django_settings.EMBEDDED_POSTGRES, reason="another's disk is not looked at")
def test_disk_that_is_nearly_full(monkeypatch: pytest.MonkeyPatch) -> None:
    assert database.FREE_BYTES == 10**9
    monkeypatch.setattr(database, "FREE_BYTES", 10**18)

    assert only(database.disk).level == Level.WARN


@pytest.mark.django_db
def test_way_of_the_worker_that_leads_nowhere(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    nowhere = {"NAME": "name", "USER": "me", "PASSWORD": SECRET, "HOST": "127.0.0.1", "PORT": str(free_port())}
    monkeypatch.setitem(connections.settings, "direct", connections.settings["default"] | nowhere)
    settings.DIRECT_DATABASE = "direct"

    found = only(database.workers_way)

    assert (found.level, SECRET in str(found)) == (Level.FAIL, False)


def test_check_that_crashes_is_a_finding_without_the_text_of_its_error() -> None:
    def broken() -> Iterator[Finding]:
        yield from ()
        raise RuntimeError(SECRET)

    found = only(broken)

    assert found.level == Level.FAIL
    assert found.what == "test_doctor (broken): could not be checked: RuntimeError"


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


def test_database_that_is_away_leaves_the_other_checks(tmp_path: Path) -> None:
    url = f"postgresql://me:{SECRET}@127.0.0.1:{free_port()}/name"

    ended = command(DATABASE_URL=url, SECRET_KEY="a key of some forty characters, no more", DATA_DIR=str(tmp_path))

    assert (ended.returncode, ended.stderr) == (1, "")
    assert "ok   message: " in ended.stdout
    assert "FAIL database: does not answer: " in ended.stdout
    assert "WARN settings: SECRET_KEY" in ended.stdout
    assert SECRET not in ended.stdout


def test_service_that_does_not_run_is_told_and_not_started(tmp_path: Path) -> None:
    ended = command(DATA_DIR=str(tmp_path))

    assert (ended.returncode, ended.stderr) == (1, "")
    assert "FAIL service: does not run" in ended.stdout
    assert not (tmp_path / "postgres").exists()
