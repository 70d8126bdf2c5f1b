"""Deeds offered at a rate, each at its time, whether those before are done or not; and the highest rate that holds."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bench.machine import percentile

# Milliseconds, from when a request was due to its answer.
P99_BELOW = 100.0

# After so long a deed that was begun has failed.
DONE_SECONDS = 30.0

# Takes when it is due, by time.monotonic(), and tells the milliseconds of each of its requests. Raises WrongAnswer.
Deed = Callable[[float], Awaitable[list[float]]]


class WrongAnswer(Exception):
    """Not what was asked for, or nothing."""


@dataclass
class Step:
    """One offer of deeds at a rate a second. All times are milliseconds."""

    rate: float
    # Of each request, from when it was due; what waited to be sent has waited too.
    waits: list[float] = field(default_factory=list)
    # How much later than due each deed was begun.
    late: list[float] = field(default_factory=list)
    failed: int = 0
    cores: dict[str, float] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        return not self.failed and bool(self.waits) and percentile(self.waits, 0.99) < P99_BELOW


async def offer(do: Deed, rate: float, seconds: float) -> Step:
    """Deeds at random times (Poisson), so many a second on average."""
    step, random_times, tasks = Step(rate), random.Random(0), []  # noqa: S311 - no secret
    start = due = time.monotonic()

    async def one(due: float) -> None:
        step.late.append((time.monotonic() - due) * 1000)
        try:
            async with asyncio.timeout(DONE_SECONDS):
                step.waits += await do(due)
        except (WrongAnswer, TimeoutError):
            step.failed += 1

    while (due := due + random_times.expovariate(rate)) < start + seconds:
        await asyncio.sleep(max(0, due - time.monotonic()))
        tasks.append(asyncio.create_task(one(due)))
    await asyncio.gather(*tasks)
    return step


def search(attempt: Callable[[float], Step], start: float, *, most: int = 12) -> list[Step]:
    """Try `most` rates at most: up until one does not hold (or down until one does), then between the two.

    One that does not hold is given a second chance, for a shared machine has its moments.
    """
    steps: list[Step] = []
    good, bad, rate = 0.0, 0.0, start
    for _ in range(most):
        steps.append(attempt(rate))
        if not steps[-1].holds:
            steps.append(attempt(rate))
        if steps[-1].holds:
            good = rate
        else:
            bad = rate
        if good and bad and bad < good * 1.1:
            break
        rate = (good + bad) / 2 if good and bad else (rate * 1.5 if good else rate / 2)
    return steps


def best(steps: list[Step]) -> Step | None:
    """The one with the highest rate that held."""
    return max((step for step in steps if step.holds), key=lambda step: step.rate, default=None)
