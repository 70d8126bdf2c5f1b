"""Pages by keyset: each starts after the last row of the page before, so it costs the same as the first.

PostgreSQL compares rows, `(a, b) < (x, y)`, directly in an index.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import BooleanField, F, Func, QuerySet, Value

# Rows that `read` reads and holds at once.
BATCH = 1_000


def read(rows: QuerySet[Any], order: Sequence[str]) -> Iterator[dict[str, Any]]:
    """All rows of a query by `values()` in this ascending order, whose fields are among the values. A batch at a time.

    `QuerySet.iterator` would read all at once: server-side cursors are off, see settings_database.py.
    """
    left = rows = rows.order_by(*order)
    while batch := list(left[:BATCH]):
        edge = [Value(batch[-1][name]) for name in order]
        yield from batch
        if len(batch) < BATCH:
            return
        left = rows.filter(beyond(order, edge))


def beyond(order: Sequence[str], edge: Sequence[Any]) -> Func:
    """The condition for rows after the one with these values, in an order by fields that are unique together.

    All fields of the order are ascending, or all descending (`-created_at`). A value that is a text must be a `Value`.
    """
    operator = " < " if order[0].startswith("-") else " > "
    names = _row(*(F(name.removeprefix("-")) for name in order))
    return Func(names, _row(*edge), template="%(expressions)s", arg_joiner=operator, output_field=BooleanField())


def _row(*values: Any) -> Func:
    return Func(*values, template="(%(expressions)s)", output_field=BooleanField())
