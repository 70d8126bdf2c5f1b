"""Nightly backups: each is checked by a restore, and the newest are kept."""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from inviting_app.ops import backup, backup_times, checked_backups, system_user
from inviting_app.ops.checked_backups import Checked
from tests.support.accounts import SignedInUser
from tests.support.backups import back_up
from users.clock import HOUR
from users.models import SiteTotals, User
from users.queries import database_now

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def totals() -> Iterator[None]:
    SiteTotals.objects.create(counted_at=database_now(), people_a_day=0, sms_in_a_day=0)
    yield


def today() -> str:
    return f"{datetime.now(UTC):%F}"


def nightly(folder: Path, keep: str = "14") -> tuple[str, str]:
    """What the command prints, on its output and as errors."""
    printed, errors = StringIO(), StringIO()
    call_command("backup", str(folder), keep=int(keep), stdout=printed, stderr=errors)
    return printed.getvalue(), errors.getvalue()


def checked_at() -> Any:
    return SiteTotals.objects.get().checked_backup_at


@pytest.mark.long
def test_backup_is_restored_and_counted(alice: SignedInUser, bob: SignedInUser, tmp_path: Path) -> None:
    bob.activate(alice.code)
    folder, day = tmp_path / "backups", today()

    printed, errors = nightly(folder)

    assert printed.startswith(f"The backup {folder / day}.backup of {day} ")
    assert printed.endswith(" UTC can be restored: 2 users and 1 activations.\n") and not errors
    assert sorted(path.name for path in folder.iterdir()) == [f"{day}.backup", "erasures.txt"]
    assert database_now() - checked_at() < HOUR


@pytest.mark.long
def test_torn_backup_is_found(alice: SignedInUser, file: Path) -> None:
    back_up(file)
    file.write_bytes(file.read_bytes()[:-5000])

    with pytest.raises(CommandError, match=f"^The check failed: {file} cannot be restored: pg_restore: error: "):
        call_command("check_backup", str(file))

    assert checked_at() is None
    assert [path.name for path in file.parent.iterdir()] == [file.name]


@pytest.fixture
def restores(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that would be restored. A restore takes seconds."""
    files: list[Path] = []

    def check(file: Path) -> Checked:
        files.append(file)
        if "torn" in file.read_text(errors="replace"):
            raise backup.BackupError("torn")
        return Checked(datetime.now(UTC), 1, 0)

    monkeypatch.setattr(checked_backups, "check", check)
    return files


def test_newest_checked_backups_are_kept(
    alice: SignedInUser, tmp_path: Path, restores: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("2026-01-01.backup", "2026-01-02.backup", "2026-01-02.unchecked", "mine.backup"):
        (tmp_path / name).touch()
    monkeypatch.setattr(system_user, "SHARED", tmp_path)
    for remains in (".2026-01-02.unchecked-0.part", ".check-0", ".check-1"):
        (tmp_path / remains).touch() if remains.endswith("part") else (tmp_path / remains).mkdir()
        if remains != ".check-1":
            os.utime(tmp_path / remains, (0, 0))
    elsewhere = tmp_path.with_name("elsewhere")
    (tmp_path / ".erasures.txt").symlink_to(elsewhere)
    tmp_path.chmod(0o755)
    before = "erased person 7 at 2026-01-01T00:00:00+00:00\n"
    (tmp_path / "erasures.txt").write_text(before)  # such as that of a database before a restore
    alice.api.delete("/api/v1/profiles/me")

    day = today()
    printed, _ = nightly(tmp_path, keep="2")

    assert not elsewhere.exists()

    assert restores == [tmp_path / f"{day}.unchecked"]
    kept = {path.name for path in tmp_path.iterdir()}
    assert kept == {"2026-01-02.backup", f"{day}.backup", "mine.backup", "erasures.txt", ".check-1"}
    assert stat.S_IMODE((tmp_path / f"{day}.backup").stat().st_mode) == 0o600
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700
    assert re.fullmatch(f"{re.escape(before)}erased person .+\n", (tmp_path / "erasures.txt").read_text())
    assert f"{day}.backup" in printed


def test_backup_that_fails_its_check_replaces_none(
    alice: SignedInUser, tmp_path: Path, restores: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "back_up", lambda file: file.write_text("torn"))
    day = today()
    names = {"2026-01-01.backup", f"{day}.backup"}
    for name in names:
        (tmp_path / name).touch()

    with pytest.raises(CommandError, match=r"^No checked backup was made: torn$"):
        nightly(tmp_path, keep="1")

    assert names < {path.name for path in tmp_path.iterdir()}
    assert (tmp_path / f"{day}.backup").read_text() == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="root is tricked")
def test_owner_of_the_folder_cannot_choose_what_root_deletes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It exchanges the scratch database for a link to a folder with another one."""
    victim, folder = tmp_path / "victim" / "postgres" / "cluster", tmp_path / "folder"
    victim.mkdir(parents=True)
    folder.mkdir()
    file = folder / "file"
    file.touch()

    def exchange(file: Path, data_dir: Path) -> str:
        for scratch in folder.glob(".check-*"):
            scratch.rename(folder / "moved")
            scratch.symlink_to(victim.parents[1])
        return "The backup of 2026-01-01 00:00:00 UTC is restored.\nRestored: 1 users and 0 activations."

    monkeypatch.setattr(checked_backups, "_restore", exchange)

    with suppress(OSError):
        checked_backups.check(file)

    assert victim.exists()


@pytest.mark.parametrize("name", [".2026-01-01.unchecked-0.part", ".check-0"])
def test_remains_that_lead_elsewhere_are_removed_and_nothing_behind_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "victim" / "postgres").mkdir(parents=True)
    folder = tmp_path / "folder"
    folder.mkdir()
    monkeypatch.setattr(system_user, "SHARED", folder)
    (folder / name).symlink_to(tmp_path / "victim")
    os.utime(folder / name, (0, 0), follow_symlinks=False)

    checked_backups._remove_remains(folder)

    assert (tmp_path / "victim" / "postgres").exists()
    assert list(folder.iterdir()) == []


def test_newest_checked_backup_counts() -> None:
    newest = database_now()

    for made_at in (newest - timedelta(days=2), newest, newest - timedelta(days=1)):
        backup_times.record_checked(made_at)

    assert checked_at() == newest


def test_backup_from_the_future_counts_as_one_of_now() -> None:
    backup_times.record_checked(datetime(9999, 12, 31, tzinfo=UTC))

    assert checked_at() <= database_now()


def test_backup_without_users_is_doubted(file: Path) -> None:
    User.objects.all().delete()
    errors = StringIO()

    call_command("backup", str(file), stdout=StringIO(), stderr=errors)

    assert "WARNING: no users are in this database" in errors.getvalue()
    assert file.exists()


def test_backup_that_was_just_made_is_kept_beside_later_ones(tmp_path: Path, restores: list[Path]) -> None:
    """Such as those that a wrong clock has dated."""
    for name in ("2999-01-01.backup", "2999-01-02.backup"):
        (tmp_path / name).touch()

    day = today()
    nightly(tmp_path, keep="2")

    assert {path.name for path in tmp_path.glob("*.backup")} == {f"{day}.backup", "2999-01-02.backup"}


def test_number_to_keep_is_at_least_1(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="at least 1"):
        call_command("backup", str(tmp_path), "--keep", "0")
