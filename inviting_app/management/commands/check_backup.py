"""Check that the backup FILE can be restored: restore it into a scratch database, count, and delete that again.

The service may run meanwhile, and is not touched. The restore needs as much free space as the database takes: in the
folder of FILE, or for root in /var/lib/inviting_app.
The admin and `manage.py doctor` then say how old the last checked backup is.
"""

import signal
from pathlib import Path
from typing import Any

from django.core.management import CommandError
from django.core.management.base import BaseCommand, CommandParser

from inviting_app.ops import checked_backups
from inviting_app.ops.backup import BackupError


class Command(BaseCommand):
    help = __doc__
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path)

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the scratch database is deleted
        try:
            checked = checked_backups.check(file)
        except (BackupError, OSError, KeyboardInterrupt) as error:
            raise CommandError(f"The check failed: {str(error) or 'interrupted'}") from error
        self.stdout.write(said(file, checked))


def said(file: Path, checked: checked_backups.Checked) -> str:
    """The result in words."""
    return (
        f"The backup {file} of {checked.made_at:%F %T} UTC can be restored: "
        f"{checked.users} users and {checked.activations} activations."
    )
