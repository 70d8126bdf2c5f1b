"""Speed and memory of the service, next to baselines that answer the same requests: `python -m bench.speed`.

The service runs as `make run` starts it. The baselines (bench/baselines) use its database. Each round loads every
server with every scenario, every other round in reverse order, and rates are compared within a round. wrk makes the
load, with 16 connections unless the name says otherwise, on the loopback network.

Prints a table, and keeps it in bench/results/speed.txt. Ends with status 1 if a goal is missed.
"""

import argparse
import statistics
import sys
from dataclasses import dataclass

from bench import machine, scenarios, wrk
from bench.baselines import servers
from bench.baselines.servers import Baseline
from bench.env import RESULTS, BenchEnv, measuring, say
from bench.machine import Spread
from bench.scenarios import Scenario

SERVICE = "service"
# The least rate of the service in a scenario, divided by that of a server in another or the same scenario.
GOALS = [
    ("GET me", "bare", "GET me", 0.68),
    ("GET me", "drf", "GET me", 5.0),
    ("POST signup", "bare", "POST signup", 0.6),
    ("POST login", "bare", "POST login", 0.6),
    ("POST me", "bare", "POST me", 0.6),
    ("GET me, celebrity", SERVICE, "GET me", 0.8),
    ("POST me, 40 clients, celebrity", SERVICE, "POST me, 40 clients", 0.5),
    ("GET invitations, deep page", SERVICE, "GET invitations", 0.8),
    ("GET profiles by -created_at, deep page", SERVICE, "GET profiles by -created_at", 0.8),
    ("GET profiles by -invitations_count, deep page", SERVICE, "GET profiles by -invitations_count", 0.8),
]
WIDE = 46


Server = BenchEnv | Baseline


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
    worker = on.suspend_worker()  # so that only web servers are compared
    requests = scenario.prepare(warm_up + seconds)
    wrk.run(server.port, requests, connections=scenario.connections, seconds=warm_up)
    processes = (server.web(), on.part("postgres"))
    before = [machine.cpu_seconds(process) for process in processes]
    outcome = wrk.run(server.port, requests, connections=scenario.connections, seconds=seconds)
    after = [machine.cpu_seconds(process) for process in processes]
    worker.resume()
    if not outcome.per_second:
        raise RuntimeError(f"{server.name} answered no {scenario.name} with 2xx")
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
    result.memory = {each.name: machine.memory(each.web()) for _, each in cells}
    return result


def table(result: Result) -> str:
    lines = [f"{'':{WIDE}} {'':8} {'requests a second':>20} {'p50 ms':>8} {'p99 ms':>8} {'web us':>8} {'PG us':>8}"]
    for scenario, server in dict.fromkeys((load.scenario, load.server) for load in result.loads):
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


def judge(result: Result) -> list[tuple[str, Spread, float]]:
    """Each ratio that has a goal: its name, the value found, and the least that is wanted."""
    judged = []
    for scenario, server, other, least in GOALS:
        if ratio := result.ratio((scenario, SERVICE), (other, server)):
            judged.append((f"{scenario} / {other if server == SERVICE else server}", ratio, least))
    return judged


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.speed", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--users", type=int, default=1_000_000, help="in the database")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5, help="duration of each load")
    parser.add_argument("--warm-up", type=float, default=2, help="seconds of load before that, which do not count")
    parser.add_argument("--compared", action="store_true", help="only what the baselines answer too")
    options = parser.parse_args()
    with measuring("bench.speed") as (head, stack):
        result = run(BenchEnv(stack, options.users), options)
    judged = judge(result)
    lines = ["Rates of the service divided by others, within each round: median [least..most], and the goal"]
    for name, found, wanted in judged:
        verdict = "reached" if found.median >= wanted else "MISSED"
        lines.append(f"{name:{2 * WIDE - 6}} {format(found, '.2f'):20} {wanted:5.2f} {verdict}")
    text = "\n\n".join([head, table(result), "\n".join(lines)])
    print(text)
    RESULTS.joinpath("speed.txt").write_text(f"{text}\n")
    return int(any(found.median < wanted for _, found, wanted in judged))


if __name__ == "__main__":
    sys.exit(main())
