"""How the worker ends, and that it leaves other processes alone."""

import os
import sys
from pathlib import Path

import psutil
import pytest
from django.conf import settings
from django.core.management import call_command
from procrastinate.exceptions import ConnectorException
from psycopg.errors import AdminShutdown, UndefinedTable

from inviting_app.management.commands import worker


def fails_with(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> bool:
        raise ConnectorException from error

    monkeypatch.setattr(worker, "_work", work)
    monkeypatch.setattr(worker, "_lower_priority", lambda: None)


def test_lost_database_ends_with_status_75(monkeypatch: pytest.MonkeyPatch) -> None:
    fails_with(AdminShutdown(), monkeypatch)

    with pytest.raises(SystemExit) as ended:
        call_command("worker")

    assert ended.value.code == os.EX_TEMPFAIL


def test_missing_table_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    fails_with(UndefinedTable("relation does not exist"), monkeypatch)

    with pytest.raises(ConnectorException) as ended:
        call_command("worker")

    assert isinstance(ended.value.__cause__, UndefinedTable)


def test_worker_does_not_slow_down_the_session_that_it_is_started_in() -> None:
    weight = Path("/proc/self/autogroup")
    if not weight.exists():
        pytest.skip("this system does not weigh sessions")
    before = weight.read_text()

    # It lowers its priority, then waits half a minute for a database.
    environment = os.environ | {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    with psutil.Popen([sys.executable, "manage.py", "worker"], cwd=settings.BASE_DIR, env=environment) as process:
        while process.nice() != worker.NICE:
            with pytest.raises(psutil.TimeoutExpired):
                process.wait(0.05)
        process.kill()

    assert weight.read_text() == before
