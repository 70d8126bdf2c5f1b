"""What this machine carries, web, worker, PostgreSQL and load together: `python -m bench.capacity`.

Requests come at random times and at a rate, whether those before were answered or not; each counts from when it was
due. The highest rate is sought at which all are answered rightly, 99 of 100 within 100 ms: of profiles read, and of
whole sign-ins (phone, SMS through the worker to a gateway on the loopback network, code).

    --growth 10000 1000000   instead: the rate of GET me with so many people, in turn, round for round
    --memory                 instead: memory of the web workers after so many requests, and how soon one answers

Prints what it found and keeps it in bench/results/capacity.txt (growth.txt, memory.txt), raw in .json beside it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import aiohttp

from bench import footprint, load, machine
from bench.measure import Usage
from bench.open_loop import Deed, Step, WrongAnswer, best, offer, search
from bench.stage import Stage, say, stage
from bench.traffic import Gateway

RESULTS = Path(__file__).parent / "results"
CONNECTIONS = 200
# Rates a second that the search begins with.
START_AT = {"profiles read": 200.0, "sign-ins": 20.0}

PARTS = ("web", "PostgreSQL", "worker", "load")

Kind = Callable[[Stage, Gateway, aiohttp.ClientSession], Deed]


def reads(on: Stage, gateway: Gateway, session: aiohttp.ClientSession) -> Deed:
    """Somebody reads their profile."""
    from bench import scenarios

    deck = scenarios.everyone(on)[0].prepare(0)

    async def read(due: float) -> list[float]:
        request = deck.deal()
        assert request is not None
        status, _ = await load.call(session, on.port, request)
        return [_waited(due, status)]

    return read


def sign_ins(on: Stage, gateway: Gateway, session: aiohttp.ClientSession) -> Deed:
    """Somebody new asks for a code, waits for the SMS, and signs in."""
    from bench import scenarios

    async def sign_in(due: float) -> list[float]:
        request, phone = scenarios.next_sign_up()
        status, answer = await load.call(session, on.port, request)
        asked = _waited(due, status)
        await gateway.get(phone)
        code = re.findall(r"\d+", gateway.texts[phone])[-1]
        due = time.monotonic()
        request = scenarios.login(json.loads(answer)["challenge_id"], code)
        status, _ = await load.call(session, on.port, request)
        return [asked, _waited(due, status)]

    return sign_in


def _waited(due: float, status: int) -> float:
    if status != 200:
        raise WrongAnswer(status)
    return (time.monotonic() - due) * 1000


async def attempt(on: Stage, gateway: Gateway, kind: Kind, rate: float, seconds: float) -> Step:
    """Offer so many a second, and see who is busy meanwhile."""
    on.finish_sms()
    async with load.session_of(CONNECTIONS) as session:
        do = kind(on, gateway, session)
        await offer(do, min(rate, START_AT["sign-ins"]), 1)
        usage = Usage({"web": on.web(), "PostgreSQL": on.database.postmaster, "worker": on.worker()})
        step = await offer(do, rate, seconds)
        step.cores = usage.cores()
    say(line(step))
    return step


def line(step: Step) -> str:
    if not step.waits:
        return f"{step.rate:7.1f}/s  none was answered, {step.failed} failed"
    p50, p99 = (machine.percentile(step.waits, share) for share in (0.5, 0.99))
    late = machine.percentile(step.late, 0.99)
    others = step.cores["all"] - sum(step.cores[name] for name in PARTS)
    cores = "  ".join(f"{name} {used:.2f}" for name, used in {**step.cores, "others": max(0, others)}.items())
    verdict = "holds" if step.holds else "does not hold"
    return (
        f"{step.rate:7.1f}/s  p50 {p50:7.1f}  p99 {p99:7.1f}  {step.failed:5} failed  "
        f"begun late (p99) {late:5.1f}  cores: {cores}  {verdict}"
    )


def measure(asked: argparse.Namespace) -> tuple[str, Any]:
    lines = [f"Capacity with {asked.people:,} people; milliseconds, each from when it was due"]
    found: dict[str, list[Step]] = {}
    gateway = Gateway()
    with stage(asked.people, gateway) as on, asyncio.Runner() as runner:
        runner.run(gateway.serve())
        for (name, start), kind in zip(START_AT.items(), (reads, sign_ins), strict=True):
            say(name)

            def at(rate: float, kind: Kind = kind) -> Step:
                return runner.run(attempt(on, gateway, kind, rate, asked.seconds))

            found[name] = search(at, start)
            highest = best(found[name])
            rate = f"{highest.rate:.1f} a second" if highest else "none"
            lines += ["", f"{name}: {rate} with p99 below 100 ms", *map(line, found[name])]
    return "\n".join(lines), {name: [asdict(step) for step in steps] for name, steps in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.capacity", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--people", type=int, default=1_000_000, help="in the database")
    parser.add_argument("--seconds", type=float, default=15, help="of each step or load")
    parser.add_argument("--rounds", type=int, default=3, help="of --growth")
    parser.add_argument("--growth", type=int, nargs="+", metavar="PEOPLE", help="compare GET me of so many people")
    parser.add_argument("--memory", action="store_true", help="of the web workers, and their start")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that what was started is stopped
    load_before = os.getloadavg()
    if asked.growth:
        name, (text, raw) = "growth", footprint.growth(asked.growth, asked.rounds, asked.seconds)
    elif asked.memory:
        name, (text, raw) = "memory", footprint.memory(asked.people)
    else:
        name, (text, raw) = "capacity", measure(asked)
    head = f"{' '.join(['python -m bench.capacity', *sys.argv[1:]])}, {time.strftime('%Y-%m-%d %H:%M %Z')}\n"
    head += f"{os.cpu_count()} cores, load average before {' '.join(f'{one:.2f}' for one in load_before)}\n"
    print(head + text)
    RESULTS.joinpath(f"{name}.txt").write_text(f"{head}{text}\n")
    RESULTS.joinpath(f"{name}.json").write_text(json.dumps(raw))


if __name__ == "__main__":
    main()
