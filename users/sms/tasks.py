"""The task that sends an SMS."""

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

from users.context import request_id
from users.sms import delivery

logger = logging.getLogger(__name__)

# More attempts than fit into the life of any code. After it, `send_sms` gives the SMS up by itself.
ATTEMPTS = 80

LONGEST_INTERVAL_SECONDS = 60


class Backoff(BaseRetryStrategy):
    """Retry after 2, 4, 8, 16, 32, 60, 60, … seconds, whatever went wrong. Log errors that nobody expected."""

    EXPECTED = (delivery.GatewaysFailed, OperationalError, InterfaceError)

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        if not isinstance(exception, self.EXPECTED):
            logger.error("job %s failed", job.id, exc_info=exception)
        if job.attempts + 1 >= ATTEMPTS:
            return None
        return RetryDecision(retry_in={"seconds": min(2 ** (job.attempts + 1), LONGEST_INTERVAL_SECONDS)})


@app.task(name="users.tasks.send_sms", queue="sms", retry=Backoff())
def send_sms(*, delivery_id: int, asked_by: str = "-") -> None:
    """Send one SMS. It is retried until a gateway accepts it, or until its code has expired and it is dropped.

    `asked_by` is the id of the request that caused the SMS, under the name that stored jobs have for it.
    """
    delivery.deliver(delivery_id)


def queue_sms(delivery_id: int) -> None:
    """Have the worker send this SMS once the transaction commits."""
    send_sms.defer(delivery_id=delivery_id, asked_by=request_id.get())


async def with_request_id(call_next: Callable[[], Awaitable[Any]], context: JobContext, worker: Worker) -> Any:
    """The worker's middleware: all log lines of a job have the id of the request that queued it."""
    request_id.set(str(context.job.task_kwargs.get("asked_by", "-")))
    return await call_next()
