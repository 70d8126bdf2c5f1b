"""Backups come back whole or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from inviting_app.ops import pg_programs
from profiles.models import Activation
from tests.support.accounts import SignedInUser
from tests.support.backups import backed_up, restored, sums
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "people.backup"


@pytest.fixture
def elsewhere(transactional_db: None) -> Iterator[Any]:
    """Moves to an empty database when it is called, and back in the end."""
    here = connection.settings_dict["NAME"]
    there = f"{here}_restored"

    def go() -> None:
        with connection.cursor() as cursor:
            cursor.execute(f'DROP DATABASE IF EXISTS "{there}" WITH (FORCE)')
            cursor.execute(f'CREATE DATABASE "{there}"')
        connection.close()
        connection.settings_dict["NAME"] = there

    yield go
    connection.close()
    connection.settings_dict["NAME"] = here
    with connection.cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{there}" WITH (FORCE)')


def test_backup_comes_back_whole_in_an_empty_database(
    alice: SignedInUser, bob: SignedInUser, file: Path, elsewhere: Any
) -> None:
    bob.activate(alice.code)
    before = sums()

    made = backed_up(file)
    elsewhere()
    told = restored(file)

    assert sums() == before
    assert made.startswith(f"The backup {file} is complete: ")
    assert file.stat().st_mode & 0o777 == 0o600
    assert told.startswith("Restored: 2 people and 1 votes.\n")
    assert "manage.py erasures --again" in told
    assert alice.me()["invitations"] == [bob.phone]
    with pytest.raises(CommandError, match="this database has people"):
        restored(file)


def test_restore_over_people_leaves_the_backup_alone_and_the_erased_erased(
    alice: SignedInUser, bob: SignedInUser, charlie: SignedInUser, file: Path
) -> None:
    backed_up(file)
    before = sums()
    User.objects.create(phone="+79991110009")
    Activation.objects.create(invitee=bob.profile, inviter=alice.profile)

    told = restored(file, replace=True)
    same = sums()
    erased = charlie.profile.pk
    assert charlie.api.delete("/api/v1/profiles/me").status_code == 204
    told_again = restored(file, replace=True)

    assert same == before
    assert "of them" not in told
    assert "1 of them, who had been erased since, were erased again." in told_again
    assert set(User.objects.filter(erased_at__isnull=False).values_list("pk", flat=True)) == {erased}
    assert alice.me()["phone"] == alice.phone


def test_backup_replaces_no_pipe_or_device(alice: SignedInUser, file: Path) -> None:
    os.mkfifo(file)

    with pytest.raises(CommandError, match="is no regular file: write to the standard output"):
        backed_up(file)

    assert file.is_fifo()


def test_backup_of_an_older_version_is_brought_up_and_of_a_newer_one_refused(
    alice: SignedInUser, file: Path, elsewhere: Any
) -> None:
    older, newer = file.with_suffix(".older"), file.with_suffix(".newer")
    backed_up(file)
    elsewhere()
    restored(file)
    before = sums().keys()
    call_command("migrate", "users", "0001", verbosity=0)
    backed_up(older)

    told = restored(older, replace=True)
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('users', '9999_wings', now())")
    backed_up(newer)

    assert "users.0002_limits_and_gateways" in told
    assert sums().keys() == before
    assert alice.me()["phone"] == alice.phone
    with pytest.raises(CommandError, match=r"newer version, whose users\.9999_wings is not known"):
        restored(newer, replace=True)


def test_damaged_backup_restores_nothing(alice: SignedInUser, file: Path) -> None:
    backed_up(file)
    whole = file.read_bytes()
    before = sums()

    damaged = {
        "cut": whole[: len(whole) // 2],
        "cut at the end": whole[:-600],
        "changed": whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:],
        "empty": b"",
        "another file": b"SELECT 1;\n",
    }
    for how, data in damaged.items():
        file.write_bytes(data)
        with pytest.raises(CommandError, match=r"^Nothing has changed: .+ is damaged, or no backup"):
            restored(file, replace=True)

        assert sums() == before, how
    with pytest.raises(CommandError, match="No such file or directory"):
        restored(file.with_name("none"))


def test_interrupted_backup_leaves_what_was_there(alice: SignedInUser, file: Path) -> None:
    file.write_text("yesterday's")
    way = pg_programs.at_hand().variables
    environment = {**os.environ, **way, "DATABASE_URL": f"postgresql:///{way['PGDATABASE']}"}

    with psycopg.connect(
        host=way["PGHOST"], user=way["PGUSER"], dbname=way["PGDATABASE"], password=way.get("PGPASSWORD")
    ) as held:
        held.execute("LOCK users_device")
        command = [sys.executable, "manage.py", "backup", str(file)]
        process = subprocess.Popen(command, cwd=settings.BASE_DIR, env=environment, stderr=subprocess.PIPE)
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pg_dump' AND wait_event_type = 'Lock'"
        )
        with connection.cursor() as cursor:
            while process.poll() is None:
                cursor.execute(waiting)
                if cursor.fetchone()[0]:
                    break
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=10)[1]

    assert process.returncode == 128 + signal.SIGTERM, said
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    assert file.read_text() == "yesterday's"
