"""A folder for services, a file for backups, and a database to restore into."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connection

from tests.support.service import service_folder


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder of the temporary folder that other accounts can enter."""
    with service_folder() as made:
        yield made


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
