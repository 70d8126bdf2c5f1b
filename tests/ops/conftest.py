"""A folder for services, a certificate for proxies, a file for backups, and a database to restore into."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connection

from tests.support.proxies import installed
from tests.support.service import service_folder


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder of the temporary folder that other accounts can enter."""
    with service_folder() as made:
        yield made


@pytest.fixture(scope="module")
def certificate() -> Iterator[Path]:
    """Of `localhost`, with its key."""
    with service_folder() as folder:
        file = folder / "localhost.pem"
        kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=localhost"]
        files: list[str | Path] = ["-out", file, "-keyout", folder / "key.pem"]
        subprocess.run([installed("openssl"), "req", "-x509", *kind, *files], capture_output=True, check=True)
        file.write_text(file.read_text() + (folder / "key.pem").read_text())
        yield file


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "users.backup"


@pytest.fixture
def empty_database(transactional_db: None) -> Iterator[Callable[[], None]]:
    """Each call moves the connection to a new empty database; the end of the test moves it back."""
    here = connection.settings_dict["NAME"]
    there = f"{here}_restored"

    def drop() -> None:
        connection.close()
        connection.settings_dict["NAME"] = here
        with connection.cursor() as cursor:
            cursor.execute(f'DROP DATABASE IF EXISTS "{there}" WITH (FORCE)')

    def move() -> None:
        drop()
        with connection.cursor() as cursor:
            cursor.execute(f'CREATE DATABASE "{there}"')
        connection.close()
        connection.settings_dict["NAME"] = there

    yield move
    drop()
