"""One measurement: a load on one server, and what it cost web server and database meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

import psutil
import psycopg

from bench import load, machine
from bench.load import Deck, Outcome

# Requests, one after another, by which statements are counted.
COUNTED = 20

STATEMENTS = """
SELECT coalesce(sum(calls) FILTER (WHERE query !~* '^(begin|commit|rollback|savepoint|release)'), 0),
       coalesce(sum(calls) FILTER (WHERE query ~* '^commit'), 0)
  FROM pg_stat_statements
 WHERE query !~ 'pg_stat_statements|OPERATOR\\(pg_catalog' -- neither this one nor checks of foreign keys
"""


class Server(Protocol):
    """Whatever answers: the service or a yardstick."""

    name: str

    @property
    def port(self) -> int: ...

    def web(self) -> psutil.Process | None: ...


@dataclass
class Database:
    """The PostgreSQL that all of them share."""

    connection: psycopg.Connection[Any]
    postmaster: psutil.Process

    def statements(self) -> tuple[int, int]:
        """Statements and commits up to now, by all."""
        row = self.connection.execute(STATEMENTS).fetchone()
        assert row is not None
        return int(row[0]), int(row[1])


@dataclass(frozen=True)
class Scenario:
    """What is asked of a server: requests for so many seconds, made anew for each load, since tokens and codes age."""

    name: str
    prepare: Callable[[float], Deck]
    connections: int = 16
    # Half as long a load will do.
    brief: bool = False
    # The SMS worker sends meanwhile; else it rests, so that web servers are compared and nothing else.
    sends_sms: bool = False


@dataclass
class Measurement:
    """One load in one round. CPU is microseconds a request, memory MB of the largest web worker."""

    scenario: str
    server: str
    round: int
    outcome: Outcome
    web_us: float | None = None
    postgres_us: float | None = None
    memory: float | None = None
    # CPU seconds a second: web, PostgreSQL, the load itself, all of the machine, and what its host took away.
    cores: dict[str, float] = field(default_factory=dict)


def measure(
    scenario: Scenario, server: Server, database: Database, *, number: int, warm_up: float, seconds: float
) -> Measurement:
    """Load this server in round `number`: first for warm_up seconds, which do not count."""
    deck = scenario.prepare(warm_up + seconds)
    load.run(server.port, deck, connections=scenario.connections, seconds=warm_up)
    usage = Usage({"web": server.web(), "PostgreSQL": database.postmaster})
    outcome = load.run(server.port, deck, connections=scenario.connections, seconds=seconds)
    used = usage.since()
    web, answered = server.web(), max(1, outcome.requests)
    return Measurement(
        scenario.name,
        server.name,
        number,
        outcome,
        web_us=used["web"] * 1e6 / answered,
        postgres_us=used["PostgreSQL"] * 1e6 / answered,
        memory=max(memory(web), default=None) if web else None,
        cores=usage.cores(),
    )


class Usage:
    """CPU seconds that processes, with their children, use from now on."""

    def __init__(self, processes: dict[str, psutil.Process | None]) -> None:
        self.processes = processes
        self.before, self.started = self._now(), time.monotonic()

    def since(self) -> dict[str, float]:
        return {name: used - self.before[name] for name, used in self._now().items()}

    def cores(self) -> dict[str, float]:
        took = time.monotonic() - self.started
        return {name: used / took for name, used in self.since().items()}

    def _now(self) -> dict[str, float]:
        parts = {name: machine.used_by([process]) for name, process in self.processes.items()}
        own = psutil.Process().cpu_times()
        load_used = own.user + own.system + own.children_user + own.children_system
        return {**parts, "load": load_used, "all": machine.used_by_all(), "stolen": machine.stolen()}


def memory(web: psutil.Process) -> list[float]:
    """MB resident of each web worker; of the process itself where it has none."""
    workers = web.children() or [web]
    sizes = []
    for worker in workers:
        with suppress(psutil.NoSuchProcess):
            sizes.append(worker.memory_info().rss / 1e6)
    return sizes


def count_statements(send: Callable[[], object], database: Database) -> tuple[float, float]:
    """Statements and commits of one request, where `send` sends COUNTED of them and nobody else sends any."""
    before = database.statements()
    send()
    after = database.statements()
    return (after[0] - before[0]) / COUNTED, (after[1] - before[1]) / COUNTED
