"""The environment of a drill: a service under load, its gateway, and what is measured."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from threading import Event, Thread
from typing import Any

import psutil
import psycopg

from bench import fake_gateway
from bench.clients import Client, addresses
from bench.drills import evidence
from bench.drills.evidence import Probe
from bench.env import connect
from bench.fake_gateway import FakeGateway
from bench.virtual_users import VirtualUsers, attempt
from tests.support.proxies import PROXIES
from tests.support.service import Service, service_folder, services

USERS = 6
BEFORE_SECONDS = 4.0
# The load goes on at least so long after the cause's end: more than a recovery may take.
AFTER_SECONDS = 8.0
PROBE_SECONDS = 0.1
ANSWER_SECONDS = 10.0
NETWORK = "127.88.0.0/16"


class Skipped(Exception):
    """The drill is not possible here. The text says why."""


@dataclass
class Row:
    """One line of the table."""

    name: str
    what: str
    # Seconds after the cause's end, for each step.
    recovered: dict[str, float] | None
    acknowledged: int
    lost: int
    errors: Counter[str]
    memory: tuple[float, float]
    ready: str
    notes: list[str] = field(default_factory=list)


class DrillEnv:
    def __init__(self, start: Callable[[], Service], gateway: FakeGateway, users: int) -> None:
        self.start, self.gateway, self.inboxes = start, gateway, gateway.inboxes
        self.service = start()
        self.port = self.service.port
        self._addresses = addresses(NETWORK)
        self.users = VirtualUsers(self.client, self.inboxes, users)
        self.probes: list[Probe] = []
        self.end = self.memory_before = 0.0

    def client(self) -> Client:
        """A client with a new address."""
        return Client(next(self._addresses), cycle((self.port,)), ANSWER_SECONDS)

    def part(self, words: str) -> psutil.Process:
        """The child of `serve` whose command line contains these words."""
        part = self.service.part(words)
        assert part is not None
        return part

    def web(self) -> psutil.Process:
        return self.part("gunicorn")

    def memory(self) -> float:
        """MB (PSS) of all web processes together."""
        return sum(each.memory_full_info().pss for each in [self.web(), *self.web().children()]) / 1e6

    def connect(self, name: str = "") -> psycopg.Connection[Any]:
        return connect(self.service, name)

    def row_of(self, query: Any) -> Any:
        with self.connect() as database:
            return database.execute(query).fetchone()

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
                while self.users.recovered(self.end) is None and time.monotonic() < self.end + 90:
                    time.sleep(0.5)
        finally:
            done.set()
            prober.join()

    def started_again(self) -> bool:
        """Start the service again, as systemd does, if it has ended. Returns whether it had."""
        if ended := self.service.process.poll() is not None:
            self.service = self.start()
        return ended

    def over(self) -> None:
        """The cause ends now."""
        self.end = time.monotonic()

    def _probe(self, done: Event) -> None:
        client = self.client()
        while not done.wait(PROBE_SECONDS):
            began = time.monotonic()
            answer, outcome = attempt(lambda: client.call("GET", "/readyz"))
            self.probes.append((began, answer.status if answer else outcome))

    def row(self, name: str, what: str, *notes: str) -> Row:
        users = self.users
        acknowledged = len(users.signed_up) + len(users.signed_in) + len(users.voted)
        with self.connect() as database:
            lost = evidence.lost(users, database)
        ready = evidence.ready(self.probes, users)
        memory = (self.memory_before, self.memory())
        return Row(
            name, what, users.recovered(self.end), acknowledged, lost, users.errors(), memory, ready, list(notes)
        )


@contextmanager
def running(users: int = USERS, folder: Path | None = None, proxy: str = "", **variables: str) -> Iterator[DrillEnv]:
    """A service with its own data, which is deleted at the end. With `proxy`, clients go through caddy or nginx."""
    with ExitStack() as stack:
        made = stack.enter_context(service_folder())
        gateway = stack.enter_context(fake_gateway.running())
        make = stack.enter_context(services(folder or made))
        variables |= {"SMS_GATEWAYS": gateway.url, "SMS_PER_DAY": "1000000000"}

        def start() -> Service:
            service = make(TRUSTED_PROXIES="1" if proxy else "0", **variables)
            service.wait_until_ready()
            return service

        on = DrillEnv(start, gateway, users)
        if proxy:
            on.port = stack.enter_context(PROXIES[proxy](made, on.port))
        yield on


def run(
    name: str,
    what: str,
    harm: Callable[[DrillEnv], object],
    note: Callable[[DrillEnv], str] | None = None,
    users: int = USERS,
) -> Row:
    """A whole drill: does the harm under load. Its end is the cause's end, and `note` describes the result."""
    with running(users) as on:
        with on.load():
            harm(on)
            on.over()
        return on.row(name, what, *([note(on)] if note else []))
