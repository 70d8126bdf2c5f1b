"""Whether the queue of SMS is served: which workers give a sign of life, and what waits for one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from users import sql

# A worker that gave no sign for so long is dead.
DEAD_AFTER = timedelta(seconds=10)

# Jobs of a kind that are counted at most.
DEEP = 10_000


@dataclass(frozen=True)
class Queue:
    workers: int
    last_heartbeat: datetime | None
    # How long the SMS that the next free worker takes has been due; zero when there is none.
    waited: timedelta


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


@dataclass(frozen=True)
class Depth:
    due: int
    # To be tried again, when it is time.
    later: int


_DEPTH = """
SELECT (SELECT COUNT(*) FROM (SELECT FROM procrastinate_jobs WHERE status = 'todo' AND queue_name = 'sms'
                                 AND (scheduled_at IS NULL OR scheduled_at <= %(now)s) LIMIT %(deep)s) AS due),
       (SELECT COUNT(*) FROM (SELECT FROM procrastinate_jobs WHERE status = 'todo' AND queue_name = 'sms'
                                 AND scheduled_at > %(now)s LIMIT %(deep)s) AS later)
"""


def depth(now: datetime) -> Depth:
    """How many SMS wait in the queue at this moment, of each kind up to DEEP."""
    return Depth(*sql.fetch_one(_DEPTH, {"now": now, "deep": DEEP}))


def look(now: datetime) -> Queue:
    """The queue at this moment."""
    return Queue(*sql.fetch_one(_QUEUE, {"now": now, "dead_after": DEAD_AFTER}))
