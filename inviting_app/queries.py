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


_RIGHTS = """
SELECT current_schema(), coalesce(has_schema_privilege(current_schema(), 'CREATE'), false),
  ARRAY(SELECT relname::text FROM pg_class
    WHERE relnamespace = to_regnamespace(current_schema()) AND relname = ANY(%s)
      AND NOT (has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT')
        AND has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE'))
    ORDER BY relname)
"""


def rights(tables: list[str]) -> tuple[str | None, bool, list[str]]:
    """The schema of this connection, whether its role may create tables there, and which of these it may not use."""
    schema, may_create, closed = sql.fetch_one(_RIGHTS, [tables])
    return schema, may_create, closed


def analyze() -> None:
    """Have PostgreSQL count what its planner needs to know. A restored backup has no statistics."""
    sql.execute("ANALYZE", [])
