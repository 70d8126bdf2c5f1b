"""Prepare this version for serving: migrate the database and collect static files."""

import os
from contextlib import nullcontext
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import CommandError, call_command
from django.core.management.base import BaseCommand
from django.db import DatabaseError, connections
from django.db.migrations.exceptions import MigrationSchemaMissing

from inviting_app.ops import checks_database, database_errors, files


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            for unusable in checks_database.version():
                raise CommandError(f"inviting_app cannot start. The database: {unusable.msg} {unusable.hint}")
            call_command("migrate", verbosity=0, interactive=False)
        except (DatabaseError, MigrationSchemaMissing) as error:
            raise CommandError(f"inviting_app cannot start. {database_errors.explained(error)}") from error
        finally:
            connections.close_all()
        if not _static_is_current():
            _collect_static()


def _collect_static() -> None:
    """Collect the files. Root does nothing with its own rights in the folder of another account."""
    try:
        with files.acting_as_owner_of(settings.DATA_DIR) if settings.DATA_DIR.exists() else nullcontext():
            call_command("collectstatic", verbosity=0, interactive=False)
    except PermissionError as error:
        raise CommandError(f"inviting_app cannot start. DATA_DIR: its owner may not use {error.filename}") from error


def _static_is_current() -> bool:
    """Whether no static file is newer than the last collection, which takes seconds."""
    manifest = settings.STATIC_ROOT / "staticfiles.json"
    if not manifest.exists():
        return False
    collected = manifest.stat().st_mtime
    files = (storage.path(path) for finder in get_finders() for path, storage in finder.list([]))
    return all(os.stat(file).st_mtime < collected for file in files)
