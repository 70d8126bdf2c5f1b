"""Write a backup of the database to FILE, or to the standard output if FILE is -. The service may run meanwhile.

FILE appears when the backup is complete, readable by its owner alone; whatever it was before is kept until then. Ends
with status 0 if the backup is complete, with 1 if there is none. The backup holds personal data, and not SECRET_KEY:
see docs/operations.md.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.management import CommandError
from django.core.management.base import BaseCommand, CommandParser

from inviting_app.ops import backup
from inviting_app.ops.pg_programs import ProgramError, stopping_in_order


class Command(BaseCommand):
    help = __doc__
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path)

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        try:
            with stopping_in_order():
                if str(file) == "-":
                    backup.write_to(sys.stdout.buffer)
                    return
                size = backup.write(file)
        except ProgramError as error:
            raise CommandError(f"No backup was made: {error}.") from error
        except OSError as error:
            raise CommandError(f"No backup was made: the standard output: {error.strerror}.") from error
        self.stdout.write(f"The backup {file} is complete: {size / 1e6:.1f} MB.")
