"""How soon an SMS is on its way, and whether a slow gateway slows sign-ups or loses one: `python -m bench.sms`.

The service runs as `make run` starts it, with data of its own; people and gateway are on the loopback network.

1. Idle: people sign up one after another, each when the SMS before has arrived.
2. Load: sign-ups at a fixed rate, each at its time (latencies count from then), to a gateway that takes 300 ms and,
   as the control, to one that answers at once; with 1, 2 and 4 workers, control and slow gateway in turn.

Prints a table and keeps it in bench/results/sms.txt, with every time of every sign-up in sms.json beside it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import psycopg

from bench import machine, sms_table
from bench.sms_table import Run
from bench.traffic import Crowd, Gateway, SignUp
from inviting_app.ops.embedded import Embedded
from tests.support.service import Service, first, service_folder, services

RESULTS = Path(__file__).parent / "results"
SLOW_SECONDS = 0.3
DRAIN_SECONDS = 240
WARM_UP = 40
SEARCH_SECONDS = 10
# Of the rate asked for, in the search for one that holds.
SHARES = (0.8, 0.65, 0.5, 0.35, 0.2)

UNFINISHED = "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'users.tasks.send_sms'"
NOT_SENT = "SELECT count(*) FROM users_smsdelivery WHERE state <> 'sent'"
WORKERS = "SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > now() - interval '10 s'"


@dataclass
class Bench:
    service: Service
    gateway: Gateway
    crowd: Crowd
    database: psycopg.Connection[Any]
    more_workers: list[psutil.Popen] = field(default_factory=list)

    async def idle(self, times: int) -> Run:
        async def offer() -> list[SignUp]:
            sign_ups = []
            for _ in range(times):
                sign_ups.append(await self.crowd.sign_up())
                await asyncio.wait_for(self.gateway.get(sign_ups[-1].phone), DRAIN_SECONDS)
            return sign_ups

        return await self.run(0, offer)

    async def load(self, gateway_seconds: float, rate: float, seconds: float) -> Run:
        return await self.run(gateway_seconds, lambda: self.crowd.offer(rate, seconds))

    async def run(self, gateway_seconds: float, offer: Callable[[], Awaitable[list[SignUp]]]) -> Run:
        noise = machine.noise()
        self.gateway.seconds = gateway_seconds
        before, started = self._cpu(), time.monotonic()
        sign_ups = await offer()
        took = time.monotonic() - started
        cores = {name: (used - before[name]) / took for name, used in self._cpu().items()}
        await self._until(lambda: self._count(UNFINISHED) == 0)
        received = {each.phone: self.gateway.received.get(each.phone, []) for each in sign_ups}
        workers = 1 + len(self.more_workers)
        run = Run(workers, gateway_seconds, sign_ups, received, cores, self._count(NOT_SENT), noise)
        say(f"{run}: {sms_table.summary(run)}")
        return run

    async def have_workers(self, wanted: int) -> None:
        """Start more, as many as are missing."""
        while 1 + len(self.more_workers) < wanted:
            command = [sys.executable, "manage.py", "worker"]
            environment = self.service.process.environ()
            with self.service.log.open("ab") as log:
                worker = psutil.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
            self.more_workers.append(worker)
        await self._until(lambda: self._count(WORKERS) == wanted)

    def stop_workers(self) -> None:
        for worker in self.more_workers:
            worker.terminate()
        for worker in self.more_workers:
            worker.wait(DRAIN_SECONDS)

    async def _until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + DRAIN_SECONDS
        while not condition() and time.monotonic() < deadline:
            await asyncio.sleep(0.5)

    def _count(self, query: Any) -> int:
        row = self.database.execute(query).fetchone()
        return int(row[0]) if row else 0

    def _cpu(self) -> dict[str, float]:
        """CPU seconds up to now; all that is used by nobody of these is others'."""
        parts = self.service.process.children()
        return {
            "web": machine.used_by([first(parts, "gunicorn")]),
            "workers": machine.used_by([first(parts, "manage.py worker"), *self.more_workers]),
            "PostgreSQL": machine.used_by([first(parts, "postgres")]),
            "bench": sum(psutil.Process().cpu_times()[:2]),
            "all": machine.used_by_all(),
            "stolen": machine.stolen(),
        }


@dataclass
class Found:
    idle: Run
    runs: list[Run]
    # Tried in search of one that holds, if the one asked for does not.
    rates: list[tuple[float, Run]]


async def measure(asked: argparse.Namespace) -> Found:
    with ExitStack() as stack:
        folder = stack.enter_context(service_folder())
        make = stack.enter_context(services(folder))
        gateway = Gateway()
        async with await gateway.serve():
            service = make(SMS_GATEWAYS=gateway.url, SMS_PER_DAY="1000000")
            await asyncio.to_thread(service.wait_until_ready)
            at = Embedded(service.data).settings()
            database = psycopg.connect(host=at["HOST"], user=at["USER"], dbname=at["NAME"], autocommit=True)
            bench = Bench(service, gateway, Crowd(service.port), stack.enter_context(database))
            stack.callback(bench.stop_workers)
            return await _phases(bench, asked)


async def _phases(bench: Bench, asked: argparse.Namespace) -> Found:
    await bench.idle(WARM_UP)
    say(f"idle: {asked.idle} sign-ups")
    found = Found(await bench.idle(asked.idle), [], [])
    for number, workers in enumerate(sorted(asked.workers)):
        await bench.have_workers(workers)
        # Not always the control first: what grows or tires in the course of it must not count for one side.
        for gateway_seconds in (0.0, SLOW_SECONDS)[:: -1 if number % 2 else 1]:
            say(f"{asked.rate:g} a second for {asked.seconds:g} s, {workers} workers, gateway {gateway_seconds:g} s")
            found.runs.append(await bench.load(gateway_seconds, asked.rate, asked.seconds))
    if not all(run.holds for run in found.runs):
        found.rates = await _search(bench, asked.rate)
    return found


async def _search(bench: Bench, rate: float) -> list[tuple[float, Run]]:
    """Try lower rates, until one holds."""
    tried = []
    for share in SHARES:
        say(f"{rate * share:g} a second for {SEARCH_SECONDS} s")
        tried.append((rate * share, await bench.load(SLOW_SECONDS, rate * share, SEARCH_SECONDS)))
        if tried[-1][1].holds:
            break
    return tried


def say(words: str) -> None:
    print(f"... {words}", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.sms", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--idle", type=int, default=300, help="sign-ups one after another")
    parser.add_argument("--rate", type=float, default=100, help="sign-ups a second under load")
    parser.add_argument("--seconds", type=float, default=30, help="of load, each time")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4], help="numbers of workers, 1 or more")
    asked = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "inviting_app.settings")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that what was started is stopped
    load_before = os.getloadavg()
    found = asyncio.run(measure(asked))
    command = " ".join(["python -m bench.sms", *sys.argv[1:]])
    offered = f"{asked.rate:g} sign-ups a second for {asked.seconds:g} s"
    table = sms_table.table(command, load_before, found.idle, found.runs, offered)
    if found.rates:
        table += f"\n{sms_table.rates(found.rates)}"
    print(table)
    RESULTS.joinpath("sms.txt").write_text(f"{table}\n")
    RESULTS.joinpath("sms.json").write_text(json.dumps(found, default=vars))


if __name__ == "__main__":
    main()
