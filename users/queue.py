"""Whether the queue of SMS is served: which workers give a sign of life, and what waits for one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

DEAD_AFTER = timedelta(seconds=10)
"""A worker that gave no sign for so long is dead."""


@dataclass(frozen=True)
class Queue:
    workers: int
    last_heartbeat: datetime | None
    waited: timedelta
    """How long the SMS that the next free worker takes has been due; zero when there is none."""


# The first job in the order in which workers take them: one row of a partial index. When it was put in is an event.
_QUEUE = """
WITH next AS (
    SELECT id, scheduled_at FROM procrastinate_jobs
     WHERE status = 'todo' AND queue_name = 'sms' AND (scheduled_at IS NULL OR scheduled_at <= %(now)s)
     ORDER BY priority DESC, id LIMIT 1
)
SELECT (SELECT COUNT(*) FROM procrastinate_workers WHERE last_heartbeat > %(now)s - %(dead_after)s),
       (SELECT MAX(last_heartbeat) FROM procrastinate_workers),
       GREATEST(%(now)s - (SELECT COALESCE(next.scheduled_at, MIN(event.at)) FROM next
                             LEFT JOIN procrastinate_events AS event ON event.job_id = next.id
                            GROUP BY next.scheduled_at), '0'::interval)
"""


DEEP = 10_000
"""Jobs of a kind that are counted at most."""


@dataclass(frozen=True)
class Depth:
    due: int
    later: int
    """To be tried again, when it is time."""


_DEPTH = """
SELECT (SELECT COUNT(*) FROM (SELECT FROM procrastinate_jobs WHERE status = 'todo' AND queue_name = 'sms'
                                 AND (scheduled_at IS NULL OR scheduled_at <= %(now)s) LIMIT %(deep)s) AS due),
       (SELECT COUNT(*) FROM (SELECT FROM procrastinate_jobs WHERE status = 'todo' AND queue_name = 'sms'
                                 AND scheduled_at > %(now)s LIMIT %(deep)s) AS later)
"""


def depth(now: datetime) -> Depth:
    """How many SMS wait in the queue at this moment, of each kind up to DEEP."""
    with connection.cursor() as cursor:
        cursor.execute(_DEPTH, {"now": now, "deep": DEEP})
        return Depth(*cursor.fetchone())


def look(now: datetime) -> Queue:
    """The queue at this moment."""
    values: dict[str, Any] = {"now": now, "dead_after": DEAD_AFTER}
    with connection.cursor() as cursor:
        cursor.execute(_QUEUE, values)
        return Queue(*cursor.fetchone())
