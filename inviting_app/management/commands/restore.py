"""Put the backup FILE in place of all that is in the database, or change nothing.

Stop web and worker first. A database that has people is refused unless --replace is given; whoever was erased in it
since the backup is erased again. A backup of an older version is brought up to this one; one of a newer version is
refused. Ends with status 0 if all is restored; 1 if nothing has changed, or 128 and its number if a signal asked to
stop; 3 if something is left to do, which it tells.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import CommandError, call_command
from django.core.management.base import BaseCommand, CommandParser
from django.db import OperationalError, connection

from inviting_app.ops import restore
from inviting_app.ops.embedded import Embedded
from inviting_app.ops.pg_programs import PEOPLE, ProgramError, at_hand, stop_again, stopping_in_order
from profiles import privacy
from profiles.models import Activation
from users.clock import database_now
from users.models import User
from users.sms import queue

ERASED_SINCE = """
The backup was begun at {begun}. Who was erased since is back, unless this database knew of it. Before you open
the service, erase them again from its logs, or from what `manage.py erasures` printed before:
    cat erasures.txt service.log | manage.py erasures --again"""

UNKNOWN = (
    "The database was lost at the commit ({error}), so all is restored, or nothing has changed. Restore again, then"
    " `manage.py erasures --again` with the lines above."
)


class Command(BaseCommand):
    help = __doc__
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path)
        parser.add_argument("--replace", action="store_true", help="delete what is in the database, people too")

    def handle(self, *args: Any, file: Path, replace: bool, **options: Any) -> None:
        erased: list[tuple[int, datetime]] = []
        with stopping_in_order():
            try:
                _refuse_while_served()
                begun = restore.begun_at(file)
                erased = _erased() if replace else []
                missing = restore.restore(file, replace)
            except ProgramError as error:
                raise CommandError(f"Nothing has changed: {error}.") from error
            except OperationalError as error:  # perhaps of a pooler: other than those of `at_hand`
                told = str(error).splitlines()[0]
                raise CommandError(f"Nothing has changed: the database does not answer: {told}.") from error
            except SystemExit:  # from the commit on it waits
                self.stderr.write("Nothing has changed: interrupted.")
                raise
            except restore.CommitUnknown as error:
                self._tell(erased)
                raise CommandError(UNKNOWN.format(error=error), returncode=3) from error
            self._finish(missing, erased, begun)

    def _tell(self, erased: list[tuple[int, datetime]]) -> None:
        for user_id, at in erased:
            self.stderr.write(privacy.erasure_log_line(user_id, at))

    def _finish(self, missing: list[str], erased: list[tuple[int, datetime]], begun: str) -> None:
        """What cannot be in the one transaction. If it fails, who was erased is known nowhere else any more."""
        try:
            stop_again()
            self._migrate_and_erase(missing, erased)
            self.stdout.write(ERASED_SINCE.format(begun=begun))
            self.stdout.flush()
        except BaseException as error:
            self._tell(erased)
            raise CommandError(
                f"All is restored, but this is left to do ({type(error).__name__}): `manage.py migrate`, then"
                " `manage.py erasures --again` with the lines above.",
                returncode=3,
            ) from error

    def _migrate_and_erase(self, missing: list[str], erased: list[tuple[int, datetime]]) -> None:
        if missing:
            self.stdout.write(f"The backup is of an older version. Migrations applied to it: {', '.join(missing)}.")
            call_command("migrate", verbosity=0, interactive=False)
        again = sum(privacy.repeat_erasure(user_id, at) for user_id, at in erased)
        with connection.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE)")  # plans go by statistics, which no backup has
        self.stdout.write(f"Restored: {User.objects.count()} people and {Activation.objects.count()} votes.")
        if again:
            self.stdout.write(f"{again} of them, who had been erased since, were erased again.")


def _refuse_while_served() -> None:
    """Web and worker would find other tables in the middle of their work, and what they wrote would be lost."""
    if settings.EMBEDDED_POSTGRES and Embedded(settings.DATA_DIR).is_of_another_process():
        raise ProgramError(f"the service, or another command, runs the database in {settings.DATA_DIR}: stop it first")
    if sessions := at_hand().web_sessions:
        raise ProgramError(f"the web is running ({sessions} of its sessions are in the database): stop it first")
    if "procrastinate_workers" not in connection.introspection.table_names():
        return
    if workers := queue.look(database_now()).workers:
        raise ProgramError(
            f"the service is running, with {workers} of its workers: stop it first"
            f" (one that was killed counts for {queue.DEAD_AFTER.total_seconds():.0f} seconds)"
        )


def _erased() -> list[tuple[int, datetime]]:
    """Whom the database knows as erased, and when: it may be of any version."""
    if PEOPLE not in connection.introspection.table_names():
        return []
    erased = User.objects.filter(erased_at__isnull=False).values_list("pk", "erased_at")
    return [(user_id, at) for user_id, at in erased if at]
