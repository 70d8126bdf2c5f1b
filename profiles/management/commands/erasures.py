"""The erasure log, and repeating erasures after a backup was restored."""

import io
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from profiles import privacy


class Command(BaseCommand):
    help = "Print the erasure log: ids and times, no personal data. With --again, repeat erasures after a restore."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--again",
            action="store_true",
            help="read lines of the erasure log, or a log of the service, from the standard input",
        )

    def handle(self, *args: Any, again: bool, **options: Any) -> None:
        if again:
            # Erasures are ASCII. Other lines of a log may be in any encoding.
            entries, erased = privacy.repeat_erasures(io.TextIOWrapper(sys.stdin.buffer, errors="replace"))
            self.stdout.write(f"erasures in the log: {entries}, users erased again: {erased}")
            return
        log = list(privacy.erasure_log())
        for line in log:
            self.stdout.write(line)
        if not log:
            self.stderr.write("No user has been erased.")
