"""The worker: sends the SMS that wait in the queue, and does what is due by the clock.

Without its database, and when the clock is set back, it ends with status 75 (EX_TEMPFAIL of sysexits.h: try again
later), for whoever started it to start it again.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from procrastinate.contrib.django import app
from procrastinate.contrib.django.utils import connector_params
from procrastinate.exceptions import ConnectorException
from procrastinate.middleware import WorkerMiddleware
from procrastinate.psycopg_connector import PsycopgConnector
from psycopg import InterfaceError, OperationalError

from inviting_app.ops.supervisor import wait_for_turn
from users.sms import gateways
from users.sms.queue import DEAD_AFTER
from users.tasks import with_id_of_who_asked

logger = logging.getLogger(__name__)

# SMS on their way at once, each in a thread with its database connection: a gateway answers within seconds.
CONCURRENCY = 10

HEARTBEAT_SECONDS = 3.0
# Others then take up what a worker was doing.
DEAD_AFTER_SECONDS = DEAD_AFTER.total_seconds()

# New jobs announce themselves. Those to be tried again do not, nor those inserted during the very look for jobs.
POLL_SECONDS = 0.25

LOOK_FOR_STALLED_SECONDS = 2.0
# Of -20 to 19: it then has about a tenth of a processor that others want too, and all of an idle one.
NICE = 10

# A statement that got no connection for so long has failed.
NO_DATABASE_SECONDS = 2.0

# For what is being written down when the database is lost; then the process ends, whatever it is at.
LAST_WORDS_SECONDS = 1.0

# By how much the clock goes back at least when it is not just being corrected.
SET_BACK_SECONDS = 30.0

# One statement, so that of two workers only one takes a job up. A worker that was forgotten leaves NULL. Jobs with a
# queueing lock are done by the clock and come again by themselves; the next may be waiting already, and is the only one
# that may.
TAKE_UP_STALLED = """
UPDATE procrastinate_jobs AS job
   SET status = (CASE WHEN queueing_lock IS NULL THEN 'todo' ELSE 'failed' END)::procrastinate_job_status,
       attempts = attempts + 1, scheduled_at = now()
 WHERE status = 'doing' AND NOT EXISTS (
    SELECT FROM procrastinate_workers AS worker
     WHERE worker.id = job.worker_id
       AND worker.last_heartbeat > now() - make_interval(secs => %(dead_after)s)
 )
RETURNING id
"""


def _is_away(error: BaseException) -> bool:
    """Whether it says that the database does not answer, and not that the statement is wrong."""
    return isinstance(error.__cause__ or error, OperationalError | InterfaceError)


class ClockSetBack(Exception):
    """Procrastinate would wait with what is due by the clock until it is as late again as it was."""


class Connector(PsycopgConnector):
    """Procrastinate's connections. When they are `broken`, the worker ends, and its successor goes on.

    A worker that lived on would keep `doing` a job whose end it could not write down.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.broken = asyncio.Event()

    async def execute_query_async(self, query: Any, **arguments: Any) -> None:
        try:
            await super().execute_query_async(query, **arguments)
        except ConnectorException as error:
            if _is_away(error):
                self.broken.set()
            raise

    async def listen_notify(self, *args: Any, **kwargs: Any) -> None:
        try:
            await super().listen_notify(*args, **kwargs)
        except ConnectorException:
            self.broken.set()
            await asyncio.Future()  # until the worker, which is ending, lets go of it


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.SMS_GATEWAYS and (unusable := gateways.unusable()):  # Apprise is so loaded before the first SMS
            raise CommandError(f"inviting_app cannot start. {gateways.refusal(unusable)}")
        _give_way()
        middleware = [with_id_of_who_asked, *(_be_watched() if settings.METRICS_PORT else [])]
        connector = Connector(kwargs=connector_params(settings.DIRECT_DATABASE), timeout=NO_DATABASE_SECONDS)
        with app.replace_connector(connector):
            stopped = asyncio.run(_work(connector, middleware))
        if not stopped:
            sys.exit(_no_database())


def _give_way() -> None:
    """Let the web processes of this machine go first: an SMS may wait a moment, and whoever asks for one may not.

    Linux weighs whole sessions against each other, where it groups them (sched(7), "The autogroup feature").
    """
    os.nice(NICE)
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(NICE))


def _be_watched() -> list[WorkerMiddleware]:
    from inviting_app.ops import metrics, metrics_server
    from users.sms import delivery

    delivery.watch = metrics.sms
    metrics_server.start()
    return [metrics.jobs]


def _no_database() -> int:
    """Say so; the status to end with."""
    logger.warning("the worker ends, for its database does not answer")
    return os.EX_TEMPFAIL


async def _work(connector: Connector, middleware: list[WorkerMiddleware]) -> bool:
    """Work until told to stop (True), or until the database is lost (False)."""
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(CONCURRENCY))
    stop = asyncio.Event()
    try:
        async with app.open_async():
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, stop.set)
            await loop.run_in_executor(None, wait_for_turn)
            working = [_run_worker(middleware), _take_up_stalled_jobs(), _watch_clock()]
            running = [asyncio.ensure_future(task) for task in (*working, stop.wait(), connector.broken.wait())]
            ended, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            crashed = any((error := task.exception()) and not _is_away(error) for task in ended)
            if not stop.is_set() and not crashed:
                loop.call_later(LAST_WORDS_SECONDS, lambda: os._exit(_no_database()))
            for task in running:
                task.cancel()
            await asyncio.wait(running)
            for task in running:
                if not task.cancelled():
                    task.result()
    except (ConnectorException, OperationalError) as error:
        if not _is_away(error):
            raise
    return stop.is_set()


async def _run_worker(middleware: list[WorkerMiddleware]) -> None:
    await app.run_worker_async(
        concurrency=CONCURRENCY,
        fetch_job_polling_interval=POLL_SECONDS,
        update_heartbeat_interval=HEARTBEAT_SECONDS,
        stalled_worker_timeout=DEAD_AFTER_SECONDS,
        install_signal_handlers=False,
        worker_middleware=middleware,
    )


async def _take_up_stalled_jobs() -> None:
    while True:
        jobs = await app.connector.execute_query_all_async(TAKE_UP_STALLED, dead_after=DEAD_AFTER_SECONDS)
        if jobs:
            logger.warning("took up %d jobs of workers that are gone", len(jobs))
        await asyncio.sleep(LOOK_FOR_STALLED_SECONDS)


async def _watch_clock() -> None:
    """Raises ClockSetBack."""
    before = now = time.time()
    while now > before - SET_BACK_SECONDS:
        before = now
        await asyncio.sleep(LOOK_FOR_STALLED_SECONDS)
        now = time.time()
    raise ClockSetBack
