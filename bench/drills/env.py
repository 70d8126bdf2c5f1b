"""The environment of a drill: a service under load, and what is measured."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from threading import Event, Thread
from typing import Any

from bench import machine
from bench.drills import evidence
from bench.drills.evidence import Probe
from bench.drills.users import STEPS, VirtualUsers, attempt
from bench.env import Env
from tests.support.proxies import BUFFERING

USERS = 6
BEFORE_SECONDS = 4.0
# The load goes on at least so long after the cause's end: more than a recovery may take.
AFTER_SECONDS = 8.0
RECOVERY_SECONDS = 5.0
GIVE_UP_SECONDS = 90.0
PROBE_SECONDS = 0.1


class Skipped(Exception):
    """The drill is not possible here. The text says why."""


@dataclass
class Row:
    """One line of a table, and a note below it. It `held` if nothing was lost and the service recovered in time."""

    cells: list[str]
    held: bool
    note: str = ""

    def lines(self) -> list[str]:
        """In Markdown."""
        note = [f"- **{self.cells[0]}.** {self.note}"] if self.note else []
        return [f"| {' | '.join(self.cells)} |", *note]


class DrillEnv(Env):
    def __init__(
        self, stack: ExitStack, users: int = USERS, proxy: str = "", data_in: Path | None = None, **variables: str
    ) -> None:
        """With `proxy`, clients go through caddy or nginx. The data is in a folder in `data_in`, if one is given."""
        variables |= {"SMS_PER_DAY": "1000000000", "TRUSTED_PROXIES": "1" if proxy else "0"}
        super().__init__(stack, 1, data_in, **variables)
        if proxy:
            self.ports = cycle([stack.enter_context(BUFFERING[proxy](self.folder, self.service.port))])
        self.users = VirtualUsers(self.client, self.inboxes, users)
        self.probes: list[Probe] = []
        self.end = self.memory_before = 0.0

    def memory(self) -> float:
        """MB (PSS) of all web processes together."""
        return machine.memory(self.web())[1]

    @contextmanager
    def load(self) -> Iterator[None]:
        """Virtual users at work, and /readyz asked all the time. After `over`, goes on until all steps succeed."""
        done = Event()
        prober = Thread(target=self._probe, args=(done,))
        prober.start()
        try:
            with self.users.at_work():
                time.sleep(BEFORE_SECONDS)
                self.memory_before = self.memory()
                yield
                time.sleep(AFTER_SECONDS)
                while len(self.users.recovered(self.end)) < len(STEPS):
                    if time.monotonic() > self.end + GIVE_UP_SECONDS:
                        break
                    time.sleep(0.5)
        finally:
            done.set()
            prober.join()

    def over(self) -> None:
        """The cause ends now."""
        self.end = time.monotonic()

    def row(self, name: str, *cells: str, note: str = "") -> Row:
        """The row with these first cells, and then those that all drills have."""
        users, after = self.users, self.users.recovered(self.end)
        acknowledged = len(users.signed_up) + len(users.signed_in) + len(users.voted)
        with self.connect() as database:
            lost = evidence.lost(users, database)
        recovered = len(after) == len(STEPS)
        times = " / ".join(f"{after[step]:.1f}" for step in ("read", "sign-up", "SMS")) if recovered else "never"
        errors = ", ".join(f"{number} × {kind}" for kind, number in users.errors().most_common()) or "none"
        held = lost == 0 and recovered and max(after.values()) <= RECOVERY_SECONDS
        return Row([name, *cells, times, f"{acknowledged:,}, **{lost}**", errors], held, note)

    def fault(self, name: str, what: str, seen: str = "", note: str = "") -> Row:
        """A row of the table of faults: what was done, and what was seen apart from what all drills show."""
        row = self.row(name, what, seen, note=note)
        row.cells += [f"{self.memory_before:.0f} → {self.memory():.0f}", evidence.ready(self.probes, self.users)]
        return row

    def _probe(self, done: Event) -> None:
        client = self.client()
        while not done.wait(PROBE_SECONDS):
            began = time.monotonic()
            answer, outcome = attempt(lambda: client.call("GET", "/readyz"))
            self.probes.append(Probe(began, time.monotonic(), answer.status if answer else outcome))


@contextmanager
def running(**options: Any) -> Iterator[DrillEnv]:
    """A service with its own data, which is deleted at the end."""
    with ExitStack() as stack:
        yield DrillEnv(stack, **options)


def run(
    name: str,
    what: str,
    harm: Callable[[DrillEnv], object],
    seen: Callable[[DrillEnv], str] = lambda on: "",
    users: int = USERS,
) -> Row:
    """A whole drill: does the harm under load. Its end is the cause's end, and `seen` describes the result."""
    with running(users=users) as on:
        with on.load():
            harm(on)
            on.over()
        return on.fault(name, what, seen(on))
