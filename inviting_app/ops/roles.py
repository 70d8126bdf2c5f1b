"""The two roles of the database, and what each may do.

The *owner* owns the service's schema and what is in it. It migrates, backs up and restores. The *service* reads and
changes rows, and owns nothing: web and worker connect as this role, so a hole in them reaches neither the schema nor
the server. Neither role is a superuser.

The statements are about the catalog, for which the ORM has no words. All of them may be repeated, and an interruption
between two of them does no harm: each step looks for what is left to do.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, LiteralString

import psycopg
from psycopg import sql

OWNER = "inviting_app_owner"
SERVICE = "inviting_app_service"
# Only migrations write to them.
READ_ONLY = ["django_migrations", "django_content_type", "auth_permission"]
# The attributes of both roles. `pg_roles` names each of them in lower case with `rol` before it.
_ATTRIBUTES = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"
# A number of our own, for pg_advisory_lock: one process at a time changes roles.
_LOCK = 6_217_004_119

_IS_AS_WANTED = """
SELECT rolcanlogin AND NOT (rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls)
  FROM pg_roles WHERE rolname = %(role)s
"""
# An extension's objects stay with it. A table's sequences and types follow the table.
_HAND_OVER = """
SELECT format('ALTER SCHEMA %%I OWNER TO %%I', nspname, %(owner)s::text)
  FROM pg_namespace WHERE nspname = %(schema)s AND nspowner <> %(owner)s::regrole
UNION ALL
SELECT format('ALTER %%s %%s OWNER TO %%I',
    CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
      WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END, oid::regclass, %(owner)s::text)
  FROM pg_class AS this
 WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = %(schema)s)
   AND relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND relowner <> %(owner)s::regrole
   AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = this.oid
     AND (deptype = 'e' OR deptype IN ('a', 'i') AND relkind = 'S'))
UNION ALL
SELECT format('ALTER ROUTINE %%s OWNER TO %%I', oid::regprocedure, %(owner)s::text)
  FROM pg_proc AS this
 WHERE pronamespace = (SELECT oid FROM pg_namespace WHERE nspname = %(schema)s) AND proowner <> %(owner)s::regrole
   AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = this.oid AND deptype = 'e')
UNION ALL
SELECT format('ALTER TYPE %%s OWNER TO %%I', oid::regtype, %(owner)s::text)
  FROM pg_type AS this
 WHERE typnamespace = (SELECT oid FROM pg_namespace WHERE nspname = %(schema)s) AND typowner <> %(owner)s::regrole
   AND (typtype IN ('e', 'd', 'r') OR typtype = 'c' AND (SELECT relkind FROM pg_class WHERE oid = typrelid) = 'c')
   AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_type'::regclass AND objid = this.oid AND deptype = 'e')
"""
# By default every role may do more than ours need.
_CLOSE = """
SELECT format('REVOKE TEMPORARY ON DATABASE %%I FROM PUBLIC', current_database())
 WHERE has_database_privilege(%(service)s, current_database(), 'TEMPORARY')
UNION ALL
SELECT format('GRANT CONNECT ON DATABASE %%I TO %%I, %%I', current_database(), %(owner)s::text, %(service)s::text)
 WHERE NOT has_database_privilege(%(service)s, current_database(), 'CONNECT')
UNION ALL
SELECT format('REVOKE CREATE ON SCHEMA %%I FROM PUBLIC', %(schema)s::text)
 WHERE has_schema_privilege(%(service)s, %(schema)s, 'CREATE')
UNION ALL
SELECT format('REVOKE EXECUTE ON FUNCTION %%s FROM PUBLIC', oid::regprocedure)
  FROM pg_proc
 WHERE pronamespace = 'pg_catalog'::regnamespace AND proname IN ('lo_creat', 'lo_create', 'lo_from_bytea')
   AND has_function_privilege(%(service)s, oid, 'EXECUTE')
"""
# By default every role may enter every database.
_CLOSE_OTHERS = """
SELECT format('REVOKE ALL ON DATABASE %%I FROM PUBLIC', datname)
  FROM pg_database WHERE datname = ANY(%(databases)s) AND has_database_privilege(%(service)s, oid, 'CONNECT')
"""
# The rights that the service still lacks.
_GRANT = """
SELECT format('GRANT USAGE ON SCHEMA %%I TO %%I', %(schema)s::text, %(service)s::text)
 WHERE NOT has_schema_privilege(%(service)s, %(schema)s, 'USAGE')
UNION ALL
SELECT format('GRANT %%s ON %%s TO %%I', rights, oid::regclass, %(service)s::text)
  FROM pg_class, LATERAL (SELECT CASE WHEN relkind = 'S' THEN 'USAGE' WHEN relname = ANY(%(read_only)s) THEN 'SELECT'
    ELSE 'SELECT, INSERT, UPDATE, DELETE' END) AS needed (rights)
 WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = %(schema)s)
   AND CASE WHEN relkind = 'S' THEN NOT has_sequence_privilege(%(service)s, oid, 'USAGE')
     WHEN relkind IN ('r', 'p') THEN EXISTS (SELECT FROM string_to_table(rights, ', ') AS wanted
       WHERE NOT has_table_privilege(%(service)s, oid, wanted)) END
UNION ALL
SELECT format('GRANT EXECUTE ON ROUTINE %%s TO %%I', oid::regprocedure, %(service)s::text)
  FROM pg_proc
 WHERE pronamespace = (SELECT oid FROM pg_namespace WHERE nspname = %(schema)s)
   AND NOT has_function_privilege(%(service)s, oid, 'EXECUTE')
"""

Session = psycopg.Connection[Any]


def separate(superuser: Session, schema: str, owner: str = OWNER, service: str = SERVICE) -> None:
    """Make the roles, and give each its own. For a superuser's session in autocommit mode.

    A table is locked only for its own statement, so the service of a version before may run meanwhile.
    """
    # Nothing that the schema's owner made may stand for a name or an operator of the system.
    superuser.execute("SET search_path = pg_catalog")
    superuser.execute("SET lock_timeout = '2s'")
    with _alone(superuser):
        for role in (owner, service):
            _make(superuser, role)
        named = {"schema": schema, "owner": owner, "service": service}
        _run_all(superuser, _CLOSE, named)
        _run_all(superuser, _HAND_OVER, named)
        grant(superuser, schema, service)


def close(superuser: Session, databases: list[str]) -> None:
    """Keep the service out of other databases of a server that is ours alone."""
    _run_all(superuser, _CLOSE_OTHERS, {"databases": databases, "service": SERVICE})


def grant(owner: Session, schema: str, service: str) -> None:
    """Let the service use what is in the schema, and no more. For a session of the owner."""
    with _alone(owner):
        _run_all(owner, _GRANT, {"schema": schema, "service": service, "read_only": READ_ONLY})


@contextmanager
def _alone(session: Session) -> Iterator[None]:
    """Let one session at a time change rights: another one's change of the same object would be an error."""
    session.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
    try:
        yield
    finally:
        session.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def _make(superuser: Session, role: str) -> None:
    found = superuser.execute(_IS_AS_WANTED, {"role": role}).fetchone()
    if found != (True,):
        what = "ALTER ROLE {} " if found else "CREATE ROLE {} "
        superuser.execute(sql.SQL(what + _ATTRIBUTES).format(sql.Identifier(role)))


def _run_all(session: Session, query: LiteralString, named: dict[str, Any]) -> None:
    """Run the statements that this query returns."""
    for (statement,) in session.execute(query, named).fetchall():
        session.execute(statement)
