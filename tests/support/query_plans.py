"""The executed plans of statements."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection

_EXPLAIN = {"log_min_duration": "0", "log_analyze": "on", "log_timing": "off", "log_nested_statements": "on",
            "log_buffers": "on", "log_format": "json", "log_level": "notice"}  # fmt: skip


@dataclass(frozen=True)
class Reading:
    """How one statement read one table."""

    table: str
    how: str
    # All rows that it read, including those filtered out.
    rows: int
    statement: str
    plan: dict[str, Any]

    @property
    def pages(self) -> int:
        """All pages that the statement read, of tables and indexes."""
        return int(self.plan["Shared Hit Blocks"] + self.plan["Shared Read Blocks"])

    def __str__(self) -> str:
        shown = json.dumps(_short(self.plan), indent=1)
        return f"{self.how} of {self.rows} rows of {self.table}\n{self.statement}\n{shown}"


@contextmanager
def read(mode: str) -> Iterator[list[Reading]]:
    """Collect what statements read, in functions and triggers too. `mode` is PostgreSQL's `plan_cache_mode`."""
    found: list[Reading] = []

    def take(notice: Any) -> None:
        if notice.message_primary and " plan:\n" in notice.message_primary:
            explained = json.loads(notice.message_primary.partition(" plan:\n")[2])
            found.extend(_readings(explained["Plan"], explained))

    with connection.cursor() as cursor:
        cursor.execute("LOAD 'auto_explain'")
        for name, value in _EXPLAIN.items():
            cursor.execute(f"SET auto_explain.{name} = {value}")
        cursor.execute(f"SET plan_cache_mode = {mode}")
        cursor.execute("SET max_parallel_workers_per_gather = 0")  # because parallel workers read ahead by chance
        session: Any = connection.connection
        session.add_notice_handler(take)
        yield found
        session.remove_notice_handler(take)
        cursor.execute("SET auto_explain.log_min_duration = -1")
        cursor.execute("RESET plan_cache_mode")
        cursor.execute("RESET max_parallel_workers_per_gather")


def _readings(node: dict[str, Any], explained: dict[str, Any]) -> Iterator[Reading]:
    if "Relation Name" in node and "Scan" in node["Node Type"]:
        rows = node["Actual Rows"] + sum(value for name, value in node.items() if name.startswith("Rows Removed by"))
        text = f"{explained['Query Text']}\n{explained.get('Query Parameters', '')}"
        yield Reading(
            node["Relation Name"], node["Node Type"], int(rows * node["Actual Loops"]), text, explained["Plan"]
        )
    for child in node.get("Plans", ()):
        yield from _readings(child, explained)


_SHOWN = ("Node Type", "Relation Name", "Index Name", "Index Cond", "Filter", "Actual Rows", "Actual Loops", "Plans")


def _short(node: dict[str, Any]) -> dict[str, Any]:
    shown = {name: node[name] for name in _SHOWN if name in node}
    return shown | ({"Plans": [_short(child) for child in shown["Plans"]]} if "Plans" in shown else {})
