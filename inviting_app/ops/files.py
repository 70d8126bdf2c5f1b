"""Files and folders where another account may write, too: none is reached through what that account prepared.

Root runs PostgreSQL as another account, which owns the folder of the data; DATA_DIR may be a plain user's; a backup may
be written to a folder that all users share. Whoever can write to a folder can put a link, a pipe or a file of theirs
where a file is expected. So a file is opened without following a link, and checked once it is open; and what is in the
folder of another account, root does with the rights of that account.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# More than a key or a line of a log has.
READ_BYTES = 100_000
# Not a link; without waiting for the other end of a pipe; and not for programs that are started meanwhile.
_CAREFULLY = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def open_regular(path: Path, flags: int, *owners: int) -> int:
    """Open a regular file of one of these users. Raises OSError.

    Without any: of this process's user, of root or of the owner of its folder. To be written, it must have no other
    name: it could be a file from elsewhere.
    """
    descriptor = os.open(path, flags | _CAREFULLY, 0o600)
    found = os.fstat(descriptor)
    owners = owners or (0, os.geteuid(), os.stat(path.parent).st_uid)
    to_write = flags & (os.O_WRONLY | os.O_RDWR)
    if not stat.S_ISREG(found.st_mode) or found.st_uid not in owners or (to_write and found.st_nlink != 1):
        os.close(descriptor)
        raise PermissionError(errno.EPERM, "is not a regular file, or somebody else prepared it", str(path))
    return descriptor


def read_regular(path: Path, *owners: int) -> bytes:
    """The end of such a file, or all of a small one. Raises OSError."""
    with open(open_regular(path, os.O_RDONLY, *owners), "rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - READ_BYTES))
        return file.read(READ_BYTES)


def make_private(folder: Path, owner: tuple[int, int] | None = None, mode: int = 0o700) -> None:
    """Make a folder that belongs to this account, by default that of this process. Raises OSError.

    A folder that exists must belong to it or to this process's user. Root gives away no folder in which anything is of
    others: whoever can rename the folders above may have put it there a moment ago.
    """
    uid, gid = owner or (os.geteuid(), os.getegid())
    with suppress(FileExistsError):
        os.mkdir(folder, 0o700)
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | _CAREFULLY)
    except OSError as error:
        if error.errno in (errno.ENOTDIR, errno.ELOOP):
            raise OSError(error.errno, "is a link or a file, not a folder", str(folder)) from error
        raise
    try:
        found = os.fstat(descriptor)
        if found.st_uid not in (uid, os.geteuid()):
            raise PermissionError(errno.EPERM, "belongs to another user", str(folder))
        if found.st_uid != uid:
            inside = [os.stat(name, dir_fd=descriptor, follow_symlinks=False) for name in os.listdir(descriptor)]
            if any(one.st_uid != uid for one in inside):
                raise PermissionError(errno.EPERM, f"has files of other accounts than {uid}: chown them", str(folder))
            os.fchown(descriptor, uid, gid)
        os.fchmod(descriptor, mode)
    finally:
        os.close(descriptor)


def check_of_root(folder: Path) -> None:
    """Check that this folder is root's, and that only root can write to it. Raises PermissionError."""
    found = os.lstat(folder)
    # Whoever is in root's own group can be root anyway.
    others = stat.S_IWOTH | (stat.S_IWGRP if found.st_gid else 0)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid or found.st_mode & others:
        raise PermissionError(errno.EPERM, "others than root can write to it", str(folder))


@contextmanager
def acting_as(uid: int, gid: int) -> Iterator[None]:
    """Let root work on files with the rights of this account only. For other users than root nothing changes."""
    if os.geteuid() != 0 or uid == 0:
        yield
        return
    groups, own = os.getgroups(), os.getegid()
    os.setgroups([])
    try:
        os.setegid(gid)
        os.seteuid(uid)
        yield
    finally:
        os.seteuid(0)
        os.setegid(own)
        os.setgroups(groups)


@contextmanager
def acting_as_owner_of(folder: Path) -> Iterator[None]:
    """Let root work in a folder with the rights of its owner only."""
    found = os.stat(folder)
    with acting_as(found.st_uid, found.st_gid):
        yield
