"""The service under attack: two web processes on two ports, one worker, one PostgreSQL, two SMS gateways."""

from __future__ import annotations

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

from bench.attacks import sink
from bench.attacks.clients import ATTACKERS, OWNERS, Answer, Client, addresses
from bench.attacks.sink import Inboxes
from inviting_app.ops.embedded import Embedded, die_with_parent
from tests.support.environment import NAMES
from tests.support.service import Service, free_port, service_folder

BASE = Path(__file__).resolve().parent.parent.parent
START_SECONDS = 30.0
# Sets of rows that are 24 hours apart, whatever is left of their codes' lives, are surely so after this.
DAY = timedelta(hours=25)

MONTH = timedelta(days=32)

LOGIN_TABLES = ("users_logincode", "users_challenge", "users_smsdelivery")


class Arena:
    def __init__(self, stack: ExitStack) -> None:
        folder = stack.enter_context(service_folder())
        self.inboxes = Inboxes()
        self.sinks = [stack.enter_context(sink.running(self.inboxes)) for _ in range(2)]
        self.secret_key = secrets.token_urlsafe(50)
        # Budgets and limits are at their defaults. Of the gaps between two SMS the first is short and the next the
        # longest, so that strangers soon take the only SMS of an hour.
        variables = {
            "SECRET_KEY": self.secret_key,
            "SITE_URL": "http://localhost",
            "SMS_GATEWAYS": ",".join(one.url for one in self.sinks),
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
        """A stranger at an address never seen before."""
        return Client(next(self._addresses[ATTACKERS]), self.ports)

    def owner(self) -> Client:
        """A client of somebody who reads the SMS, at an address never seen before."""
        return Client(next(self._addresses[OWNERS]), self.ports)

    def sign_in(self, client: Client, phone: str, **more: str) -> Answer:
        """Ask, read the SMS, log in: its answer."""
        return client.log_in(asked := client.sign_up(phone, **more), self.read(phone, asked))

    def read(self, phone: str, asked: Answer, known: bool | None = None) -> str:
        """The code of the phone's newest SMS of the length that the answer tells, once all are delivered.

        `known`: that of the known device's SMS alone, which warns of no new device; False, of the others alone.
        """
        assert asked.status == 200, asked
        self.settle(phone)
        length = asked.body["code_length"]
        fitting = [sms for sms in self.inboxes.of[_e164(phone)] if len(sms.code) == length]
        if known is not None:
            fitting = [sms for sms in fitting if ("new device" not in sms.text) == known]
        return fitting[-1].code

    def settle(self, phone: str = "", seconds: float = 30.0) -> None:
        """Wait until nothing is on its way to the phone, or to any phone."""
        queued = """SELECT count(*) FROM users_smsdelivery JOIN users_logincode AS code ON code.id = login_code_id
                      JOIN users_user AS person ON person.id = user_id
                     WHERE state = 'queued' AND phone LIKE %s"""
        deadline = time.monotonic() + seconds
        while self.one(queued, _e164(phone) if phone else "%"):
            assert time.monotonic() < deadline, "SMS are not delivered"
            time.sleep(0.02)

    def pass_time(self, span: timedelta, *tables: str) -> None:
        """Let time go by for the rows of these tables, or of sign-in: the service has no clock that could be set."""
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

    def compared(self, block: str) -> int:
        """The attackers' comparisons with short codes of unknown devices, for phones that begin so: from the rows."""
        return int(
            self.one(
                """SELECT COALESCE(SUM(attempts), 0)
                     FROM users_challenge AS challenge JOIN users_logincode AS code ON code.id = login_code_id
                     JOIN users_user AS person ON person.id = user_id
                    WHERE phone LIKE %s AND digits = 4 AND device_id IS NULL AND address <<= %s::inet""",
                f"{_e164(block)}%",
                ATTACKERS,
            )
        )

    def operate(self, code: str) -> None:
        """Do with the service's own functions what an operator or its clock does."""
        command = [sys.executable, "manage.py", "shell", "-v0", "-c", code]
        subprocess.run(command, cwd=BASE, env=self.environment, check=True, timeout=60)

    def restart_second(self) -> None:
        self._stop_second()
        self._start_second()

    def _start_second(self) -> None:
        self.second = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "-c", "python:inviting_app.ops.gunicorn_conf"],
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
def running() -> Iterator[Arena]:
    with ExitStack() as stack:
        yield Arena(stack)


def phone(attack: int, number: int) -> str:
    """A phone of this attack's own; those of one attack share its block of numbers."""
    return f"{block(attack)}{number:05}"


def block(attack: int) -> str:
    return f"999{attack:02}"


def _e164(typed: str) -> str:
    return f"+7{typed}"
