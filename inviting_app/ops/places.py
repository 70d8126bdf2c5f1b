"""Where the embedded PostgreSQL keeps its data and its socket.

The data is in DATA_DIR. Root's PostgreSQL runs as a system user; if that user cannot enter DATA_DIR, the data is in a
folder under `system_user.SHARED`, and a file in DATA_DIR names it. So data moves with DATA_DIR, and a new DATA_DIR at
an old path starts empty.

The path of a socket has at most 107 bytes, paths inside PostgreSQL have 1023, and some characters mean something else
to libpq or to the shell that initdb uses. A path that does not fit is reached through a link in a short folder.
"""

import hashlib
import logging
import os
import re
import stat
import tempfile
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from inviting_app.ops import files, system_user

logger = logging.getLogger(__name__)

# The file in DATA_DIR that names the folder of the data, if it is elsewhere.
POINTER = "postgres.folder"
# Bytes: Linux allows 107 and macOS 103, and a few are kept for PostgreSQL's lock file.
SOCKET_PATH_MAX = 96
# Not TMPDIR, which may be long, and may differ between the commands that share one PostgreSQL.
TEMPORARY = Path("/tmp")  # noqa: S108


class Unreachable(Exception):
    """The account that runs PostgreSQL does not get to its data. The text is for the operator."""


@dataclass(frozen=True)
class Places:
    """The folders of one PostgreSQL."""

    # Its data and its log.
    home: Path
    # Its socket.
    socket_dir: Path
    # A short folder with a link to `home`, or None if `home` itself fits.
    short: Path | None

    @property
    def cluster_argument(self) -> Path:
        """The path by which PostgreSQL's programs are told the cluster, through the link if there is one."""
        return (self.short / "home" if self.short else self.home) / self.cluster.name

    @property
    def cluster(self) -> Path:
        return self.home / "cluster"

    def account(self) -> tuple[int, int]:
        """The user and the group that run PostgreSQL. Root leaves existing data to the account that has it."""
        if not system_user.is_root():
            return os.geteuid(), os.getegid()
        for folder in (self.home, self.cluster):
            with suppress(FileNotFoundError):
                found = os.lstat(folder)  # never what a link leads to: that account may change what is in its folder
                if stat.S_ISDIR(found.st_mode) and found.st_uid:
                    return found.st_uid, found.st_gid
        user = system_user.make()
        return user.pw_uid, user.pw_gid

    def make(self, data_dir: Path) -> None:
        """Make all folders. Raises OSError, or Unreachable."""
        self.make_short()
        account = self.account()
        if system_user.is_root():
            self._check_way(data_dir, account[0])
        files.make_private(self.home, account)
        # Root does nothing with its own rights in the folder of another account.
        with nullcontext() if self.short else files.acting_as(*account):
            files.make_private(self.socket_dir, account)

    def _check_way(self, data_dir: Path, uid: int) -> None:
        if self.home.parent != data_dir:
            logger.warning("folders above %s are closed to others: PostgreSQL uses %s", data_dir, self.home)
            if not self.home.exists():
                raise Unreachable(f"{data_dir / POINTER} names {self.home}, which is not here: move it here, too")
            files.check_of_root(self.home.parent)
        elif not system_user.is_open(data_dir) and uid == system_user.make().pw_uid:
            _check_owner(data_dir, uid)
            raise Unreachable(f"the user {system_user.USER} cannot enter {data_dir}: open the folders above it")

    def make_short(self) -> None:
        """Make the short folder and its link, if the paths need them. Raises OSError."""
        if not self.short:
            return
        if system_user.is_root():
            with system_user.shared_folder():
                files.make_private(self.short, mode=0o711)
        else:
            files.make_private(self.short)
        link = self.short / "home"
        if not link.is_symlink() or link.readlink() != self.home:
            link.unlink(missing_ok=True)
            link.symlink_to(self.home)

    def remove_short(self) -> None:
        """Remove what `make_short` made, when PostgreSQL has stopped."""
        if self.short:
            (self.short / "home").unlink(missing_ok=True)
            with suppress(OSError):  # a socket of a killed PostgreSQL, or a copy of the programs
                self.socket_dir.rmdir()
                self.short.rmdir()


def find(data_dir: Path) -> Places:
    """The places of this DATA_DIR. Makes nothing."""
    pointer = data_dir / POINTER
    home = data_dir / "postgres"
    with suppress(OSError):
        # Root makes what the file names the folder of another account, so it believes only a file of root.
        only = [0] if system_user.is_root() else []
        home = Path(os.fsdecode(files.read_regular(pointer, *only).strip()))
    if fits(home / "socket" / ".s.PGSQL.5432", SOCKET_PATH_MAX):
        return Places(home, home / "socket", None)
    short = short_folder(home)
    return Places(home, short / "socket", short)


def choose(data_dir: Path) -> None:
    """At the first start as root, make the folder outside of DATA_DIR if one is needed.

    Raises OSError, or Unreachable.
    """
    if not system_user.is_root():
        return
    if os.path.lexists(pointer := data_dir / POINTER):
        os.close(files.open_regular(pointer, os.O_RDONLY, 0))
        return
    if (data_dir / "postgres" / "cluster").exists():
        return
    former = system_user.SHARED / digest(data_dir)
    if (data_dir / "lock").exists() and (former / "cluster").exists():
        _point(data_dir, former)  # data of a version that found the folder by the path of DATA_DIR
    elif not system_user.is_open(data_dir):
        _check_owner(data_dir, system_user.make().pw_uid)
        with system_user.shared_folder() as shared:
            folder = Path(tempfile.mkdtemp(dir=shared, prefix="data-"))
        if not _point(data_dir, folder):
            folder.rmdir()


def _check_owner(data_dir: Path, uid: int) -> None:
    """Let root put nothing elsewhere for a service that runs as the system user itself: it would not find it."""
    if data_dir.stat().st_uid == uid:
        raise Unreachable(f"{data_dir} is closed to all but the user {system_user.USER}: run this as that user")


def fits(path: Path, limit: int) -> bool:
    """Whether libpq, PostgreSQL and a shell take this path as it is."""
    return len(os.fsencode(path)) <= limit and re.fullmatch(r"[\w./ @+=~-]+", str(path)) is not None


def _point(data_dir: Path, folder: Path) -> bool:
    """Name the folder in DATA_DIR. Of several processes, one does so."""
    with tempfile.NamedTemporaryFile(dir=data_dir, prefix=f"{POINTER}.") as draft:
        draft.write(os.fsencode(folder) + b"\n")
        draft.flush()
        try:
            os.link(draft.name, data_dir / POINTER)
        except FileExistsError:
            return False
        return True


def digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]


def short_folder(home: Path) -> Path:
    if system_user.is_root():
        return system_user.SHARED / f"run-{digest(home)}"
    return TEMPORARY / f"inviting_app-{os.geteuid()}-{digest(home)}"
