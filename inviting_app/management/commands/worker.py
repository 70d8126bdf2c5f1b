"""The worker: sends the SMS that wait, and runs the periodic tasks.

If its database does not answer, it ends with status 75 (EX_TEMPFAIL of sysexits.h: try again later), so that its
supervisor starts it again.
"""

import asyncio
import logging
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any

import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from procrastinate import PsycopgConnector
from procrastinate.contrib.django import app, connector_params
from procrastinate.exceptions import ConnectorException
from psycopg import InterfaceError, OperationalError

from inviting_app.ops import database_errors
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

# What psycopg raises when the database does not answer.
DATABASE_AWAY = (OperationalError, InterfaceError)


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="only check that the worker can start")

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        if check:
            return
        _lower_priority()
        at = connector_params(settings.DIRECT_DATABASE)
        connector = PsycopgConnector(kwargs=at, timeout=NO_DATABASE_SECONDS)
        try:
            with app.replace_connector(connector):
                asyncio.run(_work())
        except (asyncio.CancelledError, ConnectorException, OperationalError) as error:
            # After another error, such as a missing table, another start does not help.
            if isinstance(error, ConnectorException) and not isinstance(error.__cause__, DATABASE_AWAY):
                raise
            logger.warning("the worker ends because its database does not answer: %s", _cause(at))
            sys.exit(os.EX_TEMPFAIL)


def _cause(at: dict[str, Any]) -> str:
    """Why there is no connection: the pool tells only that it has waited."""
    try:
        psycopg.connect(**{**at, "connect_timeout": 2}).close()
    except psycopg.Error as error:
        return database_errors.error_line(error)
    return "it answers again now"


def _lower_priority() -> None:
    """Let the web processes of this machine go first: an SMS can wait a moment, a client should not.

    Linux weighs whole sessions against each other where it groups them (sched(7), "The autogroup feature"). A session
    that other processes share, such as that of a terminal, is left alone.
    """
    if os.getsid(0) == os.getpid():
        with suppress(OSError):
            Path("/proc/self/autogroup").write_text(str(NICE))
    os.nice(NICE)


def _measured() -> tuple[Sender, dict[str, Any]]:
    """The sender, and the options of procrastinate's worker, so that both are measured if METRICS_PORT is set."""
    if not settings.METRICS_PORT:
        return Sender(), {}
    from inviting_app.ops import metrics, metrics_server

    metrics_server.start()
    options = {"worker_middleware": [metrics.jobs], "additional_context": {"receipts": metrics.receipt}}
    return Sender(metrics.sms, metrics.receipt), options


async def _work() -> None:
    """Work until a signal. Raises CancelledError, or an exception of the database, if the database is lost."""
    loop, work = asyncio.get_running_loop(), asyncio.current_task()
    assert work
    # procrastinate runs each job in a thread of this pool, whose default size depends on the processors.
    loop.set_default_executor(ThreadPoolExecutor(CONCURRENCY))

    def end(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """End the worker: a job whose end could not be written stays `doing` as long as its worker lives."""
        logger.error("a job was left unfinished: %s", type(context.get("exception")).__name__)
        work.cancel()

    loop.set_exception_handler(end)
    sender, options = _measured()
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
        sending = _in_a_thread(sender.run)
        try:
            # The heartbeat of the jobs stands for the whole worker, so the jobs and the sender end together.
            await asyncio.wait([jobs, sending], return_when=asyncio.FIRST_COMPLETED)
            await (sending if sending.done() else jobs)
        finally:
            jobs.cancel()
            await asyncio.gather(jobs, return_exceptions=True)
            sender.stop()
            # A gateway may take an SMS while the database is away. If the database comes back in time, that is
            # recorded. Otherwise the SMS would be sent again. After this time all claims have ended.
            await asyncio.wait([sending], timeout=CLAIM_FOR.total_seconds())
        await sending


def _in_a_thread(run: Callable[[], None]) -> asyncio.Future[None]:
    """Run this in a thread that ends with the process, unlike those of an executor."""
    loop = asyncio.get_running_loop()
    ended = loop.create_future()

    def target() -> None:
        try:
            run()
        except BaseException as error:
            loop.call_soon_threadsafe(ended.set_exception, error)
        else:
            loop.call_soon_threadsafe(ended.set_result, None)

    Thread(target=target, name="sender", daemon=True).start()
    return ended
