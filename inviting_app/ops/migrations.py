"""The migrations of this version, and those of them that the database lacks."""

from pathlib import Path

from django.apps import apps
from django.db import connection
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
