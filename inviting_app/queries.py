"""Hand-written statements about the database itself. The ORM has no words for them."""

from django.db import OperationalError

from users import sql


def current_setting(name: str) -> str:
    """The value of this setting of PostgreSQL."""
    return str(sql.fetch_one("SELECT current_setting(%s)", [name])[0])


def limit_statements(timeout: str) -> None:
    """Cancel statements that take longer than this, such as `2s`, until the transaction ends."""
    sql.fetch_one("SELECT set_config('statement_timeout', %s, true)", [timeout])


_WRITE = """
SELECT takes_writes, CASE WHEN takes_writes THEN pg_logical_emit_message(true, 'inviting_app', '') END,
       EXISTS (SELECT 1 FROM users_user)
  FROM (SELECT current_setting('transaction_read_only') = 'off' AS takes_writes) AS server
"""


class TakesNoWrites(OperationalError):
    """The server is a standby, or has been told to take no writes."""

    def __init__(self) -> None:
        super().__init__("this server takes no writes: it is a standby, or in read-only mode")


def check_takes_writes() -> None:
    """Write to the log of PostgreSQL, and wait until that is as safe as any commit. Raises TakesNoWrites.

    By hand: the ORM has no words for a write without a row. It takes a flush of the log, and changes no data. A server
    that only says that it takes writes may wait for its disk or for its synchronous standby without end.
    """
    takes_writes, *_ = sql.fetch_one(_WRITE, [])
    if not takes_writes:
        raise TakesNoWrites


_SCHEMA = """
SELECT current_schema(), NOT EXISTS (SELECT FROM pg_tables WHERE schemaname = current_schema())
"""


def schema(using: str) -> tuple[str, bool]:
    """The schema of the service's tables as this connection sees it, and whether it is empty."""
    name, is_empty = sql.fetch_one(_SCHEMA, [], using)
    return name, is_empty


def role(using: str) -> tuple[str, bool]:
    """The role of this connection, which a pooler may have chosen, and whether it is a superuser."""
    name, is_superuser = sql.fetch_one("SELECT rolname, rolsuper FROM pg_roles WHERE rolname = current_user", [], using)
    return name, is_superuser


_OTHER_SESSIONS = """
SELECT EXISTS (SELECT FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid() AND usename IS NOT NULL)
"""


def other_sessions(using: str) -> bool:
    """Whether other clients than this connection are in its database. PostgreSQL's own workers have no user."""
    return bool(sql.fetch_one(_OTHER_SESSIONS, [], using)[0])


_CLOSED = """
SELECT current_schema(),
  ARRAY(SELECT relname::text FROM pg_class
    WHERE relnamespace = to_regnamespace(current_schema()) AND relname = ANY(%s)
      AND NOT (has_table_privilege(oid, 'SELECT') AND (relname = ANY(%s) OR has_table_privilege(oid, 'INSERT')
        AND has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE')))
    ORDER BY relname)
"""


def closed_tables(tables: list[str], read_only: list[str]) -> tuple[str | None, list[str]]:
    """The schema of the service's connection, and which of these tables its role may not use."""
    schema, closed = sql.fetch_one(_CLOSED, [tables, read_only])
    return schema, closed


_MAY_CREATE = "SELECT coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)"


def may_create(using: str) -> bool:
    """Whether the role of this connection may create tables."""
    return bool(sql.fetch_one(_MAY_CREATE, [], using)[0])


def analyze(using: str) -> None:
    """Have PostgreSQL count what its planner needs to know. A restored backup has no statistics."""
    sql.execute("ANALYZE", [], using)


# A backup does not show which numbers were given since it was made, or after earlier restores. So each restore goes on
# from a number that the clock gives, which grows faster than the service gives numbers on average. If a distance were
# added to it, numbers would go down when an older backup is restored next. If it grew much faster, ids would soon have
# ten digits, and the log would mask them as phones.
NUMBERS_A_SECOND = 5
# If the service gave more: more than anybody gives in the days between a backup and its restore.
_SKIPPED = 1_000_000
_SKIP = """
SELECT setval(format('%%I.%%I', schemaname, sequencename)::regclass,
           CASE WHEN coalesce(last_value, 0) < by_clock THEN by_clock ELSE last_value + %(skipped)s END)
  FROM pg_sequences, LATERAL (
    SELECT (%(a_second)s * extract(epoch FROM clock_timestamp() - '2026-01-01 00:00Z'::timestamptz))::bigint AS by_clock
 ) AS clock
 WHERE schemaname = current_schema() AND sequenceowner = current_user AND data_type = 'bigint'::regtype
"""


def skip_numbers(using: str) -> None:
    """Go on with numbers that no row had before: other systems and the erasure log know rows that are gone by theirs.

    By hand: the ORM has no sequences.
    """
    sql.execute(_SKIP, {"skipped": _SKIPPED, "a_second": NUMBERS_A_SECOND}, using)
