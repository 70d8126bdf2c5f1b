"""`manage.py backup` writes a complete file or none."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError

from tests.support.accounts import SignedInUser
from tests.support.backups import back_up, database_variables, interrupted, restore, started, sums

pytestmark = pytest.mark.django_db(transaction=True)


def test_backup_is_readable_by_its_owner_only(alice: SignedInUser, file: Path) -> None:
    printed = back_up(file)

    assert printed.startswith(f"The backup {file} is complete: ")
    assert file.stat().st_mode & 0o777 == 0o600


PREPARED = {
    "a file of mode 0666": lambda file, victim: (file.touch(), file.chmod(0o666)),
    "a link": lambda file, victim: file.symlink_to(victim),
    "a second name": lambda file, victim: os.link(victim, file),
}


@pytest.mark.parametrize("prepare", PREPARED.values(), ids=PREPARED)
def test_backup_writes_into_nothing_that_was_prepared(
    alice: SignedInUser, file: Path, prepare: Callable[[Path, Path], None]
) -> None:
    victim = file.with_name("victim")
    victim.write_text("another file")
    prepare(file, victim)

    back_up(file)

    assert stat.S_ISREG(file.lstat().st_mode)
    assert (file.stat().st_mode & 0o777, file.stat().st_uid, file.stat().st_nlink) == (0o600, os.geteuid(), 1)
    assert victim.read_text() == "another file"


def test_backup_replaces_no_pipe_or_device(alice: SignedInUser, file: Path) -> None:
    os.mkfifo(file)

    with pytest.raises(CommandError, match="is not a regular file; use - to write to a pipe"):
        back_up(file)

    assert file.is_fifo()


def test_backup_of_an_empty_database_is_refused(file: Path, empty_database: Callable[[], None]) -> None:
    empty_database()

    with pytest.raises(CommandError, match=r"^No backup was made: this database is empty$"):
        back_up(file)

    assert not file.exists()


def test_backup_to_the_standard_output_is_restored_completely(
    alice: SignedInUser, file: Path, empty_database: Callable[[], None]
) -> None:
    before = sums()

    file.write_bytes(started("backup", "-").communicate()[0])
    empty_database()
    restore(file)

    assert sums() == before


def test_backup_connects_past_a_pooler_that_is_away(alice: SignedInUser, file: Path) -> None:
    pooler = "postgresql://nobody@127.0.0.1:1/nowhere"
    direct = database_variables()["DATABASE_URL"]

    printed = started("backup", str(file), DATABASE_URL=pooler, WORKER_DATABASE_URL=direct, SECRET_KEY="k" * 50)

    assert printed.communicate()[0].decode().startswith(f"The backup {file} is complete: ")


@pytest.mark.long
def test_interrupted_backup_keeps_the_older_one(alice: SignedInUser, file: Path) -> None:
    file.write_text("yesterday's")

    printed = interrupted("pg_dump", "LOCK users_device", "backup", str(file))

    assert "No backup was made: interrupted\n" in printed
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    assert file.read_text() == "yesterday's"
