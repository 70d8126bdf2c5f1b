"""How restoring ends when it is refused, interrupted, or loses the database: nobody is told what is not so."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any, NoReturn

import psycopg
import pytest
from django.conf import settings
from django.core.management import CommandError
from django.db import connection

from inviting_app.ops import restore
from profiles import privacy
from tests.support.accounts import SignedInUser
from tests.support.backups import backed_up, restored, sums
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "people.backup"


@pytest.fixture
def erased(charlie: SignedInUser, file: Path) -> int:
    """Whose erasure the backup does not know."""
    backed_up(file)
    person = charlie.profile.pk
    assert charlie.api.delete("/api/v1/profiles/me").status_code == 204
    return person


def test_restore_that_is_broken_off_afterwards_tells_who_must_be_erased_again(
    erased: int, file: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    def break_off(*person: Any) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(privacy, "repeat_erasure", break_off)
    with pytest.raises(CommandError, match="All is restored, but this is left to do") as caught:
        restored(file, replace=True)

    assert caught.value.returncode == 3
    assert f"erased person {erased} at " in capsys.readouterr().err


def test_restore_is_refused_while_the_service_runs(alice: SignedInUser, file: Path) -> None:
    backed_up(file)
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id")
        (worker,) = cursor.fetchone()
    try:
        with pytest.raises(CommandError, match="Nothing has changed: the service is running, with 1 of its workers"):
            restored(file, replace=True)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM procrastinate_workers WHERE id = %s", [worker])


def test_restore_is_refused_while_only_the_web_runs(alice: SignedInUser, file: Path) -> None:
    backed_up(file)
    way: Any = connection.get_connection_params() | {"application_name": settings.WEB_APPLICATION_NAME}
    web = psycopg.connect(**way)

    try:
        with pytest.raises(CommandError, match=r"^Nothing has changed: the web is running \(1 of its sessions"):
            restored(file, replace=True)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [web.info.backend_pid])
        web.close()


def test_restore_without_a_database_says_so_in_one_line(alice: SignedInUser, file: Path) -> None:
    backed_up(file)
    connection.close()
    port = connection.settings_dict["PORT"]
    connection.settings_dict["PORT"] = "1"
    try:
        with pytest.raises(CommandError, match=r"^Nothing has changed: the database does not answer: .+\.$"):
            restored(file, replace=True)
    finally:
        connection.settings_dict["PORT"] = port


def test_interrupted_restore_says_that_nothing_has_changed_and_after_the_commit_what_is_left(
    erased: int, file: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    before = sums()

    with monkeypatch.context() as patched:
        patched.setattr(restore, "_copy", lambda *streams: signal.raise_signal(signal.SIGINT))
        with pytest.raises(SystemExit) as early:
            restored(file, replace=True)
    said_early, same = capsys.readouterr().err, sums() == before
    put_off = restore.put_off_stopping
    monkeypatch.setattr(restore, "put_off_stopping", lambda: (put_off(), signal.raise_signal(signal.SIGTERM)))
    with pytest.raises(CommandError, match="All is restored, but this is left to do") as late:
        restored(file, replace=True)

    assert (early.value.code, said_early.strip(), same) == (130, "Nothing has changed: interrupted.", True)
    assert late.value.returncode == 3
    assert f"erased person {erased} at " in capsys.readouterr().err
    assert not User.objects.filter(erased_at__isnull=False).exists()


def test_restore_that_loses_the_database_at_the_commit_does_not_claim_to_know(
    erased: int, file: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    def lose_the_database() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'psql'")

    monkeypatch.setattr(restore, "put_off_stopping", lose_the_database)
    with pytest.raises(CommandError, match="The database was lost at the commit") as caught:
        restored(file, replace=True)

    assert caught.value.returncode == 3
    assert f"erased person {erased} at " in capsys.readouterr().err


def test_restore_that_the_server_refuses_changes_nothing_and_tells_no_phone(
    alice: SignedInUser, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backed_up(file)
    User.objects.create(phone="+79991110009")
    before = sums()
    copied = restore._copy

    def with_a_bad_row(script: Any, session: Any, version: int) -> None:
        copied(script, session, version)
        session.write(f"INSERT INTO public.users_user (phone) VALUES ('+7{alice.phone}');\n".encode())

    monkeypatch.setattr(restore, "_copy", with_a_bad_row)

    with pytest.raises(CommandError, match=r"^Nothing has changed: .+duplicate key") as refused:
        restored(file, replace=True)

    assert sums() == before
    assert alice.phone not in str(refused.value)
