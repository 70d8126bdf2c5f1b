"""What the worker does: it sends SMS, takes up the jobs of workers that died, and runs periodic tasks.

A task, like a view, makes one domain call. The names are those of stored jobs.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from django.db import InterfaceError, OperationalError
from procrastinate import BaseRetryStrategy, RetryDecision
from procrastinate.contrib.django import app
from procrastinate.exceptions import ConnectorException
from procrastinate.job_context import JobContext
from procrastinate.jobs import Job
from procrastinate.worker import Worker

from users.context import request_id
from users.login import sms_limits
from users.queries import DEAD_AFTER, database_now
from users.sms import delivery
from users.sms.receipts import record_again, unwatched

logger = logging.getLogger(__name__)

# More attempts than fit into the life of any code. After it, `send_sms` gives the SMS up by itself.
ATTEMPTS = 80

LONGEST_INTERVAL_SECONDS = 60

FAILED_JOBS_HOURS = 7 * 24


class Backoff(BaseRetryStrategy):
    """Retry after 2, 4, 8, 16, 32, 60, 60, … seconds, whatever went wrong. Log errors that nobody expected."""

    EXPECTED = (delivery.GatewaysFailed, OperationalError, InterfaceError)

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        if not isinstance(exception, self.EXPECTED):
            logger.error("job %s failed", job.id, exc_info=exception)
        if job.attempts + 1 >= ATTEMPTS:
            return None
        return RetryDecision(retry_in={"seconds": min(2 ** (job.attempts + 1), LONGEST_INTERVAL_SECONDS)})


@app.task(name="users.tasks.send_sms", queue="sms", retry=Backoff(), pass_context=True)
def send_sms(context: JobContext, *, delivery_id: int, asked_by: str = "-") -> None:
    """Send one SMS. It is retried until a gateway accepts it, or until its code has expired and it is dropped.

    `asked_by` is the id of the request that caused the SMS, under the name that stored jobs have for it.
    A worker with metrics gives `watch` and `receipts` to its jobs.
    """
    watches = context.additional_context
    delivery.deliver(delivery_id, watches.get("watch", unwatched), watches.get("receipts", unwatched))


# After the SMS: it may come late, and an account that other programs share has many receipts that are not ours.
@app.task(name="users.tasks.record_receipts", queue="upkeep", priority=-1, retry=Backoff(), pass_context=True)
def record_receipts(context: JobContext, *, name: str, receipts: list[list[str]], at: str) -> None:
    """Record delivery receipts that came before their SMS were stored. A worker with metrics gives `receipts` to it."""
    record_again(name, receipts, at, context.additional_context.get("receipts", unwatched))


def queue_sms(delivery_id: int) -> None:
    """Have the worker send this SMS once the transaction commits."""
    send_sms.defer(delivery_id=delivery_id, asked_by=request_id.get())


async def with_request_id(call_next: Callable[[], Awaitable[Any]], context: JobContext, worker: Worker) -> Any:
    """The worker's middleware: all log lines of a job have the id of the request that queued it."""
    request_id.set(str(context.job.task_kwargs.get("asked_by", "-")))
    return await call_next()


# Periodic tasks go before the SMS: they are quick, and must not wait behind many SMS.
@app.periodic(cron="* * * * *")
@app.task(name="users.tasks.count_site", queue="upkeep", priority=1, queueing_lock="count_site")
def count_site(timestamp: int) -> None:
    """Write, every minute, the totals that decide about sign-ups."""
    sms_limits.count_site(database_now())


@app.periodic(cron="* * * * * */3")
@app.task(
    name="users.tasks.retry_stalled_jobs",
    queue="upkeep",
    priority=1,
    queueing_lock="retry_stalled_jobs",
    pass_context=True,
)
async def retry_stalled_jobs(context: JobContext, timestamp: int) -> None:
    """Take up, every three seconds, the jobs of workers that gave no heartbeat for DEAD_AFTER."""
    manager = context.app.job_manager
    for job in await manager.get_stalled_jobs(seconds_since_heartbeat=DEAD_AFTER.total_seconds()):
        try:
            await manager.retry_job(job)
        except ConnectorException as error:
            # The job has ended meanwhile, or it is periodic and its next run is queued already. Look again next time.
            logger.info("job %s (%s) cannot be retried now: %s", job.id, job.task_name, type(error).__name__)
            continue
        logger.warning("retrying job %s (%s): its worker is gone", job.id, job.task_name)


@app.periodic(cron="27 * * * *")
@app.task(
    name="users.tasks.delete_old_jobs", queue="upkeep", priority=1, queueing_lock="delete_old_jobs", pass_context=True
)
async def delete_old_jobs(context: JobContext, timestamp: int) -> None:
    """Delete, every hour, the jobs that failed long ago. Successful jobs are deleted at once."""
    await context.app.job_manager.delete_old_jobs(
        nb_hours=FAILED_JOBS_HOURS, include_failed=True, include_cancelled=True, include_aborted=True
    )
