"""CPU time and memory of processes, and figures of samples."""

from __future__ import annotations

import math
import os
import statistics
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Spread:
    """The median of some values, with the smallest and the largest."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: list[float]) -> Spread:
        return cls(statistics.median(values), min(values), max(values))

    def __format__(self, spec: str) -> str:
        return f"{self.median:{spec}} [{self.least:{spec}}..{self.most:{spec}}]"


def quantile(values: list[float], part: float) -> float:
    """The smallest of these values that this part of them does not exceed."""
    return sorted(values)[max(0, math.ceil(part * len(values)) - 1)]


def cpu_seconds(root: psutil.Process) -> float:
    """CPU seconds that a process and its children have used so far."""
    total = 0.0
    for process in _family(root):
        with suppress(psutil.NoSuchProcess):
            used = process.cpu_times()
            total += own_cpu_seconds(process) + used.children_user + used.children_system
    return total


def own_cpu_seconds(process: psutil.Process) -> float:
    """CPU seconds that a process alone has used so far."""
    used = process.cpu_times()
    total: float = used.user + used.system
    return total


def pin(root: psutil.Process, cores: Collection[int], children: bool = True) -> None:
    """Let all threads of a process and of its children, present and future, run on these cores only."""
    for process in _family(root) if children else [root]:
        with suppress(psutil.NoSuchProcess, ProcessLookupError):
            for thread in process.threads():
                os.sched_setaffinity(thread.id, cores)


def memory(root: psutil.Process) -> tuple[float, float]:
    """MB of a web server: RSS of its largest worker, and PSS of all its processes together."""
    largest = together = 0.0
    for process in _family(root):
        with suppress(psutil.NoSuchProcess):
            found = process.memory_full_info()
            together += found.pss / 1e6
            if process != root:
                largest = max(largest, found.rss / 1e6)
    return largest, together


def _family(root: psutil.Process) -> Iterator[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        yield root
        yield from root.children(recursive=True)
