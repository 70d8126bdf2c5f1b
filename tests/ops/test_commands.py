"""Commands say in one line what is wrong with the database or their input, and what to do."""

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from django.conf import settings
from django.db import connection

from tests.support.backups import database_variables

PASSWORD = b"a password of an operator"
UNREACHABLE = {"DATABASE_URL": "postgresql://nobody:hunter2@127.0.0.1:1/nowhere"}
ADMIN = ["createsuperuser", "9991234567"]


def error_of(command: list[str], text: bytes = PASSWORD, **variables: str) -> str:
    """What the command prints when it fails."""
    ended = subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=settings.BASE_DIR,
        env={"SECRET_KEY": settings.SECRET_KEY, "LC_ALL": "C.UTF-8", **variables},
        input=text,
        capture_output=True,
    )
    assert ended.returncode == 1, ended
    return ended.stderr.decode()


@pytest.fixture
def weak_role(transactional_db: None) -> Iterator[str]:
    """A role that may connect and nothing else."""
    name = f"weak_{connection.settings_dict['NAME']}"
    with connection.cursor() as cursor:
        cursor.execute(f'CREATE ROLE "{name}" LOGIN')
    yield name
    with connection.cursor() as cursor:
        cursor.execute(f'DROP ROLE "{name}"')


@pytest.mark.long
@pytest.mark.parametrize("command", [ADMIN, ["prepare"]])
def test_database_that_does_not_answer_is_named_in_one_line(command: list[str]) -> None:
    error = error_of(command, **UNREACHABLE)

    assert error.startswith("CommandError: ")
    assert "Connection refused" in error
    assert "hunter2" not in error
    assert len(error.splitlines()) == 1


@pytest.mark.long
def test_missing_password_is_told_as_such() -> None:
    assert error_of(ADMIN, b"").startswith("CommandError: Password: the standard input is empty.")


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "command", [ADMIN, *(pytest.param([name], marks=pytest.mark.long) for name in ("erasures", "worker"))]
)
def test_missing_tables_are_reported_with_the_advice_to_migrate(
    command: list[str], empty_database: Callable[[], None]
) -> None:
    empty_database()

    error = error_of(command, **database_variables())

    # psycopg warns if the end of the worker cancels a statement.
    [line] = [line for line in error.splitlines() if " WARNING psycopg " not in line]
    assert line.startswith("CommandError: The database does not have the tables of this version.")
    assert "`manage.py migrate`" in line


@pytest.mark.long
@pytest.mark.skipif(not settings.EMBEDDED_POSTGRES, reason="another server may ask the role for a password")
@pytest.mark.parametrize("command", [["prepare"]])
def test_role_without_rights_is_reported_in_one_line(
    command: list[str], empty_database: Callable[[], None], weak_role: str
) -> None:
    empty_database()
    variables = database_variables()

    error = error_of(command, **variables | {"DATABASE_URL": f"{variables['DATABASE_URL']}&user={weak_role}"})

    assert error.startswith("CommandError: ")
    assert "The database: permission denied for schema public" in error
    assert len(error.splitlines()) == 1


@pytest.mark.long
def test_password_that_is_not_text_is_refused() -> None:
    error = error_of(ADMIN, b"\xff\xfe" * 10, **UNREACHABLE)

    assert error == "CommandError: Password: it must be UTF-8 text.\n"


@pytest.mark.long
def test_error_with_another_cause_keeps_its_traceback() -> None:
    error = error_of(["shell", "-c", "1 / 0"], **UNREACHABLE)

    assert error.startswith("Traceback")
    assert "ZeroDivisionError" in error
