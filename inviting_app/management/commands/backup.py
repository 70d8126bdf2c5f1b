"""Write a backup of the database to FILE, or to the standard output if FILE is -. The service may run meanwhile.

FILE appears when the backup is complete, and replaces an older one only then. It holds personal data, but not
SECRET_KEY: see docs/operations.md.

With --keep N, FILE is a folder: the backup of this day is written there, restored into a scratch database to check it
(`check_backup`), and then all but the newest N of the folder are deleted. The erasure log is kept beside them.
"""

import signal
import sys
from argparse import ArgumentTypeError
from pathlib import Path
from typing import Any

from django.core.management import CommandError
from django.core.management.base import BaseCommand, CommandParser

from inviting_app.management.commands.check_backup import said
from inviting_app.ops import backup, backup_times, checked_backups


class Command(BaseCommand):
    help = __doc__
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path)
        parser.add_argument("--keep", metavar="N", type=_at_least_one, help="the number of checked backups to keep")

    def handle(self, *args: Any, file: Path, keep: int | None, **options: Any) -> None:
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that an unfinished backup is deleted
        try:
            self._make(file, keep)
        except (backup.BackupError, OSError, KeyboardInterrupt) as error:
            nothing = "No checked backup" if keep else "No backup"
            raise CommandError(f"{nothing} was made: {str(error) or 'interrupted'}") from error
        if doubt := backup.doubt():
            self.stderr.write(doubt)

    def _make(self, file: Path, keep: int | None) -> None:
        if keep:
            self.stdout.write(said(*checked_backups.make(file, keep)))
            return
        if str(file) == "-":
            backup.dump(stdout=sys.stdout)
        else:
            backup.back_up(file)
            self.stdout.write(f"The backup {file} is complete: {file.stat().st_size / 1e6:.1f} MB.")
        backup_times.record_made()


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ArgumentTypeError("at least 1")
    return number
