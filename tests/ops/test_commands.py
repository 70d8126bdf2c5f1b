"""Commands say in one line what is wrong with the database or their input, and what to do."""

import subprocess
import sys
from collections.abc import Callable

import pytest
from django.conf import settings

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


@pytest.mark.parametrize("command", [["erasures"], ADMIN, ["migrate"], ["prepare"]])
def test_database_that_does_not_answer_is_named_in_one_line(command: list[str]) -> None:
    error = error_of(command, **UNREACHABLE)

    assert error.startswith("CommandError: ")
    assert "Connection refused" in error
    assert "hunter2" not in error
    assert len(error.splitlines()) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("command", [["erasures"], ADMIN, ["worker"]])
def test_missing_tables_are_reported_with_the_advice_to_migrate(
    command: list[str], empty_database: Callable[[], None]
) -> None:
    empty_database()

    error = error_of(command, **database_variables())

    assert error.startswith("CommandError: The database does not have the tables of this version.")
    assert "`manage.py migrate`" in error
    assert len(error.splitlines()) == 1


def test_password_that_is_not_text_is_refused() -> None:
    error = error_of(ADMIN, b"\xff\xfe" * 10, **UNREACHABLE)

    assert error == "CommandError: Password: it must be UTF-8 text.\n"


def test_error_with_another_cause_keeps_its_traceback() -> None:
    error = error_of(["shell", "-c", "1 / 0"], **UNREACHABLE)

    assert error.startswith("Traceback")
    assert "ZeroDivisionError" in error
