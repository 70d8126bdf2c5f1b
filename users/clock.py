"""Time is the database's, so that any number of processes on any number of hosts agree on it."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import models

from users import sql

NO_DELAY = timedelta(0)
HOUR = timedelta(hours=1)
DAY = timedelta(hours=24)


class ClockTimestamp(models.Func):
    """The database's time at this very moment, not at the start of the transaction."""

    function = "clock_timestamp"
    output_field = models.DateTimeField()


def database_now() -> datetime:
    """The database's time at this very moment."""
    (now,) = sql.fetch_one("SELECT clock_timestamp()", [])
    assert isinstance(now, datetime)
    return now
