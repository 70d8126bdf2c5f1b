"""Whole sign-ins, step by step: `python -m bench.journeys` (`make bench-journeys`).

The service runs as `make run` starts it. 16 clients ask for codes of new phones, each from an address of its own, read
the code where the SMS arrives, and tell it. A journey counts if its SMS was delivered and it ended with a session. CPU
is that of the web processes, of PostgreSQL and of the worker. The worker rests while other operations are measured.

Prints tables. `--write` puts them into docs/speed.md. Ends with status 1 if anything was refused or lost.
"""

import argparse
import signal
import sys
from contextlib import ExitStack

from bench import document, machine
from bench.env import BenchEnv, heading, say
from bench.journeys import peers, report
from bench.journeys.load import Bench, Measured
from bench.journeys.servers import OPERATIONS, Server, Service
from bench.journeys.wire import Load

WARM_UP_SECONDS = 1.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=100_000, help="in each database")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5, help="duration of each load")
    parser.add_argument("--operations", nargs="+", choices=OPERATIONS, default=OPERATIONS, metavar="OPERATION")
    parser.add_argument(
        "--peers", nargs="*", choices=peers.PEERS, default=[*peers.PEERS], help="none: the service alone"
    )
    parser.add_argument("--write", action="store_true", help="write the tables into docs/speed.md")
    for part in ("web", "worker", "postgres"):
        parser.add_argument(f"--{part}-cores", type=_cores, metavar="0,1", help="run it on these cores only")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stops the processes that were started
    head = heading("bench.journeys")
    with ExitStack() as stack:
        loads = run(stack, options)
    text = f"{head}\n\n{report.text(loads)}"
    print(text)
    if options.write:
        document.write("docs/speed.md", "bench.journeys", text)
    return int(any(load.failed for load in loads))


def run(stack: ExitStack, options: argparse.Namespace) -> list[Measured]:
    load = stack.enter_context(Load().running())
    env = BenchEnv(stack, options.users, SMS_GATEWAYS=f"webhook+{load.gateway_url}")
    servers: list[Server] = [Service(env), *peers.start(options.peers, env, load)]
    for server in servers:
        if options.web_cores:
            machine.pin(server.web(), options.web_cores)
    for part, cores in (("manage.py worker", options.worker_cores), ("postgres", options.postgres_cores)):
        if cores:
            machine.pin(env.part(part), cores)
    bench = Bench(env, load)
    operations = set(options.operations)
    for server in servers:
        list(bench.round(server, WARM_UP_SECONDS, operations))
    loads: list[Measured] = []
    for number in range(options.rounds):
        say(f"round {number + 1} of {options.rounds}")
        for server in servers[:: -1 if number % 2 else 1]:
            loads += bench.round(server, options.seconds, operations)
    return loads


def _cores(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


if __name__ == "__main__":
    sys.exit(main())
