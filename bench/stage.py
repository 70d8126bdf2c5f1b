"""The service as `make run` starts it, full of people, for measurements: data, gateway and ports of its own."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, LiteralString

import psutil
import psycopg

from bench.measure import Database
from bench.traffic import Gateway
from inviting_app.ops.embedded import Embedded
from tests.support.environment import NAMES
from tests.support.service import Service, service_folder, services

# Beside the defaults: clients have addresses of their own, and the site as many SMS as are asked for.
SETTINGS = {"TRUSTED_PROXIES": "1", "SMS_PER_DAY": "1000000000"}

TAKE_BACK_VOTES = """
WITH taken AS (DELETE FROM profiles_activation WHERE created_at > %s RETURNING inviter_id),
     lost AS (SELECT inviter_id, count(*) AS votes FROM taken GROUP BY inviter_id)
UPDATE profiles_profile SET invitations_count = invitations_count - votes FROM lost WHERE user_id = inviter_id
"""
FORGET_CODES = (
    "DELETE FROM users_challenge USING users_logincode AS code WHERE code.id = login_code_id AND user_id <= %s",
    "DELETE FROM users_logincode WHERE user_id <= %s",
)
DROP_SMS = "DELETE FROM procrastinate_jobs WHERE status = 'todo' AND task_name = 'users.tasks.send_sms'"
NOTHING_UNFINISHED = "SELECT count(*) = 0 FROM procrastinate_jobs WHERE status = 'doing'"
NOBODY_VOTES = """
SELECT count(*) = 0 FROM pg_stat_activity
 WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
   AND (state = 'active' OR state <> 'idle' AND query ~ 'profiles_') -- the worker at rest may be in a transaction
"""
FINISH_SECONDS = 30


@dataclass
class Stage:
    """Service and database of one measurement; Django is set up for the same data."""

    service: Service
    database: Database
    people: int
    filled_at: datetime
    name: str = "service"

    @property
    def port(self) -> int:
        return self.service.port

    @property
    def data(self) -> Path:
        """The service's DATA_DIR."""
        return self.service.data

    @property
    def connection(self) -> psycopg.Connection[Any]:
        return self.database.connection

    def web(self) -> psutil.Process | None:
        return self.service.part("gunicorn")

    def count_site(self) -> None:
        """What the worker does once a minute, and cannot while it rests."""
        from users.clock import database_now
        from users.login import sms_limits

        sms_limits.count(database_now())

    def take_back_votes(self) -> None:
        """Have those who had not voted at the beginning vote again, for every load alike."""
        self._wait_until(NOBODY_VOTES)
        self.connection.execute(TAKE_BACK_VOTES, [self.filled_at])

    def forget_codes(self) -> None:
        """Let everybody who was there at the beginning be one who never asked for a code."""
        for statement in FORGET_CODES:
            self.connection.execute(statement, [self.people])

    def worker(self) -> psutil.Process | None:
        return self.service.part("manage.py worker")

    @contextmanager
    def worker_at_rest(self) -> Iterator[None]:
        """Have the SMS worker do nothing meanwhile, and nothing wait for it: it holds no lock then."""
        self.finish_sms()
        worker = self._running_worker()
        worker.suspend()
        try:
            yield
        finally:
            worker.resume()

    def _running_worker(self) -> psutil.Process:
        """The worker, which `serve` starts again where it has ended: long rests may cost it its connection."""
        deadline = time.monotonic() + FINISH_SECONDS
        while (worker := self.worker()) is None:
            if time.monotonic() > deadline:
                raise RuntimeError("there is no worker")
            time.sleep(0.1)
        return worker

    def finish_sms(self) -> None:
        """Forget the SMS that wait, and wait for those on their way: they would disturb what is measured next."""
        self.connection.execute(DROP_SMS)
        self._wait_until(NOTHING_UNFINISHED)

    def _wait_until(self, condition: LiteralString) -> None:
        deadline = time.monotonic() + FINISH_SECONDS
        while self.connection.execute(condition).fetchone() != (True,):
            if time.monotonic() > deadline:
                raise RuntimeError(f"in vain: {condition}")
            time.sleep(0.1)


@contextmanager
def stage(people: int, gateway: Gateway | None = None) -> Iterator[Stage]:
    """Start the service, fill its database, and let PostgreSQL count statements. Ends all of it and its data.

    Its SMS go to a gateway that answers at once, unless one is given, which the caller serves.
    """
    with ExitStack() as stack:
        folder = stack.enter_context(service_folder())
        os.environ |= dict.fromkeys(NAMES, "") | {"DATA_DIR": str(folder / "data")}
        os.environ["DJANGO_SETTINGS_MODULE"] = "inviting_app.settings"
        import django

        django.setup()
        from django.db import connections

        stack.callback(connections.close_all)
        gateway = gateway or stack.enter_context(_gateway())
        make = stack.enter_context(services(folder))
        service = make(SMS_GATEWAYS=gateway.url, **SETTINGS)
        service.wait_until_ready()
        _fill(service, people)
        service.stop()
        service = make(SMS_GATEWAYS=gateway.url, **SETTINGS)
        service.wait_until_ready()
        connection = stack.enter_context(_connect(service))
        connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        connection.execute("SET lock_timeout = '30s'")
        now = connection.execute("SELECT now()").fetchone()
        postmaster = service.part("postgres")
        assert postmaster and now
        yield Stage(service, Database(connection, postmaster), people, now[0])


def _fill(service: Service, people: int) -> None:
    from bench.people import fill

    started = time.monotonic()
    with _connect(service) as connection:
        fill(connection, people)
        # Beginning with the next start, and for all that are measured.
        connection.execute("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'")
    say(f"{people:,} people in {time.monotonic() - started:.0f} s")


def _connect(service: Service) -> psycopg.Connection[Any]:
    at = Embedded(service.data).settings()
    return psycopg.connect(host=at["HOST"], user=at["USER"], dbname=at["NAME"], autocommit=True)


@contextmanager
def _gateway() -> Iterator[Gateway]:
    """A gateway that answers at once, in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    gateway = Gateway()
    asyncio.run_coroutine_threadsafe(gateway.serve(), loop).result()
    try:
        yield gateway
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        gateway.socket.close()


def say(words: str) -> None:
    print(f"... {words}", file=sys.stderr, flush=True)
