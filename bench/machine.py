"""The machine under a measurement: how busy and how noisy it is, and who uses how much of it."""

from __future__ import annotations

import math
import statistics
import time
from contextlib import suppress
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Noise:
    """Milliseconds that one piece of work takes, again and again: on a machine of one's own, the same each time."""

    least: float
    median: float
    most: float


def noise(times: int = 100) -> Noise:
    taken = sorted(_work() for _ in range(times))
    return Noise(taken[0], statistics.median(taken), taken[-1])


def _work() -> float:
    started = time.perf_counter()
    sum(number * number for number in range(50_000))
    return (time.perf_counter() - started) * 1000


def used_by(processes: list[psutil.Process | None]) -> float:
    """CPU seconds of these processes, and of all that they started, up to now."""
    total = 0.0
    for root in filter(None, processes):
        with suppress(psutil.NoSuchProcess):
            for process in [root, *root.children(recursive=True)]:
                with suppress(psutil.NoSuchProcess):
                    # Those that have ended are counted with whoever started them.
                    used = process.cpu_times()
                    total += used.user + used.system + used.children_user + used.children_system
    return total


def used_by_all() -> float:
    """CPU seconds of everything on this machine, up to now."""
    used = psutil.cpu_times()
    return float(used.user + used.nice + used.system + getattr(used, "irq", 0.0) + getattr(used, "softirq", 0.0))


def stolen() -> float:
    """CPU seconds that a virtual machine's host gave to others, up to now."""
    return float(getattr(psutil.cpu_times(), "steal", 0.0))


def percentile(values: list[float], share: float) -> float:
    """The least value that at least this share of them does not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[math.ceil(share * len(ordered)) - 1]
