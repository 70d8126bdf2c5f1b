"""What the service remembers of its backups: `doctor` and the admin tell how old the last ones are.

It does not matter if that fails: the tables may be those of an earlier version, or the server a standby.
"""

from contextlib import suppress
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.db.models import F, Value
from django.db.models.functions import Greatest, Least, Now

from users.models import SiteTotals


def record_made() -> None:
    """A backup was made now."""
    _store(backed_up_at=Now())


def record_checked(made_at: datetime) -> None:
    """A restore has proved a backup of this time.

    The clock of the machine that made it may be wrong, but none is from the future.
    """
    _store(checked_backup_at=Greatest(F("checked_backup_at"), Least(Value(made_at), Now())))


def record_restored(made_at: datetime) -> None:
    """The backup of this time was just restored: no backup has a record of itself."""
    record_checked(made_at)
    _store(backed_up_at=Greatest(F("backed_up_at"), F("checked_backup_at")))


def _store(**times: Any) -> None:
    with suppress(DatabaseError):
        SiteTotals.objects.using(settings.OWNER_DATABASE).update(**times)
