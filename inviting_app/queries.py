"""Hand-written statements about the database itself. The ORM has no words for them."""

from users import sql


def current_setting(name: str) -> str:
    """The value of this setting of PostgreSQL."""
    return str(sql.fetch_one("SELECT current_setting(%s)", [name])[0])


def limit_statements(timeout: str) -> None:
    """Cancel statements that take longer than this, such as `2s`, until the transaction ends."""
    sql.fetch_one("SELECT set_config('statement_timeout', %s, true)", [timeout])


_SCHEMA = """
SELECT current_schema(), NOT EXISTS (SELECT FROM pg_tables WHERE schemaname = current_schema())
"""


def schema(using: str) -> tuple[str, bool]:
    """The schema of the service's tables as this connection sees it, and whether it is empty."""
    name, is_empty = sql.fetch_one(_SCHEMA, [], using)
    return name, is_empty


def analyze() -> None:
    """Have PostgreSQL count what its planner needs to know. A restored backup has no statistics."""
    sql.execute("ANALYZE", [])
