"""Time is the database's, so that any number of processes on any number of hosts agree on it."""

import math
from datetime import timedelta

from django.db import models

NO_DELAY = timedelta(0)
HOUR = timedelta(hours=1)
DAY = timedelta(hours=24)
MONTH = timedelta(days=30)


class RetryLater(Exception):
    """A limit is reached. `retry_after` is in whole seconds, at least 1."""

    def __init__(self, delay: timedelta) -> None:
        self.retry_after = max(1, math.ceil(delay.total_seconds()))
        super().__init__(f"retry after {self.retry_after} s")


class StatementTimestamp(models.Func):
    """The database's time at which the statement began. `Now()` is that of its transaction.

    Not `clock_timestamp()`, which a database that is spread over machines refuses where rows are changed.
    """

    function = "statement_timestamp"
    output_field = models.DateTimeField()


def rounded_up(time: timedelta) -> timedelta:
    """The time in whole seconds, as operators read it: its text is `0:01:30`."""
    return timedelta(seconds=math.ceil(time.total_seconds()))
