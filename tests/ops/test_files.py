"""Nothing is reached through what another account prepared in a folder that it may write to."""

import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from inviting_app.ops import data_dir, files, places, system_user
from inviting_app.ops.clusters import Cluster
from inviting_app.ops.embedded import Embedded, EmbeddedError
from tests.support.first_start import NOBODY, PLAIN, answers, by_plain_user, root_only, started

TEXT = b"root's own file\n"


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """A file that an attacker wants changed."""
    file = tmp_path / "victim"
    file.write_bytes(TEXT)
    file.chmod(0o644)
    return file


def link(path: Path, victim: Path) -> None:
    path.symlink_to(victim)


def second_name(path: Path, victim: Path) -> None:
    os.link(victim, path)


def pipe(path: Path, victim: Path) -> None:
    os.mkfifo(path)


def of_another_account(path: Path, victim: Path) -> None:
    path.touch()
    os.chown(path, NOBODY, NOBODY)


Prepare = Callable[[Path, Path], None]
PREPARED = [link, second_name, pipe, pytest.param(of_another_account, marks=root_only)]


@pytest.mark.parametrize("prepare", PREPARED)
def test_prepared_file_is_not_opened(tmp_path: Path, victim: Path, prepare: Prepare) -> None:
    path = tmp_path / "file"
    prepare(path, victim)

    with pytest.raises(OSError):
        files.open_regular(path, os.O_WRONLY | os.O_CREAT)

    assert victim.read_bytes() == TEXT


def test_new_file_is_private_whatever_the_umask_is(tmp_path: Path) -> None:
    former = os.umask(0)
    os.close(files.open_regular(tmp_path / "file", os.O_WRONLY | os.O_CREAT))
    os.umask(former)

    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o600


def test_private_folder_is_not_made_through_a_link(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir(mode=0o755)
    (tmp_path / "folder").symlink_to(target)

    with pytest.raises(OSError, match="is a link or a file, not a folder"):
        files.make_private(tmp_path / "folder")

    assert stat.S_IMODE(target.stat().st_mode) == 0o755


@root_only
def test_private_folder_of_another_account_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.chown(tmp_path / "folder", NOBODY, NOBODY)

    with pytest.raises(PermissionError, match="belongs to another user"):
        files.make_private(tmp_path / "folder")


@root_only
def test_root_gives_away_no_folder_with_files_of_its_own(tmp_path: Path, victim: Path) -> None:
    """Such as one that the owner of DATA_DIR has put in the place of theirs, by a link above it."""
    with pytest.raises(PermissionError, match="has files of other accounts"):
        files.make_private(tmp_path, (NOBODY, NOBODY))

    assert tmp_path.stat().st_uid == 0


@root_only
def test_root_acts_with_the_rights_of_an_account_and_then_with_its_own(tmp_path: Path, victim: Path) -> None:
    victim.chmod(0o600)
    tmp_path.chmod(0o755)
    for above in tmp_path.parents[:-2]:
        above.chmod(0o755)

    with files.acting_as(NOBODY, NOBODY), pytest.raises(PermissionError):
        victim.read_bytes()

    assert victim.read_bytes() == TEXT
    assert os.geteuid() == 0


@pytest.mark.parametrize("prepare", [link, pipe, pytest.param(of_another_account, marks=root_only)])
def test_prepared_key_is_refused(tmp_path: Path, victim: Path, prepare: Prepare) -> None:
    prepare(tmp_path / "secret_key", victim)

    with pytest.raises(ImproperlyConfigured, match="DATA_DIR: cannot read"):
        data_dir.secret_key(tmp_path)


@pytest.mark.parametrize("prepare", [link, second_name, pipe])
@pytest.mark.parametrize("name", ["lock", "users"])
def test_prepared_lock_is_refused(tmp_path: Path, victim: Path, name: str, prepare: Prepare) -> None:
    prepare(tmp_path / name, victim)

    with pytest.raises(EmbeddedError, match="DATA_DIR: cannot write to"), Embedded(tmp_path).running():
        pass

    assert victim.read_bytes() == TEXT


@root_only
@pytest.mark.parametrize("user, owner, why", [(0, 0, "others than root"), (NOBODY - 1, NOBODY, "another user")])
def test_data_folder_that_others_could_prepare_is_refused(folder: Path, user: int, owner: int, why: str) -> None:
    folder.chmod(0o777)
    os.chown(folder, owner, owner)

    with files.acting_as(user, user), pytest.raises(PermissionError, match=why):
        data_dir.make(folder, with_key=True)

    assert list(folder.iterdir()) == []


@root_only
def test_key_in_the_folder_of_another_account_belongs_to_it(folder: Path) -> None:
    os.chown(folder, NOBODY, NOBODY)

    data_dir.make(folder, with_key=True)

    assert (folder / "secret_key").stat().st_uid == NOBODY


@root_only
@pytest.mark.parametrize("prepare", [link, *(pytest.param(way, marks=pytest.mark.long) for way in (second_name, pipe))])
def test_database_account_cannot_lead_its_log_elsewhere(folder: Path, victim: Path, prepare: Prepare) -> None:
    victim = shutil.copy2(victim, folder / "victim")
    assert answers(started(folder / "data")) == ["42"]
    log = folder / "data" / "postgres" / "postgres.log"
    log.unlink()
    prepare(log, victim)

    assert answers(started(folder / "data")) == ["42"]

    assert victim.read_bytes() == TEXT
    assert stat.S_ISREG(log.lstat().st_mode) and log.stat().st_uid == log.parent.stat().st_uid != 0


@root_only
@pytest.mark.parametrize("name", [pytest.param("postgres/socket", marks=pytest.mark.long), "postgres"])
def test_database_account_gets_no_folder_of_root(folder: Path, tmp_path: Path, name: str) -> None:
    assert answers(started(folder / "data")) == ["42"]
    path = folder / "data" / name
    path.rename(folder / "former")
    path.symlink_to(tmp_path)

    refused = started(folder / "data")

    assert "is a link or a file, not a folder" in refused.communicate(timeout=60)[1]
    assert tmp_path.stat().st_uid == 0


def test_version_of_the_data_is_not_read_through_a_link(folder: Path, victim: Path) -> None:
    """Nor from a pipe, which would keep root waiting."""
    (folder / "postgres" / "cluster").mkdir(parents=True)
    link(folder / "postgres" / "cluster" / "PG_VERSION", shutil.copy2(victim, folder / "victim"))

    with pytest.raises(OSError):
        Cluster(places.find(folder), folder, {}, "postgres", "postgres").version()


@root_only
def test_database_account_cannot_choose_who_runs_postgres(folder: Path) -> None:
    """A link to the folder of a third account, in its own folder."""
    assert answers(started(folder / "data")) == ["42"]
    home = folder / "data" / "postgres"
    (folder / "third").mkdir()
    os.chown(folder / "third", NOBODY, NOBODY)
    (home / "cluster").rename(home / "former")
    (home / "cluster").symlink_to(folder / "third")

    assert places.find(folder / "data").account()[0] == home.stat().st_uid != NOBODY


@root_only
@pytest.mark.parametrize("prepare", [link, of_another_account])
def test_prepared_name_of_the_data_folder_is_refused(folder: Path, victim: Path, prepare: Prepare) -> None:
    prepare(folder / places.POINTER, victim)

    with pytest.raises(OSError):
        places.choose(folder)

    assert places.find(folder).home == folder / "postgres"


@by_plain_user
def test_prepared_folder_of_a_plain_user_in_the_temporary_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    data = folder / "long" / ("long" * 40)
    data.mkdir(parents=True)
    os.chown(data, NOBODY, NOBODY)
    prepared = places.TEMPORARY / f"inviting_app-{NOBODY}-{places.digest(data / 'postgres')}"
    prepared.symlink_to(tmp_path)
    try:
        refused = started(data, *PLAIN).communicate(timeout=60)[1]
    finally:
        prepared.unlink()

    assert "is a link or a file, not a folder" in refused
    assert list(tmp_path.iterdir()) == []


@root_only
def test_shared_folder_of_another_account_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = folder / "shared"
    monkeypatch.setattr(system_user, "SHARED", shared)
    monkeypatch.setattr(system_user, "LOCK", folder / "lock")
    shared.mkdir()
    os.chown(shared, NOBODY, NOBODY)

    with pytest.raises(PermissionError, match="others than root"), system_user.shared_folder():
        pass


@root_only
def test_lock_of_root_is_not_opened_through_a_link(folder: Path, victim: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system_user, "LOCK", folder / "lock")
    link(folder / "lock", victim)

    with pytest.raises(OSError), system_user.locked():
        pass

    assert victim.read_bytes() == TEXT
