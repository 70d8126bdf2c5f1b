"""How the worker ends, and that it leaves other processes alone."""

import os
import sys
import time
from pathlib import Path
from threading import Event, Thread

import psutil
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from procrastinate.exceptions import ConnectorException
from psycopg.errors import AdminShutdown, UndefinedTable

from inviting_app.management.commands import worker
from tests.support.backups import another_session, started
from tests.support.outages import backend, read_only, stopped
from tests.support.service import patience
from users import deadline
from users.outages import DoesNotServe

# The worker's session that hears of new SMS: then it is at work.
LISTENING = "SELECT pid FROM pg_stat_activity WHERE query = 'LISTEN inviting_app_sms' AND pid <> pg_backend_pid()"


def fails_with(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> bool:
        raise ConnectorException from error

    monkeypatch.setattr(worker, "_work", work)
    without_effects(monkeypatch)


def without_effects(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the priority and the limits of this process as they are."""
    monkeypatch.setattr(worker, "_lower_priority", lambda: None)
    monkeypatch.setattr(deadline, "limit_all", lambda seconds: None)


def status_of_worker() -> object:
    with pytest.raises(SystemExit) as ended:
        call_command("worker")
    return ended.value.code


def test_lost_database_ends_with_status_75(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    fails_with(AdminShutdown(), monkeypatch)

    assert status_of_worker() == os.EX_TEMPFAIL


def test_server_that_takes_no_writes_ends_with_status_75(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    without_effects(monkeypatch)
    monkeypatch.setattr(worker, "START_SECONDS", 0)
    connection.close()

    with read_only():
        assert status_of_worker() == os.EX_TEMPFAIL
    connection.close()

    assert "this server takes no writes" in caplog.text


def test_server_that_becomes_read_only_ends_the_worker(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    without_effects(monkeypatch)
    monkeypatch.setattr(worker, "WATCH_SECONDS", 0.1)
    stopping, failed = Event(), []

    def watch() -> None:
        with pytest.raises(DoesNotServe):
            worker._watch_database(stopping)
        failed.append(True)

    watching = Thread(target=watch)
    with read_only():
        watching.start()
        watching.join(10)

    assert failed


@pytest.mark.long
@pytest.mark.skipif(not settings.EMBEDDED_POSTGRES, reason="only the processes of the tests' own server are stopped")
def test_silent_server_ends_the_worker_with_status_75(transactional_db: None) -> None:
    """Its statements have no answer, and new connections are not taken."""
    process = started("worker")
    with another_session() as other:
        other.autocommit = True
        while not (sessions := [pid for (pid,) in other.execute(LISTENING)]):
            assert process.poll() is None
        postmaster = psutil.Process(sessions[0]).parent()
        assert postmaster
        others = {other.info.backend_pid, backend()}
        with stopped(postmaster.pid, *[child.pid for child in postmaster.children() if child.pid not in others]):
            began = time.monotonic()
            printed = process.communicate(timeout=60)[1].decode()
            took = time.monotonic() - began

    assert process.returncode == os.EX_TEMPFAIL, printed
    assert took < 10 * patience()


def test_missing_table_is_an_error(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    fails_with(UndefinedTable("relation does not exist"), monkeypatch)

    with pytest.raises(ConnectorException) as ended:
        call_command("worker")

    assert isinstance(ended.value.__cause__, UndefinedTable)


def test_worker_does_not_slow_down_the_session_that_it_is_started_in() -> None:
    weight = Path("/proc/self/autogroup")
    if not weight.exists():
        pytest.skip("this system does not weigh sessions")
    before = weight.read_text()

    # It lowers its priority, then waits a while for its database.
    environment = os.environ | {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    with psutil.Popen([sys.executable, "manage.py", "worker"], cwd=settings.BASE_DIR, env=environment) as process:
        while process.nice() != worker.NICE:
            with pytest.raises(psutil.TimeoutExpired):
                process.wait(0.05)
        process.kill()

    assert weight.read_text() == before
