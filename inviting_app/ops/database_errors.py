"""What an error of the database means, and what to do: one line for each cause, for every command.

libpq has no codes for errors of a connection, so they are told apart by their texts.
"""

import re

from django.db.migrations.exceptions import MigrationSchemaMissing
from psycopg import errors

from inviting_app.logs import one_line

# The first that is found counts: an attempt at another address of the same host may have been refused.
ADVICE = (
    (
        "unsupported startup parameter",
        "A pooler refuses the options of the connection. With PgBouncer, set `ignore_startup_parameters = options` and "
        "ALTER ROLE … SET lock_timeout = '2s' (and search_path, if the URL sets it), or connect without a pooler.",
    ),
    ("password authentication failed|no password supplied|SASL", "Check user and password in DATABASE_URL."),
    ('role ".*" does not exist', "Check the user in DATABASE_URL, or create the role: CREATE ROLE … LOGIN."),
    ("no pg_hba.conf entry", "The server does not let this user in from here: add a line to its pg_hba.conf."),
    ('database ".*" does not exist|no such database', "Check the name in DATABASE_URL, or create the database."),
    (
        "permission denied for (schema|database)|no schema has been selected",
        "The role needs more rights. Make it the owner of the database: ALTER DATABASE … OWNER TO …; or GRANT CONNECT "
        "ON DATABASE and GRANT USAGE, CREATE ON SCHEMA to it. A schema that search_path names must exist.",
    ),
    ("permission denied|must be owner of", "The role needs more rights: let the owner of the tables run the command."),
    ("SSL|certificate", "Check sslmode and sslrootcert in DATABASE_URL against what the server offers."),
    ("or later is required", "Move to a newer PostgreSQL."),
    (
        "read-only|hot standby|standby mode",
        "This server takes no writes: name the primary in DATABASE_URL, or all hosts and target_session_attrs=primary. "
        "If it is the primary: ALTER ROLE … or ALTER DATABASE … RESET default_transaction_read_only.",
    ),
    ("due to lock timeout", "Another session holds a lock that this needs: try again when that session has ended."),
    (
        "due to .*timeout",
        "The role or the database allows too little time: ALTER ROLE … or ALTER DATABASE … RESET the timeout.",
    ),
    ("too many|remaining connection slots", "No connection is free: raise max_connections, or use a pooler."),
    ("starting up|shutting down|in recovery", "The server is starting or stopping: try again in a moment."),
    ("unrecognized configuration|invalid (value|integer value|\\w+ value)", "Check the options in DATABASE_URL."),
    ("not currently accepting connections", "Allow connections to it: ALTER DATABASE … ALLOW_CONNECTIONS true."),
    ("resolve host|translate host", "Check the host in DATABASE_URL."),
    ("No such file or directory", "No PostgreSQL listens at this socket: check the host in DATABASE_URL."),
    ("refused", "Nothing listens there: check host and port in DATABASE_URL, and whether PostgreSQL runs."),
    ("timeout|timed out|unreachable|No route", "Check the host in DATABASE_URL, and the firewall in front of it."),
)  # fmt: skip
OTHERWISE = "Check host, name and password in DATABASE_URL, and whether PostgreSQL runs."


def cause_and_advice(error: BaseException, url: str = "DATABASE_URL") -> tuple[str, str]:
    """The line of the error's text that tells the cause, and what to do. `url` says which URL was used."""
    lines = _text(error).strip().splitlines() or [type(error).__name__]
    for pattern, advice in ADVICE:
        for line in lines:
            if re.search(pattern, line):
                return _short(line), advice.replace("DATABASE_URL", url)
    return _short(lines[0]), OTHERWISE.replace("DATABASE_URL", url)


def error_line(error: BaseException) -> str:
    """The line of the database's text that tells the cause. It may name host, database and user, but no password."""
    return cause_and_advice(error)[0]


def explained(error: BaseException, url: str = "DATABASE_URL") -> str:
    """What is wrong and what to do, in one line."""
    cause, advice = cause_and_advice(error, url)
    return f"The database: {cause}. {advice}"


def of_rights(error: BaseException) -> bool:
    """Whether the role may not do what was tried."""
    return isinstance(error.__cause__, errors.InsufficientPrivilege) or isinstance(error, MigrationSchemaMissing)


def _text(error: BaseException) -> str:
    # Django wraps the error if it cannot create its table of migrations.
    return str(error.__context__ if isinstance(error, MigrationSchemaMissing) else error)


def _short(line: str) -> str:
    """Without what libpq and psycopg put in front, which names the address of each attempt, and without a full stop.

    For a terminal: a server may say anything.
    """
    return one_line(re.sub(r"^- host: .*?: (?=connection )|FATAL:\s+", "", line.strip()).rstrip("."))
