"""Write a backup of the database to FILE, or to the standard output if FILE is -. The service may run meanwhile.

FILE appears when the backup is complete, and replaces an older one only then. It holds personal data, but not
SECRET_KEY: see docs/operations.md.
"""

import signal
import sys
from pathlib import Path
from typing import Any

from django.core.management import CommandError
from django.core.management.base import BaseCommand, CommandParser

from inviting_app.ops import backup


class Command(BaseCommand):
    help = __doc__
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path)

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that an unfinished backup is deleted
        try:
            if str(file) == "-":
                backup.dump(stdout=sys.stdout)
                backup.record()
                return
            backup.back_up(file)
            backup.record()
        except (backup.BackupError, OSError, KeyboardInterrupt) as error:
            raise CommandError(f"No backup was made: {str(error) or 'interrupted'}") from error
        self.stdout.write(f"The backup {file} is complete: {file.stat().st_size / 1e6:.1f} MB.")
