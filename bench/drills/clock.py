"""The wall clock of the whole service, PostgreSQL's too, is stepped forward by an hour and back.

clock.c, put before the C library, moves it; the monotonic clock goes on, as it does on a real machine.
"""

import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from bench.clients import Answer
from bench.drills.env import DrillEnv, Row, Skipped, running
from tests.support.service import service_folder

SOURCE = Path(__file__).with_suffix(".c")
# Long enough for the totals of the site to be counted there.
IN_FUTURE_SECONDS = 70.0

BACK_SECONDS = 75.0


class User:
    """One who requests codes and logs in, and notes the answers."""

    def __init__(self, on: DrillEnv, number: int) -> None:
        self.on, self.phone, self.client = on, f"977{number:07}", on.client()
        self.challenge = self.token = self.refresh = ""

    def sign_up(self) -> dict[str, Any]:
        answer = self.client.sign_up(self.phone)
        if answer.status == 200:
            self.challenge = answer.body["challenge_id"]
        return answer.body

    def code(self) -> str:
        return self.on.inboxes.wait(f"+7{self.phone}", 1)[-1].code

    def log_in(self) -> str:
        return self._keep(self.client.log_in(self.challenge, self.code()))

    def read(self) -> str:
        return in_words(self.client.me(self.token))

    def renew(self) -> str:
        return self._keep(self.client.refresh(self.refresh))

    def _keep(self, answer: Answer) -> str:
        if answer.status == 200:
            self.token, self.refresh = answer.body["token"], answer.body["refresh"]
        return in_words(answer)


def in_words(answer: Answer) -> str:
    return f"{answer.status} {answer.code}".strip()


def stepped() -> Row:
    if not (compiler := shutil.which("cc")):
        raise Skipped("there is no C compiler")
    with service_folder() as folder:
        offset, library = folder / "offset", folder / "clock.so"
        subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(SOURCE)], check=True)
        offset.write_text("0")
        variables = {"LD_PRELOAD": str(library), "CLOCK_OFFSET": str(offset)}
        with running(4, **variables) as on:
            notes: list[str] = []
            with on.load():
                _there_and_back(on, offset, notes)
            return on.row("Clock stepped", "the clock of all processes an hour forward, and back after 70 s", *notes)


def _there_and_back(on: DrillEnv, offset: Path, notes: list[str]) -> None:
    early, late, again, unanswered = (User(on, number) for number in range(4))
    early.sign_up()
    early.log_in()
    unanswered.sign_up()
    unanswered.code()
    offset.write_text("3600")
    forward = time.monotonic()
    notes.append(f"forward: an access token {early.read()}, its refresh {early.renew()}, then {early.read()}")
    notes.append(f"a code of before {unanswered.log_in()}")
    for user in (late, again):
        user.sign_up()
        user.code()
    _until(forward + IN_FUTURE_SECONDS)
    notes.append(_slowest(on, forward, time.monotonic()))
    notes.append(f"totals of the site counted {_count_age(on)}; {_workers(on)}")
    back = time.monotonic()
    offset.write_text("0")
    on.over()
    notes.append(f"back: an access token of the future {early.read()}, its refresh {early.renew()}")
    issued = again.sign_up()
    told = f"{issued.get('code_length')} digits, sent: {issued.get('sent')}, next in {issued.get('resend_in')} s"
    notes.append(f"a code of the future {late.log_in()}; a new request for one: {told}")
    _until(back + BACK_SECONDS)
    notes.append(_slowest(on, back, time.monotonic()))
    notes.append(f"{BACK_SECONDS:.0f} s later the totals were counted {_count_age(on)}; {_workers(on)}")


def _until(then: float) -> None:
    time.sleep(max(0.0, then - time.monotonic()))


def _slowest(on: DrillEnv, since: float, until: float) -> str:
    waits = [c.ended - c.began for c in on.users.calls if c.step == "SMS" and since < c.began and c.ended < until]
    return f"{len(waits)} SMS, the slowest after {max(waits):.1f} s" if waits else "no SMS came"


def _count_age(on: DrillEnv) -> str:
    row = on.row_of("SELECT extract(epoch FROM now() - counted_at)::int FROM users_sitetotals")
    if row is None:
        return "never"
    return f"{row[0]} s ago" if row[0] >= 0 else f"{-row[0]} s ahead of the clock"


def _workers(on: DrillEnv) -> str:
    row = on.row_of("SELECT count(*), count(*) FILTER (WHERE last_heartbeat > now() - interval '10 s' "
                    "AND last_heartbeat < now() + interval '1 s') FROM procrastinate_workers")  # fmt: skip
    return f"{row[1]} of {row[0]} workers with a heartbeat of now"
