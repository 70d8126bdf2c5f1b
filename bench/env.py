"""The service as `make run` starts it, with its own data, fake gateways and ports."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from itertools import cycle
from pathlib import Path
from signal import SIGTERM, default_int_handler, signal
from typing import Any

import psutil
import psycopg
from django.conf import settings

from bench import dataset, fake_gateway
from bench.clients import Client, addresses
from bench.fake_gateway import FakeGateway
from inviting_app.ops.programs import die_with_parent
from tests.support.proxies import wait_until_listening
from tests.support.service import Service, service_folder, services

CLIENTS = "127.88.0.0/16"
STOP_SECONDS = 30
FINISH_SECONDS = 60
RESULTS = Path(__file__).parent / "results"

_NO_JOB_RUNS = "SELECT count(*) = 0 FROM procrastinate_jobs WHERE status = 'doing'"
NOTHING_QUEUED = "SELECT count(*) = 0 FROM users_smsdelivery WHERE state = 'queued'"
# Also those that are being sent: what becomes of them is not recorded then.
_DROP_SMS = "UPDATE users_smsdelivery SET state = 'dropped', finished_at = now() WHERE state = 'queued'"
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


class Env:
    """A running service. When `stack` ends, all processes stop and the data is deleted."""

    def __init__(self, stack: ExitStack, gateways: int = 1, data_in: Path | None = None, **variables: str) -> None:
        self.stack = stack
        self.folder = stack.enter_context(service_folder())
        self.gateways: list[FakeGateway] = [
            stack.enter_context(fake_gateway.running(FakeGateway)) for _ in range(gateways)
        ]
        self.inboxes = self.gateways[0].inboxes
        for gateway in self.gateways:
            gateway.inboxes = self.inboxes
        self._make = stack.enter_context(services(data_in or self.folder))
        # The service has the SECRET_KEY of this process, so that its tokens and codes can be made here.
        urls = ",".join(gateway.url for gateway in self.gateways)
        # A service of the tests has one web process.
        own = {"SMS_GATEWAYS": urls, "SECRET_KEY": settings.SECRET_KEY, "WEB_WORKERS": "2"}
        self._variables = own | variables
        self.start()
        self.ports = cycle((self.service.port,))
        self._addresses = {CLIENTS: addresses(CLIENTS)}

    def start(self) -> None:
        self.service: Service = self._make(**self._variables)
        self.service.wait_until_ready()

    def client(self, network: str = CLIENTS) -> Client:
        """A client with a new address of this network."""
        own = self._addresses.setdefault(network, addresses(network))
        return Client(next(own), self.ports)

    def part(self, words: str) -> psutil.Process:
        """The child of `serve` whose command line contains these words, as soon as there is one."""
        self.service.wait_for(lambda: self.service.part(words))
        part = self.service.part(words)
        assert part is not None
        return part

    def web(self) -> psutil.Process:
        return self.part("gunicorn")

    def spawn(
        self, *arguments: str, program: str = sys.executable, cwd: str | Path = settings.BASE_DIR, **variables: str
    ) -> subprocess.Popen[bytes]:
        """Start Python, or a program, with the service's environment and log. It is stopped at the end."""
        with self.service.log.open("ab") as log:
            process = subprocess.Popen(
                [program, *arguments],
                cwd=cwd,
                env=self.service.process.environ() | variables,
                stdout=log,
                stderr=log,
                start_new_session=True,  # as `serve` starts its parts: the worker lowers the priority of its session
                preexec_fn=die_with_parent(SIGTERM),
            )
        self.stack.callback(stop, process)
        return process

    def spawn_gunicorn(self, port: int, *arguments: str, **variables: str) -> subprocess.Popen[bytes]:
        """Start another web server on this port, and wait until it listens."""
        process = self.spawn("-m", "gunicorn", *arguments, **variables)
        wait_until_listening(process, port, self.service.log)
        return process

    def connect(self, name: str = "bench") -> psycopg.Connection[Any]:
        """A connection to the embedded PostgreSQL, as its superuser, in autocommit mode."""
        return psycopg.connect(**self.service.database, autocommit=True, application_name=name)

    @cached_property
    def database(self) -> psycopg.Connection[Any]:
        return self.stack.enter_context(self.connect())

    def rows(self, sql: Any, *values: Any) -> list[Any]:
        return self.database.execute(sql, values or None).fetchall()

    def one(self, sql: Any, *values: Any) -> Any:
        return self.rows(sql, *values)[0][0]

    def wait_for(self, condition: Any, *values: Any, seconds: float = FINISH_SECONDS) -> None:
        """Wait until this query returns true."""
        deadline = time.monotonic() + seconds
        while not self.one(condition, *values):
            assert time.monotonic() < deadline, condition
            time.sleep(0.05)


class BenchEnv(Env):
    """A service full of users. Each client has its own address, and the site's SMS limit is out of reach."""

    name = "service"

    def __init__(self, stack: ExitStack, users: int, **variables: str) -> None:
        variables |= {"TRUSTED_PROXIES": "1", "SMS_PER_DAY": "1000000000"}
        super().__init__(stack, 1, None, **variables)
        self.users = users
        self.port = self.service.port
        self.database.execute("SET lock_timeout = '30s'")
        started = time.monotonic()
        dataset.fill(self.database, users)
        say(f"{users:,} users in {time.monotonic() - started:.0f} s")
        self.filled_at = self.one("SELECT now()")

    def count_sms(self) -> None:
        """Do the work of the worker's periodic task, which waits while the worker is stopped."""
        self.database.execute(_COUNT_SMS)

    def delete_new_votes(self) -> None:
        """Restore the votes of the dataset, so that each load finds the same."""
        self.wait_for(_NO_VOTE_RUNS)
        self.database.execute(_DELETE_NEW_VOTES, [self.filled_at])

    def delete_codes(self) -> None:
        """Restore the state in which no user of the dataset has requested a code."""
        for statement in _DELETE_CODES:
            self.database.execute(statement, [self.users])

    def suspend_worker(self) -> psutil.Process:
        """Suspend the SMS worker at a moment when it has no job and so holds no lock. Returns its process."""
        self.database.execute(_DROP_SMS)
        self.wait_for(_NO_JOB_RUNS)
        worker = self.part("manage.py worker")
        worker.suspend()
        return worker


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(STOP_SECONDS)


def say(words: str) -> None:
    print(f"... {words}", file=sys.stderr, flush=True)


@contextmanager
def measuring(module: str) -> Iterator[tuple[str, ExitStack]]:
    """Yields the heading of the results, and a stack of what is stopped at the end, also after SIGTERM."""
    signal(SIGTERM, default_int_handler)
    head = heading(module)
    with ExitStack() as stack:
        yield head, stack


def heading(module: str) -> str:
    """What was run, when, and how busy the machine is."""
    load = " ".join(f"{one:.2f}" for one in os.getloadavg())
    command = " ".join(["python -m", module, *sys.argv[1:]])
    return f"{command}, {time.strftime('%F %R %Z')}\n{os.cpu_count()} cores, load average before {load}"
