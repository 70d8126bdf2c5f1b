"""Tables of what was measured, in Markdown."""

from statistics import median

from bench.journeys.goals import Goal
from bench.journeys.load import PARTS, Measured
from bench.journeys.results import Results
from bench.journeys.servers import JOURNEY, OPERATIONS, SEND, SERVICE
from bench.machine import Spread, quantile

NOTHING = "–"


def text(results: Results, goals: list[Goal]) -> str:
    servers = list(dict.fromkeys(load.server for load in results.loads))
    lines = [
        "Rate a second, median [least..most] of the rounds. Below it: microseconds of CPU for each operation, of web + "
        "PostgreSQL, and of the worker where it works.",
        "",
        *_table(["", *servers], [[one, *(_rate(results.of(one, by)) for by in servers)] for one in OPERATIONS]),
        "",
        "Milliseconds that a whole journey takes with 16 clients at once: median, 99 of 100 within",
        "",
        *_table(["", *servers], [[JOURNEY, *(_waits(results.of(JOURNEY, by)) for by in servers)]]),
    ]
    if results.idle:
        lines += [
            "",
            "Milliseconds from a request to its SMS at the gateway, one sign-up after another: "
            f"{_spread(results.idle)}",
        ]
    if others := [server for server in servers if server != SERVICE]:
        rows = [[one, *(_ratio(results, one, other) for other in others)] for one in OPERATIONS if one != SEND]
        lines += [
            "",
            "How many times as fast this service is, within each round: by rate, and below it by the CPU of an "
            "operation, that of the worker included.",
            "",
        ]
        lines += _table(["", *others], rows)
    if judged := [goal.cells(results) for goal in goals if goal.found(results)]:
        lines += ["", *_table(["Goal", "found", "wanted", ""], judged)]
    return "\n".join(lines)


def _rate(cell: list[Measured]) -> str:
    if not cell:
        return NOTHING
    used = {part: median(load.cpu[part] for load in cell) for part in PARTS}
    cpu = " + ".join(f"{used[part]:,.0f}" for part in PARTS[:2])
    worker = f", worker {used['worker']:,.0f}" if round(used["worker"]) else ""
    failed = sum(load.failed for load in cell)
    mark = f" **! {failed} failed**" if failed else ""
    return f"{Spread.of([load.per_second for load in cell]):,.0f}<br>{cpu}{worker}{mark}"


def _waits(cell: list[Measured]) -> str:
    waits = [wait for load in cell for wait in load.waits]
    return _spread(waits) if waits else NOTHING


def _spread(waits: list[float]) -> str:
    return f"{quantile(waits, 0.5):,.0f}, {quantile(waits, 0.99):,.0f}"


def _ratio(results: Results, operation: str, other: str) -> str:
    rate = results.ratio(operation, other)
    return f"{rate:.2f}<br>{results.cpu_ratio(operation, other):.2f}" if rate else NOTHING


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    filled = [row for row in rows if any(cell != NOTHING for cell in row[1:])]
    return [f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *filled]]
