"""What the worker does by the clock, and for jobs of earlier versions. `users/sms/sender.py` sends the SMS.

A task, like a view, makes one domain call. The names are those of stored jobs.
"""

import logging

from procrastinate import JobContext, RetryStrategy
from procrastinate.contrib.django import app
from procrastinate.exceptions import ConnectorException

from users.login import sms_limits, test_numbers
from users.queries import DEAD_AFTER, database_now
from users.sms import queries
from users.sms.receipts import PRIORITY, TASK, record_again, unwatched

logger = logging.getLogger(__name__)

# Retries of a job after an error that nobody expected: after 2, 4, 8, … seconds, four minutes in all.
RETRIES = RetryStrategy(max_attempts=7, exponential_wait=2)

FAILED_JOBS_HOURS = 7 * 24


@app.task(name="users.tasks.send_sms", queue="sms", retry=RETRIES)
def send_sms(*, delivery_id: int, asked_by: str = "-") -> None:
    """Hand over an SMS that a process of an earlier version queued as a job. Its row waits from now on."""
    queries.queue_sms_of_old_job(delivery_id, asked_by)
    queries.announce()


# An account that other programs share has many receipts that are not ours.
@app.task(name=TASK, queue="upkeep", priority=PRIORITY, retry=RETRIES, pass_context=True)
def record_receipts(context: JobContext, *, name: str, receipts: list[list[str]], at: str) -> None:
    """Record delivery receipts that came before their SMS were stored. A worker with metrics gives `receipts` to it."""
    record_again(name, receipts, at, context.additional_context.get("receipts", unwatched))


# Periodic tasks go before the receipts: they are quick.
@app.periodic(cron="* * * * *")
@app.task(name="users.tasks.count_site", queue="upkeep", priority=1, queueing_lock="count_site")
def count_site(timestamp: int) -> None:
    """Write, every minute, the totals that decide about sign-ups."""
    sms_limits.count_site(database_now())


@app.periodic(cron="* * * * *")
@app.task(
    name="users.tasks.disable_removed_test_users",
    queue="upkeep",
    priority=1,
    queueing_lock="disable_removed_test_users",
)
def disable_removed_test_users(timestamp: int) -> None:
    """Disable, every minute, the test users whose number SMS_TEST_NUMBERS no longer has."""
    test_numbers.disable_removed()


@app.periodic(cron="* * * * * */10")
@app.task(
    name="users.tasks.retry_stalled_jobs",
    queue="upkeep",
    priority=1,
    queueing_lock="retry_stalled_jobs",
    pass_context=True,
)
async def retry_stalled_jobs(context: JobContext, timestamp: int) -> None:
    """Take up, every ten seconds, the jobs of workers that gave no heartbeat for DEAD_AFTER."""
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
