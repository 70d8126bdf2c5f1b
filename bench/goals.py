"""What is wanted of the service's speed, and whether a run of `bench.speed` reached it."""

from __future__ import annotations

import re
import statistics

from bench.report import Goal, Report, Spread

SERVICE = "service"
READS = (("bare", 0.75, False), ("drf", 5, False), ("fastapi_sqlalchemy", 2, False), ("fastapi_asyncpg", 1, True))
# Statements of a sign-up that find or make the person: the lock, the person, the profile.
PERSONS_OWN = 3

WRITES = ("POST signup", "POST login", "POST me")


def judge(report: Report) -> list[Goal]:
    return [*_beside_others(report), *_flat(report), *_limits(report)]


def _beside_others(report: Report) -> list[Goal]:
    def goal(scenario: str, other: str, wanted: float, aim: bool = False) -> Goal:
        found = report.ratio((scenario, SERVICE), (scenario, other))
        return Goal(f"{scenario}: {SERVICE} / {other}", found, wanted, unit="x", aim=aim)

    reads = [goal("GET me", other, wanted, aim) for other, wanted, aim in READS]
    return reads + [goal(scenario, "bare", 0.65) for scenario in WRITES]


def _flat(report: Report) -> list[Goal]:
    """One scenario's rate beside another's, both of the service."""
    pairs = [
        ("GET me: celebrity / typical", "GET me, celebrity", "GET me", 0.8),
        ("POST me, 40 clients: celebrity / spread", "POST me, 40 clients, celebrity", "POST me, 40 clients", 0.5),
    ]
    scenarios = dict.fromkeys(scenario for scenario, server in report.cells if server == SERVICE)
    for deep in scenarios:
        if found := re.fullmatch(r"(.*), (page \d+)", deep):
            pairs.append((f"{found[1]}: {found[2]} / first", deep, f"{found[1]}, first page", 0.8))
    return [
        Goal(name, report.ratio((one, SERVICE), (other, SERVICE)), wanted, unit="x")
        for name, one, other, wanted in pairs
    ]


def _limits(report: Report) -> list[Goal]:
    memory = [each.memory for each in report.measured if each.server == SERVICE and each.memory]
    counted = [each for each in report.counted if (each.scenario, each.server) == ("POST signup", SERVICE)]
    pages = [statistics.median(times) for times in report.admin.values()]
    return [
        Goal("the slowest list of the admin", _most(pages), 300, at_most=True, unit=" ms"),
        Goal("memory of the largest web worker", _most(memory), 75, at_most=True, unit=" MB"),
        Goal(
            "statements of a sign-up, besides the person's own",
            _most([each.statements - PERSONS_OWN for each in counted]),
            8,
            at_most=True,
        ),
        Goal("commits of a sign-up", _most([each.commits for each in counted]), 1, at_most=True),
    ]


def _most(values: list[float]) -> Spread | None:
    return Spread.of([max(values)]) if values else None
