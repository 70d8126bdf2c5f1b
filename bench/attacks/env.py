"""The service under attack: two web processes on two ports, one worker, one PostgreSQL, two SMS gateways."""

import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from itertools import cycle
from pathlib import Path
from typing import Any

import psycopg

from bench import fake_gateway
from bench.clients import ATTACKERS, OWNERS, Answer, Client, addresses
from bench.fake_gateway import Inboxes
from inviting_app.ops.embedded import Embedded, die_with_parent
from tests.support.environment import NAMES
from tests.support.service import Service, free_port, service_folder

BASE = Path(__file__).resolve().parent.parent.parent
START_SECONDS = 30.0
# After this, rows are 24 hours older, even if their codes were still valid.
DAY = timedelta(hours=25)

MONTH = timedelta(days=32)

LOGIN_TABLES = ("users_logincode", "users_challenge", "users_smsdelivery")


class AttackEnv:
    def __init__(self, stack: ExitStack) -> None:
        folder = stack.enter_context(service_folder())
        self.inboxes = Inboxes()
        self.gateways = [stack.enter_context(fake_gateway.running(self.inboxes)) for _ in range(2)]
        self.secret_key = secrets.token_urlsafe(50)
        # Limits have their defaults. The first resend interval is short, the next is the longest. So strangers soon
        # cause the only SMS of an hour.
        variables = {
            "SECRET_KEY": self.secret_key,
            "SITE_URL": "http://localhost",
            "SMS_GATEWAYS": ",".join(one.url for one in self.gateways),
            "LOGIN_SEND_GAPS": "1,3600",
        }
        os.environ["DJANGO_SETTINGS_MODULE"] = "inviting_app.settings"
        service = Service(folder, free_port(), **variables)
        stack.callback(service.stop)
        service.wait_until_ready()
        self.second_port = free_port()
        clean = {**os.environ, **dict.fromkeys(NAMES, ""), "DATA_DIR": str(service.data), **variables}
        self.environment = clean | {"PORT": str(self.second_port)}
        self.log = stack.enter_context((folder / "second.log").open("ab"))
        self._start_second()
        stack.callback(self._stop_second)
        where = Embedded(service.data).settings()
        self.database = stack.enter_context(
            psycopg.connect(dbname=where["NAME"], user=where["USER"], host=where["HOST"], autocommit=True)
        )
        self.ports = cycle((service.port, self.second_port))
        self._addresses = {network: addresses(network) for network in (ATTACKERS, OWNERS)}

    def attacker(self) -> Client:
        """A stranger with a new address."""
        return Client(next(self._addresses[ATTACKERS]), self.ports)

    def owner(self) -> Client:
        """A client with a new address, of a user who reads the SMS."""
        return Client(next(self._addresses[OWNERS]), self.ports)

    def sign_in(self, client: Client, phone: str, **more: str) -> Answer:
        """Sign up, read the SMS and log in. Returns the answer to the login."""
        return client.log_in(issued := client.sign_up(phone, **more), self.read(phone, issued))

    def read(self, phone: str, issued: Answer, known: bool | None = None) -> str:
        """The code of the phone's newest SMS of that length, once all are delivered.

        With `known`, only SMS of known devices count, or (False) of unknown ones, which mention the new device.
        """
        assert issued.status == 200, issued
        self.settle(phone)
        length = issued.body["code_length"]
        fitting = [sms for sms in self.inboxes.of[_e164(phone)] if len(sms.code) == length]
        if known is not None:
            fitting = [sms for sms in fitting if ("new device" not in sms.text) == known]
        return fitting[-1].code

    def settle(self, phone: str = "", seconds: float = 120.0) -> None:
        """Wait until no SMS to the phone, or to any phone, is queued."""
        queued = """SELECT count(*) FROM users_smsdelivery JOIN users_logincode AS code ON code.id = login_code_id
                      JOIN users_user AS owner ON owner.id = user_id
                     WHERE state = 'queued' AND phone LIKE %s"""
        deadline = time.monotonic() + seconds
        while self.one(queued, _e164(phone) if phone else "%"):
            assert time.monotonic() < deadline, "SMS are not delivered"
            time.sleep(0.02)

    def pass_time(self, span: timedelta, *tables: str) -> None:
        """Shift all times in these tables, or in those of sign-in, into the past."""
        self.settle()
        for table in tables or LOGIN_TABLES:
            columns = self.rows(
                "SELECT column_name FROM information_schema.columns"
                " WHERE table_name = %s AND data_type = 'timestamp with time zone'",
                table,
            )
            shifts = ", ".join(f"{name} = {name} - %(span)s" for (name,) in columns)
            self.database.execute(f"UPDATE {table} SET {shifts}", {"span": span})  # noqa: S608

    def rows(self, sql: str, *values: Any) -> list[Any]:
        return self.database.execute(sql, values).fetchall()

    def one(self, sql: str, *values: Any) -> Any:
        return self.rows(sql, *values)[0][0]

    def compared(self, prefix: str) -> int:
        """Comparisons with short codes of unknown devices by attackers, for phones with this prefix, from the rows."""
        return int(
            self.one(
                """SELECT COALESCE(SUM(attempts), 0)
                     FROM users_challenge AS challenge JOIN users_logincode AS code ON code.id = login_code_id
                     JOIN users_user AS owner ON owner.id = user_id
                    WHERE phone LIKE %s AND digits = 4 AND device_id IS NULL AND address <<= %s::inet""",
                f"{_e164(prefix)}%",
                ATTACKERS,
            )
        )

    def operate(self, code: str) -> None:
        """Run code in the service's shell, to do what an operator or a periodic task does."""
        command = [sys.executable, "manage.py", "shell", "-v0", "-c", code]
        subprocess.run(command, cwd=BASE, env=self.environment, check=True, timeout=60)

    def restart_second(self) -> None:
        self._stop_second()
        self._start_second()

    def _start_second(self) -> None:
        self.second = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "-c", "inviting_app/ops/gunicorn_conf.py"],
            cwd=BASE,
            env=self.environment,
            stdout=self.log,
            stderr=self.log,
            preexec_fn=die_with_parent(signal.SIGTERM),
        )
        deadline = time.monotonic() + START_SECONDS
        while not self._second_answers():
            assert self.second.poll() is None and time.monotonic() < deadline, "the second web process does not start"
            time.sleep(0.05)

    def _second_answers(self) -> bool:
        with (
            suppress(OSError),
            urllib.request.urlopen(f"http://127.0.0.1:{self.second_port}/readyz", timeout=1) as answer,
        ):
            return bool(answer.status == 200)
        return False

    def _stop_second(self) -> None:
        self.second.terminate()
        self.second.wait(10)


@contextmanager
def running() -> Iterator[AttackEnv]:
    with ExitStack() as stack:
        yield AttackEnv(stack)


def phone(attack: int, number: int) -> str:
    """A phone of this attack. All phones of one attack share a prefix."""
    return f"{prefix(attack)}{number:05}"


def prefix(attack: int) -> str:
    return f"999{attack:02}"


def _e164(typed: str) -> str:
    return f"+7{typed}"
