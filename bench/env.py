"""The service as `make run` starts it, full of users, for measurements: with its own data, gateway and ports."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
import psycopg

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "inviting_app.settings")

from bench import dataset, fake_gateway
from bench.fake_gateway import FakeGateway
from inviting_app.ops.embedded import Embedded
from tests.support.service import Service, service_folder, services

# Each client has its own address, and the site's SMS limit is out of reach.
SETTINGS = {"TRUSTED_PROXIES": "1", "SMS_PER_DAY": "1000000000"}
FINISH_SECONDS = 60
RESULTS = Path(__file__).parent / "results"

_DROP_SMS = "DELETE FROM procrastinate_jobs WHERE status = 'todo' AND task_name = 'users.tasks.send_sms'"
_NO_JOB_RUNS = "SELECT count(*) = 0 FROM procrastinate_jobs WHERE status = 'doing'"
_NO_VOTE_RUNS = """
SELECT count(*) = 0 FROM pg_stat_activity
 WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
   AND (state = 'active' OR state <> 'idle' AND query ~ 'profiles_') -- the stopped worker may be in a transaction
"""
_DELETE_NEW_VOTES = """
WITH deleted AS (DELETE FROM profiles_activation WHERE created_at > %s RETURNING inviter_id),
     lost AS (SELECT inviter_id, count(*) AS votes FROM deleted GROUP BY inviter_id)
UPDATE profiles_profile SET invitations_count = invitations_count - votes FROM lost WHERE user_id = inviter_id
"""
_DELETE_CODES = (
    "DELETE FROM users_challenge USING users_logincode AS code WHERE code.id = login_code_id AND user_id <= %s",
    "DELETE FROM users_logincode WHERE user_id <= %s",
)
# What the worker's task writes once a minute. A sign-up counts the SMS since then.
_COUNT_SMS = """
UPDATE users_sitetotals
   SET counted_at = now(),
       sms_in_a_day = (SELECT count(*) FROM users_smsdelivery WHERE created_at > now() - interval '1 day')
"""


@dataclass
class BenchEnv:
    """A running service with its database."""

    service: Service
    connection: psycopg.Connection[Any]
    users: int
    filled_at: datetime
    name: str = "service"

    @property
    def port(self) -> int:
        return self.service.port

    @property
    def data(self) -> Path:
        """The service's DATA_DIR."""
        return self.service.data

    def web(self) -> psutil.Process | None:
        return self.service.part("gunicorn")

    def postgres(self) -> psutil.Process | None:
        return self.service.part("postgres")

    def count_sms(self) -> None:
        """Do the work of the worker's periodic task, which waits while the worker is stopped."""
        self.connection.execute(_COUNT_SMS)

    def delete_new_votes(self) -> None:
        """Restore the votes of the dataset, so that each load finds the same."""
        self.wait_for(_NO_VOTE_RUNS)
        self.connection.execute(_DELETE_NEW_VOTES, [self.filled_at])

    def delete_codes(self) -> None:
        """Restore the state in which no user of the dataset has requested a code."""
        for statement in _DELETE_CODES:
            self.connection.execute(statement, [self.users])

    @contextmanager
    def worker_stopped(self) -> Iterator[None]:
        """Stop the SMS worker meanwhile, at a moment when it has no job and so holds no lock."""
        self.connection.execute(_DROP_SMS)
        self.wait_for(_NO_JOB_RUNS)
        worker = self._worker()
        worker.suspend()
        try:
            yield
        finally:
            worker.resume()

    def _worker(self) -> psutil.Process:
        """The worker. `serve` starts a new one if it has ended because its connection was lost."""
        deadline = time.monotonic() + FINISH_SECONDS
        while (worker := self.service.part("manage.py worker")) is None:
            assert time.monotonic() < deadline, "there is no worker"
            time.sleep(0.1)
        return worker

    def wait_for(self, condition: Any, seconds: float = FINISH_SECONDS) -> None:
        """Wait until this query returns true."""
        deadline = time.monotonic() + seconds
        while self.connection.execute(condition).fetchone() != (True,):
            assert time.monotonic() < deadline, condition
            time.sleep(0.1)


@contextmanager
def running(users: int, *, gateway: FakeGateway | None = None, project: Path | None = None) -> Iterator[BenchEnv]:
    """Start the service and fill its database. At the end all processes stop and the data is deleted.

    SMS go to `gateway`, or to one that answers at once. `project` is another checkout whose service to start.
    """
    with ExitStack() as stack:
        folder = stack.enter_context(service_folder())
        gateway = gateway or stack.enter_context(fake_gateway.running())
        make = stack.enter_context(services(folder))
        service = make(project=project, SMS_GATEWAYS=gateway.url, **SETTINGS)
        service.wait_until_ready()
        connection = stack.enter_context(connect(service))
        connection.execute("SET lock_timeout = '30s'")
        started = time.monotonic()
        dataset.fill(connection, users)
        say(f"{users:,} users in {time.monotonic() - started:.0f} s")
        now = connection.execute("SELECT now()").fetchone()
        assert now
        yield BenchEnv(service, connection, users, now[0])


def connect(service: Service, name: str = "bench") -> psycopg.Connection[Any]:
    """A connection to the embedded PostgreSQL of a service, as its superuser, in autocommit mode."""
    at = Embedded(service.data).settings()
    return psycopg.connect(host=at["HOST"], user=at["USER"], dbname=at["NAME"], autocommit=True, application_name=name)


def say(words: str) -> None:
    print(f"... {words}", file=sys.stderr, flush=True)
