"""The migrations of this version, which of them the database has, and the text of the database's errors."""

import io

from django.core.management import call_command
from django.db.migrations.exceptions import MigrationSchemaMissing


def planned() -> dict[str, bool]:
    """Whether the database has each migration of this version, by names such as `users.0001_initial`, in order."""
    plan = io.StringIO()
    call_command("showmigrations", "--plan", "--no-color", stdout=plan)
    lines = (line for line in plan.getvalue().splitlines() if line.startswith("["))
    return {line[3:].split()[0]: line.startswith("[X]") for line in lines}


def error_line(error: BaseException) -> str:
    """The first line of the database's error text. It may name host, database and user, but never the password.

    Django wraps the error if it cannot create its table of migrations.
    """
    cause = error.__context__ if isinstance(error, MigrationSchemaMissing) else error
    return str(cause).partition("\n")[0]
