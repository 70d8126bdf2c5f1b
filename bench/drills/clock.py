"""The wall clock of the whole service, PostgreSQL's too, is stepped forward by an hour and back.

clock.c, put before the C library, moves it; the monotonic clock goes on, as it does on a real machine.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from bench.drills.crowd import ME, ask
from bench.drills.ground import Ground, Row, Skipped, ground
from tests.support.service import service_folder

SOURCE = Path(__file__).with_suffix(".c")
# Long enough for the totals of the site to be counted there.
IN_FUTURE_SECONDS = 70.0

BACK_SECONDS = 75.0


class Person:
    """One who asks and signs in, and notes how it went."""

    def __init__(self, on: Ground, number: int) -> None:
        self.on, self.phone, self.address = on, f"+7977{number:07}", f"12.0.0.{number + 1}"
        self.challenge = self.token = self.refresh = ""

    def ask(self) -> tuple[int | str, dict[str, Any]]:
        status, answer = ask(self.on.port, "/api/auth/signup", {"phone": self.phone}, address=self.address)
        self.challenge = answer.get("challenge_id", self.challenge)
        return status, answer

    def code(self) -> str:
        return self.on.inboxes.wait(self.phone, 1)[-1].code

    def sign_in(self) -> str:
        body = {"code": self.code(), "challenge_id": self.challenge}
        status, answer = ask(self.on.port, "/api/auth/login", body, address=self.address)
        self.token, self.refresh = answer.get("token", ""), answer.get("refresh", "")
        return f"{status} {answer.get('code', '')}".strip()

    def read(self) -> str:
        status, answer = ask(self.on.port, ME, token=self.token)
        return f"{status} {answer.get('code', '')}".strip()

    def renew(self) -> str:
        status, answer = ask(self.on.port, "/api/auth/refresh", {"refresh": self.refresh})
        self.token, self.refresh = answer.get("token", self.token), answer.get("refresh", self.refresh)
        return f"{status} {answer.get('code', '')}".strip()


def stepped() -> Row:
    if not (compiler := shutil.which("cc")):
        raise Skipped("there is no C compiler")
    with service_folder() as folder:
        offset, library = folder / "offset", folder / "clock.so"
        subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(SOURCE)], check=True)
        offset.write_text("0")
        variables = {"LD_PRELOAD": str(library), "CLOCK_OFFSET": str(offset)}
        with ground(4, None, **variables) as on:
            notes: list[str] = []
            with on.load():
                _there_and_back(on, offset, notes)
            return on.row("Clock stepped", "the clock of all processes an hour forward, and back after 70 s", *notes)


def _there_and_back(on: Ground, offset: Path, notes: list[str]) -> None:
    early, late, again, unanswered = (Person(on, number) for number in range(4))
    early.ask()
    early.sign_in()
    unanswered.ask()
    unanswered.code()
    offset.write_text("3600")
    forward = time.monotonic()
    notes.append(f"forward: an access token {early.read()}, its refresh {early.renew()}, then {early.read()}")
    notes.append(f"a code of before {unanswered.sign_in()}")
    for person in (late, again):
        person.ask()
        person.code()
    _until(forward + IN_FUTURE_SECONDS)
    notes.append(_slowest(on, forward, time.monotonic()))
    notes.append(f"totals of the site counted {_count_age(on)}; {_workers(on)}")
    back = time.monotonic()
    offset.write_text("0")
    on.over()
    notes.append(f"back: an access token of the future {early.read()}, its refresh {early.renew()}")
    asked = again.ask()[1]
    told = f"{asked.get('code_length')} digits, sent: {asked.get('sent')}, next in {asked.get('resend_in')} s"
    notes.append(f"a code of the future {late.sign_in()}; whoever has one asks again: {told}")
    _until(back + BACK_SECONDS)
    notes.append(_slowest(on, back, time.monotonic()))
    notes.append(f"{BACK_SECONDS:.0f} s later the totals were counted {_count_age(on)}; {_workers(on)}")


def _until(then: float) -> None:
    time.sleep(max(0.0, then - time.monotonic()))


def _slowest(on: Ground, since: float, until: float) -> str:
    waits = [c.ended - c.began for c in on.crowd.calls if c.step == "SMS" and since < c.began and c.ended < until]
    return f"{len(waits)} SMS, the slowest after {max(waits):.1f} s" if waits else "no SMS came"


def _count_age(on: Ground) -> str:
    row = on.row_of("SELECT extract(epoch FROM now() - counted_at)::int FROM users_sitetotals")
    if row is None:
        return "never"
    return f"{row[0]} s ago" if row[0] >= 0 else f"{-row[0]} s ahead of the clock"


def _workers(on: Ground) -> str:
    row = on.row_of("SELECT count(*), count(*) FILTER (WHERE last_heartbeat > now() - interval '10 s' "
                    "AND last_heartbeat < now() + interval '1 s') FROM procrastinate_workers")  # fmt: skip
    return f"{row[1]} of {row[0]} workers with a heartbeat of now"
