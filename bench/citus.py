"""What the service can do on a Citus that you have installed: `python -m bench.citus URL [TABLE[:COLUMN]...]`.

URL is that of a new, empty database on the coordinator, where the role may make tables and `CREATE EXTENSION citus` was
run. The tables are made by the service's migrations. Each TABLE that you name is then spread: with a COLUMN over the
workers by that column, without one as a copy on each of them. For instance, people and what is read with them as
copies, and the rows of sign-ins spread (docs/scale.md):

    python -m bench.citus URL users_user profiles_profile profiles_activation users_device users_logincode:user_id

Then the service's own functions are called: people sign up, get their SMS, sign in, vote, read, erase themselves, and
the worker and the staff do their work. A probe that fails shows the database's first line. It does not stop the others,
but those that need its result fail, too. On a PostgreSQL without Citus the probes only test themselves, and all of
them must succeed. The status is 1 if anything failed.
"""

import argparse
import logging
import os
import sys
import warnings
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any

import psycopg


@dataclass
class Report:
    """Runs steps, prints a line for each, in Markdown, and counts those that failed."""

    failed: int = 0

    def step(self, name: str, call: Callable[[], Any]) -> None:
        try:
            result = call()
            outcome = "ok" if result is None or result else "FAILED: nothing was found or changed"
        except Exception as error:
            cause = error.__cause__ if isinstance(error.__cause__, psycopg.Error) else error
            state = getattr(cause, "sqlstate", None) or type(cause).__name__
            outcome = f"FAILED: {state} {next(iter(str(cause).splitlines()), '')}"
        self.failed += outcome != "ok"
        print(f"| {name} | {outcome} |", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", metavar="URL", help="of an empty database: postgresql://user:password@host/name")
    parser.add_argument("tables", nargs="*", metavar="TABLE[:COLUMN]", help="to spread by a column, or to copy")
    options = parser.parse_args()
    try:
        connection = psycopg.connect(options.url, autocommit=True)
    except psycopg.Error as error:
        parser.error(f"the database: {str(error).splitlines()[0]}")
    with closing(connection) as database:
        if database.execute("SELECT to_regclass('users_user') IS NOT NULL").fetchone() == (True,):
            parser.error("the database is not empty: make a new one")
        has_citus = print_server(database)
        if options.tables and not has_citus:
            parser.error("there is no Citus here that could spread tables")
        use(options.url)
        report = Report()
        print("\n| Step | Result |\n|---|---|")
        report.step("migrate", migrate)
        for table in options.tables:
            report.step(f"spread {table}", partial(spread, database, *table.partition(":")[::2]))
    probe(report)
    print(f"\n{report.failed} of the steps failed.")
    if not has_citus:
        print("This was no Citus: the result says nothing about one.")
    return int(report.failed > 0)


def print_server(database: psycopg.Connection[Any]) -> bool:
    """Say what the server is. Returns whether it has Citus."""
    (version,) = database.execute("SHOW server_version").fetchone() or ("?",)
    found = database.execute("SELECT extversion FROM pg_extension WHERE extname = 'citus'").fetchone()
    if not found:
        print(f"PostgreSQL {version} WITHOUT Citus: the probes only test themselves.")
        return False
    nodes = database.execute(
        "SELECT nodename, nodeport, noderole, isactive FROM pg_dist_node ORDER BY nodeid"
    ).fetchall()
    print(f"PostgreSQL {version} with Citus {found[0]}, nodes: {nodes or 'none, so nothing can be spread'}")
    return True


def spread(database: psycopg.Connection[Any], table: str, column: str) -> None:
    if column:
        database.execute("SELECT create_distributed_table(%s, %s)", [table, column])
    else:
        database.execute("SELECT create_reference_table(%s)", [table])


def use(url: str) -> None:
    """Make it the database of this process, with limits that the probes do not reach."""
    own = {
        "DATABASE_URL": url,
        "SECRET_KEY": "a key for probes, which signs nothing else",
        "SITE_URL": "http://localhost",
    }
    os.environ.update(
        own
        | {"SMS_GATEWAYS": "webhook://localhost/"}
        | dict.fromkeys(["WORKER_DATABASE_URL", "OWNER_DATABASE_URL", "REPLICA_URL"], "")
    )
    import django

    django.setup()
    # Only the table is printed, without the lines of each request.
    logging.disable()
    warnings.simplefilter("ignore", UserWarning)


def migrate() -> None:
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)


def probe(report: Report) -> None:
    from bench.citus_probes import Probes

    for name, call in Probes().all():
        report.step(name, call)


if __name__ == "__main__":
    sys.exit(main())
