"""The worker: whether one is alive, and whether it gets its work done."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection

from inviting_app.management.commands.worker import HEARTBEAT_SECONDS
from inviting_app.ops.doctor import Finding, fail, ok, warn
from users.clock import database_now
from users.models import SiteTotals
from users.sms.queue import look

LONGEST_WAIT_SECONDS = 30.0
# They are counted every minute.
TOTALS_OLDEST = timedelta(minutes=3)

# A job to be tried again is due at `scheduled_at`; another, from the moment when it was deferred.
_DUE = """
SELECT count(*), coalesce(max(extract(epoch FROM clock_timestamp() - due))::float, 0)
  FROM (SELECT coalesce(scheduled_at, (SELECT max(at) FROM procrastinate_events WHERE job_id = job.id)) AS due
          FROM procrastinate_jobs AS job WHERE status = 'todo') AS job
 WHERE due <= clock_timestamp()
"""

_FAILED = """
SELECT count(DISTINCT job.id) FROM procrastinate_jobs AS job JOIN procrastinate_events AS event ON event.job_id = job.id
 WHERE job.status = 'failed' AND event.type = 'failed' AND event.at > clock_timestamp() - interval '1 day'
"""


def heartbeat() -> Iterator[Finding]:
    now = database_now()
    known = look(now)
    age = (now - known.last_heartbeat).total_seconds() if known.last_heartbeat else None
    if known.workers and age is not None:
        yield ok(f"worker: {known.workers} alive, the last sign {age:.0f} s ago")
        return
    seen = "none has ever started" if age is None else f"the last sign of one is {_duration(age)} old"
    yield fail(
        f"worker: none is alive: {seen} (they give one every {HEARTBEAT_SECONDS:g} s); no SMS is sent",
        "Start one with `manage.py worker`; its log says why the last one ended."
        if not settings.EMBEDDED_POSTGRES
        else "Stop the service and start it again: it replaces a worker that ends, but not one that hangs. Its log may "
        "say more.",
    )


def queue() -> Iterator[Finding]:
    waiting, longest = _row(_DUE)
    if longest <= LONGEST_WAIT_SECONDS:
        yield ok(f"queue: jobs that wait: {waiting}" + (f", the oldest for {longest:.0f} s" if waiting else ""))
        return
    yield fail(
        f"queue: jobs that wait: {waiting}, the oldest for {_duration(longest)}: SMS come late, or too late",
        "If a worker is alive, it cannot keep up: mend slow gateways (above) or start more with `manage.py worker`.",
    )


def failed_jobs() -> Iterator[Finding]:
    (failed,) = _row(_FAILED)
    if not failed:
        yield ok("queue: no job has failed for good in the last day")
        return
    yield warn(
        f"queue: jobs that have failed for good in the last day: {failed}",
        "Look for “job … failed” in the worker's log: what it did not expect is written there.",
    )


def totals() -> Iterator[Finding]:
    counted_at = SiteTotals.objects.values_list("counted_at", flat=True).first()
    age = counted_at and database_now() - counted_at
    if age and age <= TOTALS_OLDEST:
        yield ok(f"worker: the site was last counted {age.total_seconds():.0f} s ago")
        return
    seen = f"was last counted {_duration(age.total_seconds())} ago" if age else "has not been counted yet"
    yield warn(
        f"worker: the site {seen}: limits go by old numbers",
        "A worker counts every minute, first within a minute of its start: see its line, and wait that minute.",
    )


def _duration(seconds: float) -> str:
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def _row(sql: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()
