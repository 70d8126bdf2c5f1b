"""Backups that are proved by a restore: into a scratch PostgreSQL beside the file, which is deleted afterwards.

It is the embedded PostgreSQL, also where the service has a DATABASE_URL. So the check needs no rights on that server,
and does not burden it. Root's is in /var/lib/inviting_app.
"""

import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings

from inviting_app.ops import backup, backup_times, files, places, system_user
from inviting_app.ops.backup import BackupError
from profiles import privacy

# `restore` in a scratch database names no other one.
_OWN_DATABASE = ("DATABASE_URL", "WORKER_DATABASE_URL", "OWNER_DATABASE_URL", "REPLICA_URL")
# What `manage.py restore` prints.
_BEGUN = re.compile(r"^The backup of (\d{4}-\d+-\d+ \d+:\d+:\d+) UTC is restored", re.MULTILINE)
_COUNTED = re.compile(r"^Restored: (\d+) users and (\d+) activations", re.MULTILINE)
_PREFIX = re.compile("^CommandError: (The backup was not restored: )?")
# The names of a day's backup once it is checked, and before.
_CHECKED, _UNCHECKED = "{day}.backup", "{day}.unchecked"
_DAYS = "????-??-??"
_SCRATCH = ".check-"
ERASURES = "erasures.txt"
# Longer than a backup and its check take.
REMAINS_SECONDS = 24 * 3600


@dataclass(frozen=True)
class Checked:
    """What a restore found in a backup, and when the backup was made."""

    made_at: datetime
    users: int
    activations: int


def check(file: Path) -> Checked:
    """Restore this backup into a scratch database, and remember that it is good. Raises BackupError and OSError.

    It needs as much free space as the database takes: in the folder of the file, or for root in /var/lib/inviting_app.
    """
    file = file.resolve()
    file.open("rb").close()
    with _scratch(file.parent) as folder:
        printed = _restore(file, folder)
    begun, counted = _BEGUN.search(printed), _COUNTED.search(printed)
    if not (begun and counted):
        raise BackupError(f"{file} has no time of its making")
    checked = Checked(datetime.fromisoformat(begun[1]).replace(tzinfo=UTC), int(counted[1]), int(counted[2]))
    backup_times.record_checked(checked.made_at)
    return checked


def make(folder: Path, keep: int) -> tuple[Path, Checked]:
    """Make and check the backup of this day (UTC), and keep `keep` in this folder: it, and the newest others.

    A file is named `DAY.backup` only once it is checked. Raises BackupError and OSError, and deletes nothing then.

    The folder is made if it is missing, and closed to others: they could prepare what is deleted or written here.
    """
    files.make_private(folder)
    _remove_remains(folder)
    day = datetime.now(UTC).date()
    unchecked, file = folder / _UNCHECKED.format(day=day), folder / _CHECKED.format(day=day)
    backup.back_up(unchecked)
    backup_times.record_made()
    _keep_erasures(folder)
    checked = check(unchecked)
    unchecked.replace(file)
    others = sorted(set(folder.glob(_CHECKED.format(day=_DAYS))) - {file}, reverse=True)
    for superseded in [*others[keep - 1 :], *folder.glob(_UNCHECKED.format(day=_DAYS))]:
        superseded.unlink()
    return file, checked


def _keep_erasures(folder: Path) -> None:
    """Keep the erasure log, which `restore --erasures` needs, beside the backups. It holds no personal data.

    What it had before stays: after a restore the database does not know of erasures whose users were not in the backup,
    but other backups of the folder may have them.
    """
    draft, kept = folder / f".{ERASURES}", folder / ERASURES
    lines = []
    with suppress(FileNotFoundError), open(files.open_regular(kept, os.O_RDONLY)) as log:
        lines = log.read().splitlines()
    draft.unlink(missing_ok=True)  # a link, if somebody else could write to the folder before
    with open(files.open_regular(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "w") as log:
        log.writelines(f"{line}\n" for line in dict.fromkeys([*lines, *privacy.erasure_log()]))
    draft.replace(kept)


def _remove_remains(folder: Path) -> None:
    """Delete what a command that was killed has left: half a backup, or a scratch database."""
    for path in (*folder.glob(f".{_DAYS}.*.part"), *_place_beside(folder).glob(f"{_SCRATCH}*")):
        found = path.lstat()
        if time.time() - found.st_mtime <= REMAINS_SECONDS:
            continue
        if not stat.S_ISDIR(found.st_mode):  # a link too: what it leads to is not ours
            path.unlink()
        elif path.name.startswith(_SCRATCH):
            shutil.rmtree(places.find(path).home, ignore_errors=True)
            shutil.rmtree(path)


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """A DATA_DIR for one restore of a file in this folder. As root, its data is in a folder elsewhere: see `places`."""
    with tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=_place_beside(folder)) as data_dir:
        try:
            yield Path(data_dir)
        finally:
            shutil.rmtree(places.find(Path(data_dir)).home, ignore_errors=True)


def _place_beside(folder: Path) -> Path:
    """Where scratch databases are made: beside the backups, and root's where only root can write.

    Another owner of the folder could exchange what root then deletes.
    """
    if not system_user.is_root():
        return folder
    with system_user.shared_folder() as shared:
        return shared


def _restore(file: Path, data_dir: Path) -> str:
    """What `manage.py restore` prints in a process of its own, with the settings of this one but for the database."""
    own = {**dict.fromkeys(_OWN_DATABASE, ""), "DATA_DIR": str(data_dir)}
    with subprocess.Popen(
        [sys.executable, "manage.py", "restore", str(file)],
        cwd=settings.BASE_DIR,
        env=os.environ | own,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        try:
            printed, errors = child.communicate()
        except BaseException:
            child.terminate()  # it stops its PostgreSQL before it ends
            raise
    if child.returncode:
        why = (errors.strip().splitlines() or ["it gave no reason"])[-1]
        raise BackupError(f"{file} cannot be restored: {_PREFIX.sub('', why)}")
    return printed
