"""The worker: sends the SMS and webhooks that wait, and runs the periodic tasks.

If its database does not answer or takes no writes, it ends with status 75 (EX_TEMPFAIL of sysexits.h: try again later),
so that its supervisor starts it again.
"""

import asyncio
import logging
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import Error, connections
from procrastinate import PsycopgConnector
from procrastinate.contrib.django import app, connector_params
from procrastinate.exceptions import ConnectorException

from inviting_app.ops import database_errors
from inviting_app.ops.threads import in_a_thread
from profiles.webhooks.sender import WebhookSender
from users import deadline
from users.login import test_numbers
from users.outages import check_serves, is_outage
from users.queries import DEAD_AFTER
from users.sms.delivery import CLAIM_FOR
from users.sms.sender import Sender

logger = logging.getLogger(__name__)

# Jobs at the same time, each in a thread with its own database connection: periodic tasks and early receipts.
CONCURRENCY = 2
HEARTBEAT_SECONDS = 3.0
# A new job announces itself. One that is due later does not, and can wait this much longer.
POLL_SECONDS = 5.0
# From -20 to 19. On a busy processor the web processes get half as much again as the worker, and no more: a crowd that
# keeps them busy for minutes would otherwise get its SMS when the codes have expired.
NICE = 2
# A statement fails if it gets no connection within this time.
NO_DATABASE_SECONDS = 2.0
# Between two looks whether the database answers and takes writes.
WATCH_SECONDS = 1.0
# For the answer to such a look.
WATCHED_SECONDS = 2.0
# How long a worker that starts waits for its database. That is more than a failover takes: each start costs seconds of
# processor time, and SMS would wait for it when the database is back.
START_SECONDS = 60.0
# For webhooks that are under way when the worker ends. A receiver that does not answer takes ten seconds, and the next
# worker, which sends everybody's SMS, starts when this one has ended. A webhook that is not finished then is sent
# again when its claim has expired.
LAST_WEBHOOKS_SECONDS = 1.0
# For a statement of a periodic task. Those that count the site read much.
TASK_SECONDS = 20.0


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="only check that the worker can start")

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        if check:
            return
        _lower_priority()
        deadline.limit_all(TASK_SECONDS)
        try:
            parameters = connector_params(settings.DIRECT_DATABASE) | _wait_for_database()
            connector = PsycopgConnector(kwargs=parameters, timeout=NO_DATABASE_SECONDS)
            _warn_of_test_numbers()
            with app.replace_connector(connector):
                asyncio.run(_work())
        except (asyncio.CancelledError, ConnectorException, Error, psycopg.Error) as error:
            # After another error, such as a missing table, another start does not help.
            if not isinstance(error, asyncio.CancelledError) and not is_outage(error):
                raise
            logger.warning("the worker ends because its database does not serve: %s", _cause())
            sys.exit(os.EX_TEMPFAIL)


def _check_database() -> None:
    """Raise an error of the database unless it answers and takes writes."""
    with deadline.within(WATCHED_SECONDS):
        check_serves(settings.DIRECT_DATABASE)


def _cause() -> str:
    """Why it does not serve: the pool of procrastinate tells only that it has waited."""
    try:
        _check_database()
    except Error as error:
        return database_errors.error_line(error)
    return "it serves again now"


def _wait_for_database() -> dict[str, Any]:
    """Wait a while for the database, so that the SMS go out as soon as it is back. Raises an error of the database.

    Returns its host and port. Of several hosts, procrastinate would wait for those first that do not answer.
    """
    began, is_told = time.monotonic(), False
    while True:
        try:
            _check_database()
            found = connections[settings.DIRECT_DATABASE].connection.info
            return {"host": found.host, "port": found.port}
        except Error as error:
            if not is_outage(error) or time.monotonic() > began + START_SECONDS:
                raise
            if not is_told:
                logger.warning("the worker waits for its database: %s", database_errors.error_line(error))
                is_told = True
        finally:
            connections.close_all()
        time.sleep(WATCH_SECONDS / 2)


def _warn_of_test_numbers() -> None:
    try:
        if refused := test_numbers.refused():
            logger.warning("SMS_TEST_NUMBERS has numbers of users who are no test users: %s", ", ".join(refused))
    finally:
        connections.close_all()


def _watch_database(stopping: Event) -> None:
    """Return when `stopping` is set. Raises an error of the database when it no longer serves.

    The connections of procrastinate would wait for a silent server without end.
    """
    try:
        while not stopping.wait(WATCH_SECONDS):
            _check_database()
    finally:
        connections.close_all()


def _lower_priority() -> None:
    """Let the web processes of this machine go first: an SMS can wait a moment, a client should not.

    Linux weighs whole sessions against each other where it groups them (sched(7), "The autogroup feature"). A session
    that other processes share, such as that of a terminal, is left alone.
    """
    if os.getsid(0) == os.getpid():
        with suppress(OSError):
            Path("/proc/self/autogroup").write_text(str(NICE))
    os.nice(NICE)


def _measured() -> tuple[Sender, WebhookSender, dict[str, Any]]:
    """The senders, and the options of procrastinate's worker, so that all are measured if METRICS_PORT is set."""
    if not settings.METRICS_PORT:
        return Sender(), WebhookSender(), {}
    from inviting_app.ops import metrics, metrics_server

    metrics_server.start()
    options = {"worker_middleware": [metrics.jobs], "additional_context": {"receipts": metrics.receipt}}
    return Sender(metrics.sms, metrics.receipt), WebhookSender(metrics.webhook), options


async def _work() -> None:
    """Work until a signal. Raises CancelledError, or an exception of the database, if the database is lost."""
    loop, work = asyncio.get_running_loop(), asyncio.current_task()
    assert work
    # procrastinate runs each job in a thread of this pool, whose default size depends on the processors.
    loop.set_default_executor(ThreadPoolExecutor(CONCURRENCY))

    def end(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """End the worker: a job whose end could not be written stays `doing` as long as its worker lives."""
        # procrastinate does not document that such an error gets here: tests/ops/test_worker_end.py holds it to that.
        logger.error("a job was left unfinished: %s", type(context.get("exception")).__name__)
        work.cancel()

    loop.set_exception_handler(end)
    sender, webhooks, options = _measured()
    stopping = Event()
    async with app.open_async():
        jobs = asyncio.create_task(
            app.run_worker_async(
                concurrency=CONCURRENCY,
                fetch_job_polling_interval=POLL_SECONDS,
                update_heartbeat_interval=HEARTBEAT_SECONDS,
                stalled_worker_timeout=DEAD_AFTER.total_seconds(),
                **options,
            )
        )
        sending = in_a_thread("sender", partial(_send, sender.run))
        delivering = in_a_thread("webhooks", partial(_send, webhooks.run))
        watching = in_a_thread("watch", partial(_watch_database, stopping))
        try:
            # The heartbeat of the jobs stands for the whole worker, so all its parts end together.
            parts = [jobs, sending, delivering, watching]
            ended, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            await (sending if sending.done() else ended.pop())
        finally:
            stopping.set()
            webhooks.stop()
            await _end(sender, jobs, sending, delivering, watching)
        await sending


async def _end(
    sender: Sender,
    jobs: asyncio.Task[None],
    sending: asyncio.Future[None],
    delivering: asyncio.Future[None],
    watching: asyncio.Future[None],
) -> None:
    jobs.cancel()
    sender.stop()
    # A gateway may take an SMS while the database is away. If the database comes back in time, that is recorded.
    # Otherwise the SMS would be sent again. After this time all claims have ended.
    await asyncio.wait([sending], timeout=CLAIM_FOR.total_seconds())
    await asyncio.wait([delivering], timeout=LAST_WEBHOOKS_SECONDS)
    if watching.done() and (lost := watching.exception()):
        _end_at_once(lost)
    watching.cancel()
    await asyncio.gather(jobs, watching, return_exceptions=True)


def _end_at_once(error: BaseException) -> None:
    """End the process, without its connections: those of procrastinate would wait for a silent server without end."""
    logger.warning("the worker ends because its database does not serve: %s", database_errors.error_line(error))
    logging.shutdown()
    os._exit(os.EX_TEMPFAIL)


def _send(run: Callable[[], None]) -> None:
    with deadline.within(deadline.SECONDS):
        run()
