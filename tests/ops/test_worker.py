"""How the worker ends: status 75 says that another start may help."""

import os

import pytest
from django.core.management import call_command
from procrastinate.exceptions import ConnectorException
from psycopg.errors import AdminShutdown, UndefinedTable

from inviting_app.management.commands import worker


def fails_with(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> bool:
        raise ConnectorException from error

    monkeypatch.setattr(worker, "_work", work)
    monkeypatch.setattr(worker, "_lower_priority", lambda: None)


def test_lost_database_asks_for_another_start(monkeypatch: pytest.MonkeyPatch) -> None:
    fails_with(AdminShutdown(), monkeypatch)

    with pytest.raises(SystemExit) as ended:
        call_command("worker")

    assert ended.value.code == os.EX_TEMPFAIL


def test_missing_table_is_an_error_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    fails_with(UndefinedTable("relation does not exist"), monkeypatch)

    with pytest.raises(ConnectorException) as ended:
        call_command("worker")

    assert isinstance(ended.value.__cause__, UndefinedTable)
