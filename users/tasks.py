"""What the worker does. A task, like a view, makes one domain call."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from django.db import InterfaceError, OperationalError
from procrastinate import BaseRetryStrategy, RetryDecision
from procrastinate.contrib.django import app
from procrastinate.job_context import JobContext
from procrastinate.jobs import Job
from procrastinate.worker import Worker

from users.clock import database_now
from users.context import request_id
from users.login import sms_limits
from users.sms import delivery

logger = logging.getLogger(__name__)

# More than fit into the life of any code, after which `send_sms` gives the SMS up by itself.
TRIES = 80

LONGEST_GAP_SECONDS = 60
FAILED_JOBS_FOR_HOURS = 7 * 24


class Backoff(BaseRetryStrategy):
    """Try again after 2, 4, 8, 16, 32, 60, 60, … seconds, whatever went wrong; what nobody expected is logged."""

    EXPECTED = (delivery.GatewaysFailed, OperationalError, InterfaceError)

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        if not isinstance(exception, self.EXPECTED):
            logger.error("job %s failed", job.id, exc_info=exception)
        if job.attempts + 1 >= TRIES:
            return None
        return RetryDecision(retry_in={"seconds": min(2 ** (job.attempts + 1), LONGEST_GAP_SECONDS)})


@app.task(queue="sms", retry=Backoff())
def send_sms(*, delivery_id: int, asked_by: str = "-") -> None:
    """Send one SMS; tried again until it is taken, or until its code is dead and it is dropped.

    `asked_by` is the id of the request that asked for it: the worker's lines about it carry it.
    """
    delivery.deliver(delivery_id)


def queue_sms(delivery_id: int) -> None:
    """Have the worker send this SMS, once the transaction commits."""
    send_sms.defer(delivery_id=delivery_id, asked_by=request_id.get())


async def with_id_of_who_asked(call_next: Callable[[], Awaitable[Any]], context: JobContext, worker: Worker) -> Any:
    """The worker's middleware: each job has a context of its own, and all lines of it and about it the id."""
    request_id.set(str(context.job.task_kwargs.get("asked_by", "-")))
    return await call_next()


# What is due by the clock goes before the SMS: it is quick, and must not wait behind a crowd.
@app.periodic(cron="* * * * *")
@app.task(queue="upkeep", priority=1, queueing_lock="count_site")
def count_site(timestamp: int) -> None:
    """Write, every minute, the totals that sign-ups are judged by."""
    sms_limits.count(database_now())


@app.periodic(cron="27 * * * *")
@app.task(queue="upkeep", priority=1, queueing_lock="delete_old_jobs", pass_context=True)
async def delete_old_jobs(context: JobContext, timestamp: int) -> None:
    """Delete, every hour, the jobs that ended long ago. Those that succeeded are gone at once."""
    await context.app.job_manager.delete_old_jobs(
        nb_hours=FAILED_JOBS_FOR_HOURS, include_failed=True, include_cancelled=True, include_aborted=True
    )
