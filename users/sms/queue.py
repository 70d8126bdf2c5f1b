"""The SMS queue: whether live workers serve it, and what waits in it.

`tasks.retry_stalled_jobs` takes up the jobs of dead workers.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from users import queries
from users.queries import Queue

# A worker without a heartbeat for this long is dead.
DEAD_AFTER = timedelta(seconds=10)

# The maximum number of jobs that are counted of a kind.
MAX_COUNTED = 10_000


@dataclass(frozen=True)
class Depth:
    due: int
    # Scheduled for another try.
    later: int


def look(now: datetime) -> Queue:
    """The workers and the longest wait at this moment."""
    return queries.queue(now, DEAD_AFTER)


def depth(now: datetime) -> Depth:
    """How many SMS wait at this moment, of each kind up to MAX_COUNTED."""
    return Depth(*queries.queue_depth(now, MAX_COUNTED))
