"""Speed and memory of the service, next to baselines that answer the same requests: `python -m bench.speed`.

The service runs as `make run` starts it. The baselines (bench/baselines) use its database. Each round loads every
server with every scenario, every other round in reverse order, and rates are compared within a round. wrk makes the
load, with 16 connections unless the name says otherwise, on the loopback network.

Prints a table, and keeps it in bench/results/speed.txt. Ends with status 1 if a goal is missed.
"""

import argparse
import os
import re
import signal
import statistics
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Protocol

import psutil

from bench import machine, scenarios, wrk
from bench.baselines import servers
from bench.env import RESULTS, BenchEnv, say
from bench.machine import Spread
from bench.scenarios import Scenario

# Least rate of the service divided by that of a baseline, or by that of another scenario of the service.
GOALS = {
    ("GET me", "bare"): 0.68,
    ("GET me", "drf"): 5.0,
    ("POST signup", "bare"): 0.6,
    ("POST login", "bare"): 0.6,
    ("POST me", "bare"): 0.6,
    ("GET me, celebrity", "GET me"): 0.8,
    ("POST me, 40 clients, celebrity", "POST me, 40 clients"): 0.5,
}
DEEP_PAGE_GOAL = 0.8
SERVICE = "service"
WIDE = 46


class Server(Protocol):
    """The service or a baseline."""

    name: str

    @property
    def port(self) -> int: ...

    def web(self) -> psutil.Process: ...


@dataclass(frozen=True)
class Load:
    """One load in one round. CPU is in microseconds for each request."""

    scenario: str
    server: str
    outcome: wrk.Outcome
    web_us: float
    postgres_us: float


@dataclass
class Result:
    loads: list[Load]
    # RSS of the largest web process and PSS of all of them, in MB, by server.
    memory: dict[str, tuple[float, float]]

    def of(self, scenario: str, server: str) -> list[Load]:
        """The loads of one cell, round by round."""
        return [load for load in self.loads if (load.scenario, load.server) == (scenario, server)]

    def ratio(self, ours: tuple[str, str], theirs: tuple[str, str]) -> Spread | None:
        """The rate of one (scenario, server) divided by that of another, within each round."""
        pairs = zip(self.of(*ours), self.of(*theirs), strict=False)
        ratios = [a.outcome.per_second / b.outcome.per_second for a, b in pairs if b.outcome.per_second]
        return Spread.of(ratios) if ratios else None


def measure(scenario: Scenario, server: Server, on: BenchEnv, *, warm_up: float, seconds: float) -> Load:
    """Load the server, first for `warm_up` seconds that do not count."""
    with ExitStack() as stack:
        if not scenario.sends_sms:
            stack.callback(on.suspend_worker().resume)
        requests = scenario.prepare(warm_up + seconds)
        wrk.run(server.port, requests, connections=scenario.connections, seconds=warm_up)
        processes = (server.web(), on.part("postgres"))
        before = [machine.cpu_seconds(process) for process in processes]
        outcome = wrk.run(server.port, requests, connections=scenario.connections, seconds=seconds)
        after = [machine.cpu_seconds(process) for process in processes]
    web, postgres = ((b - a) * 1e6 / max(1, outcome.requests) for a, b in zip(before, after, strict=True))
    say(f"{server.name:8} {scenario.name}: {outcome.per_second:.0f}/s")
    return Load(scenario.name, server.name, outcome, web, postgres)


def run(on: BenchEnv, options: argparse.Namespace) -> Result:
    result = Result([], {})
    baselines = servers.start(on)
    cells: list[tuple[Scenario, Server]] = []
    for scenario in scenarios.compared(on):
        cells.append((scenario, on))
        cells += [(scenario, each) for each in baselines if each.name in scenario.baselines]
    if not options.compared:
        cells += [(scenario, on) for scenario in scenarios.alone(on)]
    for number in range(options.rounds):
        say(f"round {number + 1} of {options.rounds}")
        for scenario, server in cells[:: -1 if number % 2 else 1]:
            result.loads.append(measure(scenario, server, on, warm_up=options.warm_up, seconds=options.seconds))
    result.memory = {each.name: machine.memory(each.web()) for each in (on, *baselines)}
    return result


def table(result: Result) -> str:
    lines = [f"{'':{WIDE}} {'':8} {'requests a second':>20} {'p50 ms':>8} {'p99 ms':>8} {'web us':>8} {'PG us':>8}"]
    cells = sorted({(load.scenario, load.server): None for load in result.loads}, key=lambda cell: _order(result, cell))
    for scenario, server in cells:
        loads = result.of(scenario, server)
        rate = f"{Spread.of([load.outcome.per_second for load in loads]):.0f}"
        figures = [(load.outcome.p50, load.outcome.p99, load.web_us, load.postgres_us) for load in loads]
        p50, p99, web, postgres = (statistics.median(column) for column in zip(*figures, strict=True))
        mark = "" if all(load.outcome.clean for load in loads) else "  ! not all requests were answered with 2xx"
        row = f"{scenario:{WIDE}} {server:8} {rate:>20} {p50:8.1f} {p99:8.1f} {web:8.0f} {postgres:8.0f}{mark}"
        lines.append(row)
    lines += ["", "Memory after all loads, MB: RSS of the largest web process, PSS of all of them"]
    lines += [f"{name:8} {largest:6.1f} {together:6.1f}" for name, (largest, together) in result.memory.items()]
    return "\n".join(lines)


def _order(result: Result, cell: tuple[str, str]) -> tuple[int, str]:
    """As the first round had them."""
    names = list(dict.fromkeys(load.scenario for load in result.loads))
    return names.index(cell[0]), "" if cell[1] == SERVICE else cell[1]


def judge(result: Result) -> list[tuple[str, Spread, float]]:
    """Each ratio that has a goal: its name, the value found, and the least that is wanted."""
    pairs: list[tuple[str, str, str, float]] = []
    for (scenario, other), wanted in GOALS.items():
        is_baseline = other in servers.NAMES
        pairs.append((scenario, scenario if is_baseline else other, other if is_baseline else SERVICE, wanted))
    for scenario in dict.fromkeys(load.scenario for load in result.loads):
        if found := re.fullmatch(r"(.*), page \d+", scenario):
            pairs.append((scenario, f"{found[1]}, first page", SERVICE, DEEP_PAGE_GOAL))
    judged = []
    for scenario, other, server, wanted in pairs:
        name = f"{scenario} / {server if server != SERVICE else other}"
        if ratio := result.ratio((scenario, SERVICE), (other, server)):
            judged.append((name, ratio, wanted))
    return judged


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.speed", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--users", type=int, default=1_000_000, help="in the database")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5, help="duration of each load")
    parser.add_argument("--warm-up", type=float, default=2, help="seconds of load before that, which do not count")
    parser.add_argument("--compared", action="store_true", help="only what the baselines answer too")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stops the processes that were started
    head = [
        f"{' '.join(['python -m bench.speed', *sys.argv[1:]])}, {options.users:,} users, {time.strftime('%F %R %Z')}"
    ]
    head.append(f"{os.cpu_count()} cores, load average before {' '.join(f'{one:.2f}' for one in os.getloadavg())}")
    with ExitStack() as stack:
        result = run(BenchEnv(stack, options.users), options)
    judged = judge(result)
    lines = ["Rates of the service divided by others, within each round: median [least..most], and the goal"]
    for name, found, wanted in judged:
        verdict = "reached" if found.median >= wanted else "MISSED"
        lines.append(f"{name:{2 * WIDE - 6}} {format(found, '.2f'):20} {wanted:5.2f} {verdict}")
    text = "\n\n".join(["\n".join(head), table(result), "\n".join(lines)])
    print(text)
    RESULTS.joinpath("speed.txt").write_text(f"{text}\n")
    return int(any(found.median < wanted for _, found, wanted in judged))


if __name__ == "__main__":
    sys.exit(main())
