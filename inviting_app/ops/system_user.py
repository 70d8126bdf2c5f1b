"""The system user that runs PostgreSQL for root, and the folder for what that user must reach."""

import fcntl
import os
import pwd
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from inviting_app.ops import files
from inviting_app.ops.data_dir import make_open

USER = "inviting_app"
# For what cannot be in a closed folder: data, and a copy of the programs.
SHARED = Path("/var/lib/inviting_app")
# Held while root makes what all its starts share.
LOCK = Path("/var/lib/inviting_app.lock")
# The first is of Debian, Fedora, Arch and openSUSE, the second of BusyBox, which Alpine has.
COMMANDS = (
    ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/", USER],
    ["adduser", "-S", "-D", "-H", "-h", "/", USER],
)
# Another program may hold the lock of /etc/passwd for a moment.
ATTEMPTS = 10
PAUSE_SECONDS = 0.5


def is_root() -> bool:
    return os.geteuid() == 0


def run_as(uid: int, gid: int) -> dict[str, Any]:
    """How `subprocess` runs a program with the rights of this account instead of root's.

    It is in a session of its own, so root's terminal does not control it: whoever has got into the account could push
    keys into that terminal (TIOCSTI). Give it no terminal as an open file either.
    """
    return {"user": uid, "group": gid, "extra_groups": [], "start_new_session": True}


def is_open(path: Path) -> bool:
    """Whether every user gets through to this path."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in (path, *path.parents) if folder.exists())


@contextmanager
def locked() -> Iterator[None]:
    """Let one process at a time make what all starts of root share. Raises OSError."""
    make_open(LOCK.parent)
    with open(files.open_regular(LOCK, os.O_WRONLY | os.O_CREAT), "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def shared_folder() -> Iterator[Path]:
    """The folder SHARED, which one process at a time may change, and only root. Raises OSError."""
    with locked():
        make_open(SHARED)
        files.check_of_root(SHARED)
        yield SHARED


def make() -> pwd.struct_passwd:
    """The user. Of several processes, one makes it. Raises OSError."""
    with locked():
        for _ in range(ATTEMPTS):
            with suppress(KeyError):
                return pwd.getpwnam(USER)
            if any(_succeeds(command) for command in COMMANDS):
                return pwd.getpwnam(USER)
            # A start of an earlier version, which does not know the lock, may have been faster.
            time.sleep(PAUSE_SECONDS)
    raise OSError(f"the system user {USER} cannot be made")


def _succeeds(command: list[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False
