"""The wall clock of the whole service, PostgreSQL's too, is stepped forward by an hour and back.

clock.c, put before the C library, moves it; the monotonic clock goes on, as it does on a real machine.
"""

import shutil
import subprocess
import time
from pathlib import Path

from bench.clients import Answer
from bench.drills.env import DrillEnv, Row, Skipped, running
from tests.support.service import service_folder

SOURCE = Path(__file__).with_suffix(".c")
# Long enough for the totals of the site to be counted there, and again after the way back.
IN_FUTURE_SECONDS = 70.0
BACK_SECONDS = 75.0

_COUNT_AGE = "SELECT extract(epoch FROM now() - counted_at)::int FROM users_sitetotals"
_LIVE_WORKERS = """
SELECT count(*) FROM procrastinate_workers
 WHERE last_heartbeat BETWEEN now() - interval '10 s' AND now() + interval '1 s'
"""


class User:
    """One who requests codes and logs in, and notes the answers."""

    def __init__(self, on: DrillEnv, number: int) -> None:
        self.on, self.phone, self.client = on, f"977{number:07}", on.client()
        self.issued = self.sign_up()
        self.on.inboxes.wait(f"+7{self.phone}")
        self.token = self.refresh = ""

    def sign_up(self) -> Answer:
        self.issued = self.client.sign_up(self.phone)
        return self.issued

    def log_in(self) -> str:
        return self._keep(self.client.log_in(self.issued, self.on.inboxes.of[f"+7{self.phone}"][-1].code))

    def read(self) -> str:
        return _in_words(self.client.me(self.token))

    def renew(self) -> str:
        return self._keep(self.client.refresh(self.refresh))

    def _keep(self, answer: Answer) -> str:
        if answer.status == 200:
            self.token, self.refresh = answer.body["token"], answer.body["refresh"]
        return _in_words(answer)


def stepped() -> Row:
    if not (compiler := shutil.which("cc")):
        raise Skipped("there is no C compiler")
    with service_folder() as folder:
        offset, library = folder / "offset", folder / "clock.so"
        subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", library, SOURCE], check=True)
        offset.write_text("0")
        with running(users=4, LD_PRELOAD=str(library), CLOCK_OFFSET=str(offset)) as on:
            with on.load():
                note = _there_and_back(on, offset)
            what = f"all clocks an hour forward, and back {IN_FUTURE_SECONDS:.0f} s later"
            return on.fault("Clock stepped", what, "see below", note=note)


def _there_and_back(on: DrillEnv, offset: Path) -> str:
    early, unanswered = User(on, 0), User(on, 1)
    early.log_in()
    offset.write_text("3600")
    forward = time.monotonic()
    note = f"Forward: an access token gets {early.read()}, its refresh token {early.renew()}, the new one "
    note += f"{early.read()}. A code from before gets {unanswered.log_in()}. "
    late, again = User(on, 2), User(on, 3)
    time.sleep(max(0.0, forward + IN_FUTURE_SECONDS - time.monotonic()))
    note += _still_working(on, forward)
    back = time.monotonic()
    offset.write_text("0")
    on.over()
    note += f" Back: an access token from the future gets {early.read()}, its refresh token {early.renew()}. "
    body = again.sign_up().body
    note += f"A code from the future gets {late.log_in()}; a new request for one gets {body['code_length']} digits"
    note += f"{' in a new SMS' if body['sent'] else ''} and may be repeated after {body['resend_in']} s. "
    time.sleep(max(0.0, back + BACK_SECONDS - time.monotonic()))
    return note + _still_working(on, back)


def _still_working(on: DrillEnv, since: float) -> str:
    sms, age = on.users.sms_seconds(since), on.one(_COUNT_AGE)
    counted = f"{age} s ago" if age >= 0 else f"{-age} s ahead of the clock"
    return (
        f"Meanwhile {len(sms):,} SMS arrived, the slowest after {max(sms, default=0):.1f} s; the site's totals were "
        f"counted {counted}, and {on.one(_LIVE_WORKERS)} worker has a heartbeat."
    )


def _in_words(answer: Answer) -> str:
    return f"{answer.status} `{answer.code}`" if answer.code else str(answer.status)
