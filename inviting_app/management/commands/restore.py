"""Restore the backup FILE into an empty database, or change nothing.

A backup of an older version is migrated to this one; one of a newer version is refused. --erasures names a file with
what `manage.py erasures` printed, or a log of the service: the users that were erased since the backup are erased
again.

A backup can hold code. It runs as the owner of the tables, and later as the service: restore only backups that you
trust.
"""

import signal
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import CommandError, call_command
from django.core.management.base import BaseCommand, CommandParser

from inviting_app import queries
from inviting_app.ops import backup_times
from inviting_app.ops.backup import BackupError, restore
from profiles import privacy
from profiles.models import Activation
from users.models import User

RESTORED = """The backup of {begun} is restored. Migrations and erasures follow. If they fail:
    manage.py migrate
    manage.py erasures --again < {erasures}"""
ERASED_SINCE = """Users that were erased since the backup are back. Before you open the service, repeat their erasures,
from what `manage.py erasures` printed on the old database or from the service's logs:
    manage.py erasures --again < erasures.txt"""


class Command(BaseCommand):
    help = __doc__
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path)
        parser.add_argument(
            "--trusted", action="store_true", help="restore as a superuser: code in FILE may do anything"
        )
        parser.add_argument("--erasures", metavar="FILE", type=Path, help="erasures to repeat")

    def handle(self, *args: Any, file: Path, erasures: Path | None, trusted: bool, **options: Any) -> None:
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that pg_restore ends too
        try:
            log = erasures.read_text(errors="replace").splitlines() if erasures else []
            begun = restore(file, trusted=trusted)
        except (BackupError, OSError, KeyboardInterrupt) as error:
            raise CommandError(f"The backup was not restored: {str(error) or 'interrupted'}") from error
        told = f"{begun:%Y-%m-%d %H:%M:%S} UTC" if begun else "an unknown time"
        self.stdout.write(RESTORED.format(begun=told, erasures=erasures or "erasures.txt"))
        call_command("migrate", verbosity=0, interactive=False)
        if begun:
            backup_times.record_restored(begun)
        entries, erased = privacy.repeat_erasures(log)
        queries.analyze(settings.OWNER_DATABASE)
        users = User.objects.filter(erased_at=None).count()
        self.stdout.write(f"Restored: {users} users and {Activation.objects.count()} activations.")
        self.stdout.write(
            f"Erasures in the log: {entries}, users erased again: {erased}." if erasures else ERASED_SINCE
        )
