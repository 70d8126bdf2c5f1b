"""How fast the service is, beside yardsticks that answer the same: `python -m bench.speed` (`make bench`).

The service runs as `make run` starts it, with a million people of its own; the yardsticks (see bench/yardsticks) have
the same database. Each round loads every server with every scenario, every other round in the opposite order; servers
are compared within a round. All traffic is on the loopback network, and nothing is left behind.

Prints a table and keeps it in bench/results/speed.txt, with a picture of the ratios in speed.svg and all that was
measured in speed.json beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import asdict, dataclass
from functools import partial
from itertools import product
from pathlib import Path

from bench import admin_pages, chart, goals, load, machine, measure, speed_table
from bench.load import Deck, Outcome
from bench.measure import Measurement, Scenario, Server, Usage
from bench.report import Counted, Report
from bench.stage import Stage, say, stage

RESULTS = Path(__file__).parent / "results"


Cell = tuple[Scenario, Server]


@dataclass
class Speed:
    """A whole run."""

    stage: Stage
    # The bare one first.
    yardsticks: Sequence[Server]
    asked: argparse.Namespace
    report: Report

    def go(self) -> None:
        from bench import scenarios

        servers: list[Server] = [self.stage, *self.yardsticks]
        own = product(scenarios.own(self.stage), servers[:1])
        reads = product(scenarios.everyone(self.stage), servers)
        writes = product(scenarios.writes(self.stage), servers[:2])
        cells: list[Cell] = [cell for cell in [*reads, *writes, *own] if self._answers(*cell)]
        jobs: list[Callable[[int], None]] = [partial(self._load, *cell) for cell in cells]
        if self.yardsticks:
            jobs.insert(0, self._pgbench)
        for number in range(self.asked.rounds):
            say(f"round {number + 1} of {self.asked.rounds}")
            self.report.noise.append(machine.noise())
            for job in jobs[:: -1 if number % 2 else 1]:
                job(number)
        say("statements")
        for cell in cells:
            self._count_statements(*cell)
        if self.yardsticks:
            self._compare_statements()
        say("the admin's lists")
        self.report.admin = admin_pages.times(self.stage)

    def _answers(self, scenario: Scenario, server: Server) -> bool:
        """Whether it has this path and answers it well."""
        request = scenario.prepare(0.01).deal()
        assert request is not None
        status, body = load.once(server.port, request)
        right = 200 <= status < 300 and _repeats(request.body or "{}", body)
        if not right:
            self.report.notes.append(f"{scenario.name}: {server.name} answers {status}, so it is left out")
            say(self.report.notes[-1])
        return right

    def _load(self, scenario: Scenario, server: Server, number: int) -> None:
        seconds = self.asked.seconds / 2 if scenario.brief else self.asked.seconds
        with nullcontext() if scenario.sends_sms else self.stage.worker_at_rest():
            measured = measure.measure(
                scenario, server, self.stage.database, number=number, warm_up=self.asked.warm_up, seconds=seconds
            )
        self._note(measured)

    def _pgbench(self, number: int) -> None:
        """The database alone: the statement of a profile, prepared, without a web server."""
        from bench import scenarios
        from bench.yardsticks import pgbench

        script = pgbench.own_profile(self.stage.people, scenarios.READERS)
        usage = Usage({"PostgreSQL": self.stage.database.postmaster})
        found = pgbench.run(self.stage.data, script, clients=16, seconds=self.asked.seconds)
        requests = round(found.per_second * self.asked.seconds)
        outcome = Outcome(self.asked.seconds, requests, 0, 0, found.latency_ms, None)
        used = usage.since()["PostgreSQL"] * 1e6 / max(1, requests)
        self._note(Measurement("GET me", "pgbench", number, outcome, postgres_us=used, cores=usage.cores()))

    def _note(self, measured: Measurement) -> None:
        self.report.measured.append(measured)
        say(speed_table.summary(measured))

    def _count_statements(self, scenario: Scenario, server: Server) -> None:
        deck = scenario.prepare(measure.COUNTED / 1000)
        with self.stage.worker_at_rest():
            counted = measure.count_statements(partial(_send, server, deck), self.stage.database)
        self.report.counted.append(Counted(scenario.name, server.name, *counted))

    def _compare_statements(self) -> None:
        """Note where the bare yardstick does not send what the service does: the same statements, as often."""
        from bench import scenarios
        from bench.yardsticks import servers

        for scenario in scenarios.writes(self.stage):
            deck = scenario.prepare(2 * measure.COUNTED / 1000)
            sends = {each.name: partial(_send, each, deck) for each in (self.stage, self.yardsticks[0])}
            try:
                with self.stage.worker_at_rest():
                    servers.same_statements(self.stage.connection, sends)
            except AssertionError as error:
                self.report.notes.append(f"{scenario.name}: {error}")
                say(self.report.notes[-1])


def _send(server: Server, deck: Deck) -> None:
    for _ in range(measure.COUNTED):
        request = deck.deal()
        assert request is not None
        load.once(server.port, request)


def _repeats(sent: str, answered: str) -> bool:
    """Whether the answer has the same in what both have: a server that looks at GETs alone answers a POST too."""
    asked, told = json.loads(sent), json.loads(answered)
    return all(told[name] == value for name, value in asked.items() if name in told)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.speed", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--people", type=int, help="in the database: a million, or a tenth of it if --quick")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8, help="of each load")
    parser.add_argument("--warm-up", type=float, default=2, help="seconds before each load, which do not count")
    parser.add_argument("--alone", action="store_true", help="without yardsticks")
    parser.add_argument("--quick", action="store_true", help="short loads: rough figures in a few minutes")
    asked = parser.parse_args()
    asked.people = asked.people or (100_000 if asked.quick else 1_000_000)
    if asked.quick:
        asked.rounds, asked.seconds, asked.warm_up = 3, 1.0, 1.0
    return asked


def main() -> None:
    asked = options()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that what was started is stopped
    report = Report(
        command=" ".join(["python -m bench.speed", *sys.argv[1:]]),
        at=time.strftime("%Y-%m-%d %H:%M %Z"),
        people=asked.people,
        load_before=os.getloadavg(),
    )
    with ExitStack() as stack:
        ready = stack.enter_context(stage(asked.people))
        beside = []
        if not asked.alone:
            from bench.beside import yardsticks

            beside = stack.enter_context(yardsticks(ready))
        Speed(ready, beside, asked, report).go()
    report.goals = goals.judge(report)
    RESULTS.joinpath("speed.json").write_text(json.dumps(asdict(report), indent=1))
    text = speed_table.table(report)
    RESULTS.joinpath("speed.txt").write_text(f"{text}\n")
    RESULTS.joinpath("speed.svg").write_text(chart.picture(report.goals))
    print(text)


if __name__ == "__main__":
    main()
