"""What an attack tried and won, and whether the arithmetic allows that."""

import math
from dataclasses import dataclass, field

# What luck alone causes with a smaller probability is a defect.
LUCK_MOST = 1e-6


@dataclass
class Report:
    """One attack's line of the table."""

    number: int
    name: str
    claim: str
    tried: int = 0
    # Comparisons with codes, where the attack is after them.
    compared: int | None = None

    # Accounts that guessing wins on average.
    expected: float = 0.0

    won: int = 0
    owner: str = ""
    checks: list[tuple[str, bool]] = field(default_factory=list)

    def check(self, criterion: str, holds: bool) -> None:
        self.checks.append((criterion, bool(holds)))

    @property
    def passed(self) -> bool:
        return bool(self.checks) and all(holds for _, holds in self.checks)

    @property
    def cells(self) -> list[str]:
        compared = "" if self.compared is None else str(self.compared)
        verdict = "PASS" if self.passed else "FAIL"
        return [str(self.number), self.name, str(self.tried), compared, f"{self.expected:.2g}", str(self.won),
                self.owner, verdict, self.claim]  # fmt: skip


HEADINGS = ["#", "Attack", "Requests", "Compared", "Expected wins", "Wins", "Owner", "Verdict", "What must hold"]


def luck(trials: int, chance: float) -> int:
    """The number of wins that luck alone exceeds with a probability below LUCK_MOST."""
    wins, at_most = 0, 0.0
    while True:
        at_most += math.comb(trials, wins) * chance**wins * (1 - chance) ** (trials - wins)
        if 1 - at_most < LUCK_MOST:
            return wins
        wins += 1


def sure_median(values: list[float]) -> tuple[float, float]:
    """An interval that contains the median with a probability of 1 - LUCK_MOST, whatever the noise (the sign test)."""
    ordered, rank, below = sorted(values), 0, 0.0
    while True:
        below += math.comb(len(values), rank) / 2 ** len(values)
        if below > LUCK_MOST / 2 or rank >= len(values) // 2:
            return ordered[max(0, rank - 1)], ordered[min(len(values) - 1, len(values) - rank)]
        rank += 1


def sure_area(ours: list[float], theirs: list[float]) -> tuple[float, float, float]:
    """The area under the curve that tells two kinds of times apart (0.5: not at all), and an interval around it.

    It is in the interval with a probability of 1 - LUCK_MOST, by the normal approximation of Mann and Whitney's test.
    """
    ranks = sorted((value, kind) for kind, values in enumerate((ours, theirs)) for value in values)
    rank_sum = sum(place for place, (_, kind) in enumerate(ranks, 1) if kind)
    pairs = len(ours) * len(theirs)
    area = (rank_sum - len(theirs) * (len(theirs) + 1) / 2) / pairs
    # 4.9 standard deviations on both sides leave out less than LUCK_MOST.
    margin = 4.9 * math.sqrt((len(ours) + len(theirs) + 1) / (12 * pairs))
    return area, area - margin, area + margin


def text(reports: list[Report]) -> str:
    """The table in Markdown, then all criteria."""
    criteria = [(report.number, *check) for report in reports for check in report.checks]
    lines = [f"{number:2} {'ok  ' if holds else 'FAIL'} {criterion}" for number, criterion, holds in criteria]
    return "\n".join([table(reports), *lines])


def table(reports: list[Report]) -> str:
    rows = [HEADINGS, ["---"] * len(HEADINGS), *(report.cells for report in reports)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
