"""The migrations of this version, those of them that the database lacks, and the text of the database's errors."""

from pathlib import Path

from django.apps import apps
from django.db import connection
from django.db.migrations.exceptions import MigrationSchemaMissing
from django.db.migrations.recorder import MigrationRecorder


def known() -> set[str]:
    """The migrations of this version, by names such as `users.0001_initial`.

    Found by their file names: Django's loader imports them, which would cost each web process megabytes.
    """
    files = {app.label: Path(app.path, "migrations").glob("[0-9]*.py") for app in apps.get_app_configs()}
    return {f"{label}.{file.stem}" for label, found in files.items() for file in found}


def missing() -> list[str]:
    """The migrations of this version that the database does not have. It may have those of a newer version too."""
    applied = MigrationRecorder(connection).applied_migrations()
    return sorted(known() - {f"{app}.{name}" for app, name in applied})


def error_line(error: BaseException) -> str:
    """The first line of the database's error text. It may name host, database and user, but never the password.

    Django wraps the error if it cannot create its table of migrations.
    """
    cause = error.__context__ if isinstance(error, MigrationSchemaMissing) else error
    return str(cause).partition("\n")[0]
