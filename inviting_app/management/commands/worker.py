"""The worker: sends the SMS that wait in the queue, and runs the periodic tasks.

If its database does not answer, it ends with status 75 (EX_TEMPFAIL of sysexits.h: try again later), so that its
supervisor starts it again.
"""

import asyncio
import logging
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from procrastinate import PsycopgConnector
from procrastinate.contrib.django import app, connector_params
from procrastinate.exceptions import ConnectorException
from procrastinate.middleware import WorkerMiddleware
from psycopg import InterfaceError, OperationalError

from inviting_app.ops import database_errors
from users.queries import DEAD_AFTER
from users.sms.tasks import with_request_id

logger = logging.getLogger(__name__)

# Jobs at the same time, each in a thread with its own database connection. A gateway answers within seconds.
CONCURRENCY = 10
HEARTBEAT_SECONDS = 3.0
# A new job announces itself, but a job to be retried does not.
POLL_SECONDS = 0.25
# From -20 to 19. With this value the worker gets about a tenth of a busy processor, and all of an idle one.
NICE = 10
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


def _measured() -> dict[str, Any]:
    """The options of procrastinate's worker that measure its jobs."""
    middleware: list[WorkerMiddleware] = [with_request_id]
    if not settings.METRICS_PORT:
        return {"worker_middleware": middleware}
    from inviting_app.ops import metrics, metrics_server

    metrics_server.start()
    watches = {"watch": metrics.sms, "receipts": metrics.receipt}
    return {"worker_middleware": [*middleware, metrics.jobs], "additional_context": watches}


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
    async with app.open_async():
        await app.run_worker_async(
            concurrency=CONCURRENCY,
            fetch_job_polling_interval=POLL_SECONDS,
            update_heartbeat_interval=HEARTBEAT_SECONDS,
            stalled_worker_timeout=DEAD_AFTER.total_seconds(),
            **_measured(),
        )
