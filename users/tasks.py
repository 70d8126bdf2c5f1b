"""The periodic tasks of this app. A task, like a view, makes one domain call."""

from __future__ import annotations

import logging

from procrastinate.contrib.django import app
from procrastinate.exceptions import UniqueViolation
from procrastinate.job_context import JobContext

from users.clock import database_now
from users.login import sms_limits
from users.sms.queue import DEAD_AFTER

logger = logging.getLogger(__name__)

FAILED_JOBS_HOURS = 7 * 24


# Periodic tasks go before the SMS: they are quick, and must not wait behind many SMS.
@app.periodic(cron="* * * * *")
@app.task(queue="upkeep", priority=1, queueing_lock="count_site")
def count_site(timestamp: int) -> None:
    """Write, every minute, the totals that decide about sign-ups."""
    sms_limits.count_site(database_now())


@app.periodic(cron="* * * * * */3")
@app.task(queue="upkeep", priority=1, queueing_lock="retry_stalled_jobs", pass_context=True)
async def retry_stalled_jobs(context: JobContext, timestamp: int) -> None:
    """Retry, every three seconds, the jobs of workers that gave no heartbeat for DEAD_AFTER."""
    manager = context.app.job_manager
    for job in await manager.get_stalled_jobs(seconds_since_heartbeat=DEAD_AFTER.total_seconds()):
        try:
            await manager.retry_job(job)
        except UniqueViolation:
            # A periodic job whose successor waits already. It stays `doing` until that one has run.
            continue
        logger.warning("retrying job %s (%s): its worker is gone", job.id, job.task_name)


@app.periodic(cron="27 * * * *")
@app.task(queue="upkeep", priority=1, queueing_lock="delete_old_jobs", pass_context=True)
async def delete_old_jobs(context: JobContext, timestamp: int) -> None:
    """Delete, every hour, the jobs that failed long ago. Successful jobs are deleted at once."""
    await context.app.job_manager.delete_old_jobs(
        nb_hours=FAILED_JOBS_HOURS, include_failed=True, include_cancelled=True, include_aborted=True
    )
