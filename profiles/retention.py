"""What is kept no longer, of people and of their tries."""

from __future__ import annotations

from datetime import datetime

from django.db import connection

from profiles import voting
from profiles.models import Miss
from users import retention


def purge(now: datetime | None = None) -> None:
    """Delete what is older than its time."""
    now = now or _database_now()
    retention.purge(now)
    Miss.objects.filter(created_at__lt=now - voting.MISSES_COUNT_FOR).delete()


def _database_now() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (now,) = cursor.fetchone()
    assert isinstance(now, datetime)
    return now
