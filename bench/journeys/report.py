"""Tables of what was measured, in Markdown."""

from statistics import median

from bench.journeys.load import PARTS, Measured
from bench.journeys.servers import OPERATIONS, SEND, SERVICE
from bench.machine import Spread

Cell = list[Measured]


def text(loads: list[Measured]) -> str:
    servers = list(dict.fromkeys(load.server for load in loads))
    lines = [
        "Rate a second, median [least..most] of the rounds, and below it the microseconds of CPU for each operation "
        f"({' + '.join(PARTS)}):",
        "",
        *_table(["", *servers], [_rates(loads, operation, servers) for operation in OPERATIONS]),
    ]
    if others := [server for server in servers if server != SERVICE]:
        rows = [_ratios(loads, operation, others) for operation in OPERATIONS if operation != SEND]
        lines += ["", "Rate of this service divided by that of the other, within each round:", ""]
        lines += _table(["", *others], rows)
    return "\n".join(lines)


def of(loads: list[Measured], operation: str, server: str) -> Cell:
    """Round by round."""
    return [load for load in loads if (load.operation, load.server) == (operation, server)]


def _rates(loads: list[Measured], operation: str, servers: list[str]) -> list[str]:
    return [operation, *(_rate(of(loads, operation, server)) for server in servers)]


def _rate(cell: Cell) -> str:
    if not cell:
        return "–"
    used = [median(load.cpu[part] for load in cell) for part in PARTS]
    cpu = " + ".join(f"{one:,.0f}" for one in used if round(one))
    failed = sum(load.failed for load in cell)
    return f"{Spread.of([load.per_second for load in cell]):,.0f}<br>{cpu}{f' **! {failed} failed**' if failed else ''}"


def _ratios(loads: list[Measured], operation: str, others: list[str]) -> list[str]:
    ours = of(loads, operation, SERVICE)
    cells = [operation]
    for other in others:
        pairs = zip(ours, of(loads, operation, other), strict=False)
        ratios = [a.per_second / b.per_second for a, b in pairs if b.done]
        cells.append(f"{Spread.of(ratios):.2f}" if ratios else "–")
    return cells


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    filled = [row for row in rows if any(cell != "–" for cell in row[1:])]
    return [f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *filled]]
