"""Where a drill takes place: a service of its own under load, its gateway, and what is measured of them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any

import psutil
import psycopg

from bench.attacks import sink
from bench.attacks.sink import Inboxes, Sink
from bench.drills import evidence
from bench.drills.crowd import Crowd, ask
from bench.drills.evidence import Probe
from inviting_app.ops.embedded import Embedded
from tests.support.service import Service, service_folder, services

CLIENTS = 6
BEFORE_SECONDS = 4.0
# How long after the cause's end the load goes on at least: twice what a recovery may take, and some.
AFTER_SECONDS = 8.0

PROBE_SECONDS = 0.1
SETTINGS = {"TRUSTED_PROXIES": "1", "SMS_PER_DAY": "1000000000"}


class Skipped(Exception):
    """The drill cannot be had here; the text says why."""


@dataclass
class Row:
    """One line of the table."""

    name: str
    what: str
    # Seconds after the cause's end, for each step.
    recovered: dict[str, float] | None

    told: int
    lost: int
    errors: Counter[str]
    memory: tuple[float, float]
    ready: str
    notes: list[str] = field(default_factory=list)


@dataclass
class Ground:
    service: Service
    gateway: Sink
    inboxes: Inboxes
    crowd: Crowd
    start: Callable[[], Service]
    probes: list[Probe] = field(default_factory=list)
    end: float = 0.0
    memory_before: float = 0.0

    @property
    def port(self) -> int:
        return self.service.port

    def part(self, words: str) -> psutil.Process:
        """The part of the service whose command line has these words."""
        part = self.service.part(words)
        assert part is not None
        return part

    def web(self) -> psutil.Process:
        return self.part("gunicorn")

    def memory(self) -> float:
        """MB that the web processes have together, what they share counted once (PSS)."""
        total = 0
        for process in [web := self.web(), *web.children()]:
            total += process.memory_full_info().pss
        return total / 1e6

    def connect(self, name: str = "") -> psycopg.Connection[Any]:
        at = Embedded(self.service.data).settings()
        return psycopg.connect(
            host=at["HOST"], user=at["USER"], dbname=at["NAME"], autocommit=True, application_name=name
        )

    def row_of(self, query: Any, values: Any = ()) -> Any:
        with self.connect() as database:
            return database.execute(query, values).fetchone()

    @contextmanager
    def load(self) -> Iterator[None]:
        """People come, and /readyz is asked all the time; goes on after `over` until all is well again."""
        done = Event()
        prober = Thread(target=self._probe, args=(done,))
        prober.start()
        try:
            with self.crowd.at_work():
                time.sleep(BEFORE_SECONDS)
                self.memory_before = self.memory()
                yield
                self._until_recovered()
        finally:
            done.set()
            prober.join()

    def started_again(self) -> bool:
        """Start the service by hand, as whoever watches it does, if it has given up; whether it had."""
        if ended := self.service.process.poll() is not None:
            self.service = self.start()
        return ended

    def over(self) -> None:
        """The cause has ended at this moment."""
        self.end = time.monotonic()

    def _until_recovered(self) -> None:
        time.sleep(AFTER_SECONDS)
        deadline = self.end + 90
        while self.crowd.recovered(self.end) is None and time.monotonic() < deadline:
            time.sleep(0.5)

    def _probe(self, done: Event) -> None:
        while not done.wait(PROBE_SECONDS):
            began = time.monotonic()
            status, _ = ask(self.port, "/readyz")
            self.probes.append((began, status))

    def row(self, name: str, what: str, *notes: str) -> Row:
        crowd = self.crowd
        told = len(crowd.told_sms) + len(crowd.told_in) + len(crowd.told_vote)
        with self.connect() as database:
            lost = evidence.lost(crowd, database)
        ready = evidence.ready(self.probes, crowd)
        memory = (self.memory_before, self.memory())
        return Row(name, what, crowd.recovered(self.end), told, lost, crowd.errors(), memory, ready, list(notes))


@contextmanager
def ground(clients: int = CLIENTS, folder: Path | None = None, **variables: str) -> Iterator[Ground]:
    """A service of its own with data of its own; ended, and its data deleted, at the end."""
    inboxes = Inboxes()
    with service_folder() as made, sink.running(inboxes) as gateway, services(folder or made) as make:

        def start() -> Service:
            service = make(SMS_GATEWAYS=gateway.url, **SETTINGS, **variables)
            service.wait_until_ready()
            return service

        service = start()
        yield Ground(service, gateway, inboxes, Crowd(service.port, inboxes, clients), start)


def hurt(
    name: str,
    what: str,
    harm: Callable[[Ground], object],
    tell: Callable[[Ground], str] | None = None,
    clients: int = CLIENTS,
) -> Row:
    """A whole drill: the harm is done under load, its end is the cause's end, and `tell` looks back in words."""
    with ground(clients) as on:
        with on.load():
            harm(on)
            on.over()
        return on.row(name, what, *([tell(on)] if tell else []))
