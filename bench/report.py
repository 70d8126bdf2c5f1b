"""What a run of `bench.speed` found."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.machine import Noise
from bench.measure import Measurement


@dataclass(frozen=True)
class Spread:
    """A median of rounds, with the least and the most of them."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread | None:
        """None of no values."""
        return cls(statistics.median(values), min(values), max(values)) if values else None

    def __format__(self, spec: str) -> str:
        return f"{self.median:{spec}} [{self.least:{spec}}..{self.most:{spec}}]"


@dataclass(frozen=True)
class Counted:
    """Statements and commits of one request."""

    scenario: str
    server: str
    statements: float
    commits: float


@dataclass(frozen=True)
class Goal:
    """What is wanted of one figure, and what was found."""

    name: str
    # None where it was not measured.
    found: Spread | None
    wanted: float
    at_most: bool = False
    unit: str = ""
    # Worth reaching, and not promised.
    aim: bool = False

    @property
    def reached(self) -> bool | None:
        if self.found is None:
            return None
        return self.found.median <= self.wanted if self.at_most else self.found.median >= self.wanted


@dataclass
class Report:
    command: str
    at: str
    people: int
    load_before: tuple[float, float, float]
    # Before each round.
    noise: list[Noise] = field(default_factory=list)
    measured: list[Measurement] = field(default_factory=list)
    counted: list[Counted] = field(default_factory=list)
    # Milliseconds that each list of the admin took, by its path.
    admin: dict[str, list[float]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)

    @property
    def cells(self) -> list[tuple[str, str]]:
        """Each scenario with each server that it was measured of; the same scenario's side by side."""
        cells = list(dict.fromkeys((each.scenario, each.server) for each in self.measured))
        order = list(dict.fromkeys(scenario for scenario, _ in cells))
        return sorted(cells, key=lambda cell: order.index(cell[0]))

    def of(self, scenario: str, server: str) -> list[Measurement]:
        return [each for each in self.measured if (each.scenario, each.server) == (scenario, server)]

    def ratio(self, ours: tuple[str, str], theirs: tuple[str, str]) -> Spread | None:
        """By how much the rate of one (scenario, server) is that of another, compared within each round."""
        rates = [
            {each.round: each.outcome.per_second for each in self.of(*cell) if each.outcome.comparable}
            for cell in (ours, theirs)
        ]
        first, second = rates
        return Spread.of([rate / second[number] for number, rate in first.items() if second.get(number)])
