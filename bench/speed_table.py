"""What `bench.speed` found, as a table."""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable

from bench.goals import SERVICE
from bench.machine import percentile
from bench.measure import Measurement
from bench.report import Goal, Report, Spread

WIDE = 48


def table(report: Report) -> str:
    parts = [
        _head(report),
        [
            "Medians of the rounds [least..most]. p50 and p99: milliseconds (pgbench: the mean). us: CPU, microseconds",
            "a request. MB: memory of the largest web worker. SQL: statements of a request, without BEGIN and COMMIT.",
            "! marks loads with other answers than 2xx, without answers, or cut short.",
            "",
            *_measured(report),
        ],
        ["The service's rate over that of others, within each round: median [least..most]", *_ratios(report)],
        ["The admin's lists, one request after another: milliseconds, median and most", *_admin(report)],
        *([["Left out", *report.notes]] if report.notes else []),
        ["Goals", *goals(report.goals)],
    ]
    return "\n\n".join("\n".join(lines) for lines in parts)


def summary(measured: Measurement) -> str:
    """One line, while the measurement goes on."""
    outcome = measured.outcome
    return f"{measured.server:18} {measured.scenario}: {outcome.per_second:.0f}/s{_mark([measured])}"


def goals(judged: list[Goal]) -> list[str]:
    words = {True: "reached", False: "SHORT", None: "not measured"}
    lines = []
    for goal in judged:
        found = "" if goal.found is None else _found(goal)
        wanted = f"{'at most' if goal.at_most else 'at least'} {goal.wanted:g}{goal.unit}"
        verdict = words[goal.reached] + (" (an aim)" if goal.aim else "")
        lines.append(f"{goal.name:{WIDE + 10}} {found:24} {wanted:17} {verdict}")
    return lines


def _found(goal: Goal) -> str:
    assert goal.found is not None
    spec = ".2f" if goal.unit == "x" else ".1f"
    one = goal.found.least == goal.found.most
    return f"{goal.found.median:{spec}}{goal.unit}" if one else f"{goal.found:{spec}}"


def _head(report: Report) -> list[str]:
    least, most = min(noise.least for noise in report.noise), max(noise.most for noise in report.noise)
    medians = sorted(noise.median for noise in report.noise)
    stolen = sum(each.cores.get("stolen", 0.0) for each in report.measured) / max(1, len(report.measured))
    return [
        f"Speed with {report.people:,} people, {report.at}: {report.command}",
        f"{os.cpu_count()} cores, load average before {' '.join(f'{load:.2f}' for load in report.load_before)}",
        f"Noise: a fixed piece of work, 100 times before each round, took {least:.1f} to {most:.1f} ms; "
        f"medians {medians[0]:.1f} to {medians[-1]:.1f}; cores taken by the host: {stolen:.2f}",
    ]


def _measured(report: Report) -> list[str]:
    counted = {(each.scenario, each.server): each.statements for each in report.counted}
    heads = "".join(f"{name:>9}" for name in ("p50", "p99", "web us", "PG us", "MB", "SQL"))
    lines = [f"{'':{WIDE}} {'':18} {'requests a second':>24}{heads}"]
    before = ""
    for scenario, server in report.cells:
        runs = report.of(scenario, server)
        columns = [
            _median(runs, lambda run: run.outcome.p50, ".1f"),
            _median(runs, lambda run: run.outcome.p99, ".1f"),
            _median(runs, lambda run: run.web_us, ".0f"),
            _median(runs, lambda run: run.postgres_us, ".0f"),
            _median(runs, lambda run: run.memory, ".0f"),
            f"{counted[scenario, server]:.1f}" if (scenario, server) in counted else "-",
        ]
        rate = f"{Spread.of([run.outcome.per_second for run in runs]):.0f}"
        cells = "".join(f"{column:>9}" for column in columns)
        lines.append(f"{scenario if scenario != before else '':{WIDE}} {server:18} {rate:>24}{cells}{_mark(runs)}")
        before = scenario
    return lines


def _median(runs: list[Measurement], value: Callable[[Measurement], float | None], spec: str) -> str:
    values = [found for run in runs if (found := value(run)) is not None]
    return f"{statistics.median(values):{spec}}" if values else "-"


def _mark(runs: list[Measurement]) -> str:
    outcomes = [run.outcome for run in runs if not run.outcome.clean]
    if not outcomes:
        return ""
    counts = {
        "not 2xx": sum(outcome.refused for outcome in outcomes),
        "no answer": sum(outcome.errors for outcome in outcomes),
        "cut short": sum(outcome.exhausted for outcome in outcomes),
    }
    return "  ! " + ", ".join(f"{count} {name}" for name, count in counts.items() if count)


def _ratios(report: Report) -> list[str]:
    lines = []
    for scenario, server in report.cells:
        if server != SERVICE:
            found = report.ratio((scenario, SERVICE), (scenario, server))
            lines.append(f"{scenario:{WIDE}} {server:18} {'-' if found is None else f'{found:.2f}'}")
    return lines


def _admin(report: Report) -> list[str]:
    return [
        f"{path:{WIDE}} {percentile(times, 0.5):8.0f} {max(times):8.0f}" for path, times in sorted(report.admin.items())
    ]
