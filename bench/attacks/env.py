"""The service under attack: two hosts with four web processes each, behind nginx, and two SMS gateways."""

import secrets
from contextlib import ExitStack
from datetime import timedelta
from itertools import cycle

from bench import env
from bench.clients import Answer, Client
from tests.support.ports import free_port
from tests.support.proxies import nginx

ATTACKERS = "127.66.0.0/16"
OWNERS = "127.77.0.0/16"
# The header that tells nginx another address of a client, because this machine has no others.
CLAIMED = "Client"
# After this, rows are 24 hours older, even if their codes were still valid.
OVER_A_DAY = timedelta(hours=25)
MONTH = timedelta(days=32)
# Longer than the first resend interval, which begins when the worker has sent the SMS.
RESEND = timedelta(seconds=2)

LOGIN_TABLES = ("users_logincode", "users_challenge", "users_smsdelivery")

_NOTHING_QUEUED = """
SELECT count(*) = 0 FROM users_smsdelivery JOIN users_logincode AS code ON code.id = login_code_id
  JOIN users_user AS owner ON owner.id = user_id
 WHERE state = 'queued' AND phone LIKE %s
"""
_COMPARED = """
SELECT coalesce(sum(attempts), 0)::int
  FROM users_challenge JOIN users_logincode AS code ON code.id = login_code_id
  JOIN users_user AS owner ON owner.id = user_id
 WHERE phone LIKE %s AND digits = 4 AND device_id IS NULL AND address <<= %s::inet
"""
_TIMES = """
SELECT column_name FROM information_schema.columns
 WHERE table_name = %s AND data_type = 'timestamp with time zone'
"""


class AttackEnv(env.Env):
    def __init__(self, stack: ExitStack) -> None:
        # Limits have their defaults. The first resend interval is short, the next is the longest. So strangers soon
        # cause the only SMS of an hour.
        given = {
            "SITE_URL": "http://localhost",
            "LOGIN_SEND_GAPS": "1,3600",
            "WEB_WORKERS": "4",
            "TRUSTED_PROXIES": "1",
        }
        super().__init__(stack, 2, None, **given)
        self.second_port = free_port()
        self._start_second()
        proxy = nginx(self.folder, self.service.port, also=self.second_port, claimed_by=CLAIMED)
        self.ports = cycle((stack.enter_context(proxy),))

    def attacker(self) -> Client:
        """A stranger with a new address."""
        return self.client(ATTACKERS)

    def owner(self) -> Client:
        """A client with a new address, of a user who reads the SMS."""
        return self.client(OWNERS)

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

    def settle(self, phone: str = "") -> None:
        """Wait until no SMS to the phone, or to any phone, is queued."""
        self.wait_for(_NOTHING_QUEUED, _e164(phone) if phone else "%", seconds=120)

    def pass_time(self, span: timedelta, *tables: str) -> None:
        """Shift all times in these tables, or in those of sign-in, into the past."""
        self.settle()
        for table in tables or LOGIN_TABLES:
            shifts = ", ".join(f"{name} = {name} - %(span)s" for (name,) in self.rows(_TIMES, table))
            self.database.execute(f"UPDATE {table} SET {shifts}", {"span": span})  # noqa: S608

    def compared(self, prefix: str) -> int:
        """Comparisons with short codes of unknown devices by attackers, for phones with this prefix, from the rows."""
        return int(self.one(_COMPARED, f"{_e164(prefix)}%", ATTACKERS))

    def operate(self, code: str) -> None:
        """Run code in the service's shell, to do what an operator or a periodic task does."""
        assert self.spawn("manage.py", "shell", "-v0", "-c", code).wait(60) == 0

    def restart_second(self) -> None:
        env.stop(self.second)
        self._start_second()

    def _start_second(self) -> None:
        configuration = ("-c", "inviting_app/ops/gunicorn_conf.py")
        self.second = self.spawn_gunicorn(self.second_port, *configuration, PORT=str(self.second_port))
        assert Client("127.0.0.1", cycle([self.second_port])).call("GET", "/readyz").status == 200


def phone(attack: int, number: int) -> str:
    """A phone of this attack. All phones of one attack share a prefix."""
    return f"{prefix(attack)}{number:05}"


def prefix(attack: int) -> str:
    return f"999{attack:02}"


def guesses(length: int, count: int) -> list[str]:
    """Different random codes."""
    drawn: set[str] = set()
    while len(drawn) < count:
        drawn.add(str(secrets.randbelow(10**length)).zfill(length))
    return list(drawn)


def _e164(typed: str) -> str:
    return f"+7{typed}"
