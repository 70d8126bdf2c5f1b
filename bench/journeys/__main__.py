"""Whole sign-ins, step by step: `python -m bench.journeys` (`make bench-journeys`).

The service runs as `make run` starts it. 16 clients ask for codes of new phones, each from an address of its own, read
the code where the SMS arrives, and tell it. A journey counts if its SMS was delivered and it ended with a session. CPU
is that of the web processes, of PostgreSQL and of the worker. The worker rests while other operations are measured.

Prints tables. `--write` puts them into docs/speed.md. Ends with status 1 if anything was refused or lost, or
a goal is missed.
"""

import argparse
import sys
from contextlib import ExitStack

import psutil

from bench import document, machine
from bench.env import BenchEnv, measuring, say
from bench.journeys import peers, report
from bench.journeys.goals import GOALS
from bench.journeys.load import Bench
from bench.journeys.results import Results
from bench.journeys.servers import JOURNEY, OPERATIONS, READ, Server, Service
from bench.journeys.wire import Load

# Before each turn of a server, because Node forgets compiled code that rests.
WARM_UP = {READ, JOURNEY}
SERVERS = ["service", *peers.PEERS]
# What can be pinned to cores, to show what more cores would bring.
PINNED = ("web", "worker", "postgres", "load")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=100_000, help="in each database")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5, help="duration of each load")
    parser.add_argument("--warm-up", type=float, default=4, help="seconds of reads and journeys before each turn")
    parser.add_argument("--idle", type=int, default=200, help="sign-ups one after another, when nothing else is done")
    parser.add_argument("--operations", nargs="+", choices=OPERATIONS, default=OPERATIONS, metavar="OPERATION")
    parser.add_argument(
        "--only", nargs="+", choices=SERVERS, default=SERVERS, help="only these; the service in any case"
    )
    parser.add_argument("--write", action="store_true", help="write the tables into docs/speed.md")
    for part in PINNED:
        parser.add_argument(f"--{part}-cores", type=_cores, metavar="0,1", help="run it on these cores only")
    options = parser.parse_args()
    with measuring("bench.journeys") as (head, stack):
        results = run(stack, options)
    text = f"{head}\n\n{report.text(results, GOALS)}"
    document.show("docs/speed.md", "bench.journeys", text, is_written=options.write)
    return int(any(load.failed for load in results.loads) or not all(goal.reached(results) for goal in GOALS))


def run(stack: ExitStack, options: argparse.Namespace) -> Results:
    load = stack.enter_context(Load().running())
    env = BenchEnv(stack, options.users, SMS_GATEWAYS=f"webhook+{load.gateway_url}")
    servers: list[Server] = [
        Service(env),
        *peers.start([name for name in peers.PEERS if name in options.only], env, load),
    ]
    pin(servers, env, options)
    bench, results = Bench(env, load), Results()
    operations = set(options.operations)
    for number in range(options.rounds):
        say(f"round {number + 1} of {options.rounds}")
        for server in servers[:: -1 if number % 2 else 1]:
            list(bench.round(server, options.warm_up, WARM_UP & operations))
            results.loads += bench.round(server, options.seconds, operations)
    results.idle = bench.one_after_another(servers[0], options.idle)
    return results


def pin(servers: list[Server], env: BenchEnv, options: argparse.Namespace) -> None:
    parts = {
        "web": [server.web() for server in servers],
        "worker": [env.part("manage.py worker")],
        "postgres": [env.part("postgres")],
        "load": [psutil.Process()],
    }
    for name in PINNED:
        if cores := getattr(options, f"{name}_cores"):
            for part in parts[name]:
                # This process is the parent of all others.
                machine.pin(part, cores, children=name != "load")


def _cores(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


if __name__ == "__main__":
    sys.exit(main())
