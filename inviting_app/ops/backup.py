"""Backups: the service's tables as an archive of pg_dump.

Behind the archive stands its SHA-256, for pg_restore does not notice every damage. It does not mind what
stands there, and can read a backup too.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from inviting_app.ops.pg_programs import PEOPLE, ProgramError, at_hand, first_error, started

SEAL = b"\nsha256:%s\n"
CHUNK_BYTES = 1 << 20
# For a table that a migration has locked.
LOCK_MILLISECONDS = 10_000


def write(target: Path) -> int:
    """Write a backup, readable by its owner alone; its size in bytes. The service may run meanwhile.

    What was at `target` is replaced when the backup is complete. Raises ProgramError.
    """
    with _complete_or_gone(target) as file:
        write_to(file)
        return file.tell()


def write_to(stream: IO[bytes]) -> None:
    """Write a backup to what need not be a file. Raises ProgramError or OSError."""
    database = at_hand()
    if PEOPLE not in database.tables:
        raise ProgramError("there is nothing to back up: this database has no tables of the service")
    options = ["--format=custom", f'--schema="{database.schema}"', f"--lock-wait-timeout={LOCK_MILLISECONDS}"]
    digest = hashlib.sha256()
    with (
        tempfile.TemporaryFile() as said,
        started(database, "pg_dump", *options, stdout=subprocess.PIPE, stderr=said) as process,
    ):
        assert process.stdout
        while chunk := process.stdout.read(CHUNK_BYTES):
            digest.update(chunk)
            stream.write(chunk)
        if process.wait():
            raise ProgramError(first_error(said))
    stream.write(SEAL % digest.hexdigest().encode())
    stream.flush()


@contextmanager
def _complete_or_gone(target: Path) -> Iterator[IO[bytes]]:
    """A file that takes the name `target` once it is complete and on the disk, and is deleted if it fails."""
    if target.is_dir():
        raise ProgramError(f"{target} is a folder: name a file in it")
    if target.exists() and not target.is_file():
        raise ProgramError(f"{target} is no regular file: write to the standard output, -, for a pipe")
    draft = target.with_name(f"{target.name}.part")
    try:
        with open(draft, "ab", opener=lambda path, flags: os.open(path, flags | os.O_NOFOLLOW, 0o600)) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with ExitStack() as stack:
                stack.callback(draft.unlink, missing_ok=True)
                os.fchmod(file.fileno(), 0o600)
                file.truncate(0)
                yield file
                os.fsync(file.fileno())
                draft.replace(target)
                stack.pop_all()
    except BlockingIOError as error:
        raise ProgramError(f"{draft} is being written by another backup") from error
    except OSError as error:
        raise ProgramError(f"{target}: {error.strerror}") from error
