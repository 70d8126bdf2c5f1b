"""The folder DATA_DIR and the secret key in it. Commands make them; importing a module never does."""

import errno
import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from inviting_app.ops import files


def make(data_dir: Path, *, with_key: bool) -> None:
    """Make the folder, and its key if none is set, at the first start. Raises OSError if the folder cannot be used.

    Whoever owns it can put a PostgreSQL of theirs where this one is expected, and would get all data. Root leaves the
    folder of another account to that account.
    """
    make_open(data_dir)
    user, owner = os.geteuid(), os.stat(data_dir).st_uid
    if user == owner == 0:
        files.check_of_root(data_dir)
    elif user and owner not in (0, user):
        raise PermissionError(errno.EPERM, "it belongs to another user", str(data_dir))
    key = data_dir / "secret_key"
    with (
        files.acting_as_owner_of(data_dir),
        tempfile.NamedTemporaryFile("w", dir=data_dir, prefix="secret_key.") as draft,
    ):
        if with_key and not key.exists():
            draft.write(secrets.token_urlsafe(50))
            draft.flush()
            with suppress(FileExistsError):  # of two starts at the same moment one makes the key, and never half of it
                os.link(draft.name, key)


def make_open(folder: Path) -> None:
    """Make a folder, and those above it, that every user can pass through: PostgreSQL may run as another user.

    A folder that exists is left as it is.
    """
    if not folder.exists():
        make_open(folder.parent)
        # Not `chmod` afterwards: another first start would see a closed folder for a moment.
        former = os.umask(0o022)
        try:
            folder.mkdir(exist_ok=True)
        finally:
            os.umask(former)


def secret_key(data_dir: Path) -> str:
    """The key that the first start made. Raises ImproperlyConfigured if it cannot be read.

    Before the first start each process gets its own, for tools such as mypy that only load the settings.
    """
    try:
        return files.read_regular(data_dir / "secret_key").decode().strip()
    except (FileNotFoundError, NotADirectoryError):
        return secrets.token_urlsafe(50)
    except OSError as error:
        raise ImproperlyConfigured(
            f"inviting_app cannot start. DATA_DIR: cannot read {error.filename}: {error.strerror}"
        ) from None
