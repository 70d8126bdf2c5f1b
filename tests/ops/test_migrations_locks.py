"""Migrations lock no table in use: squawk (squawkhq.com) finds statements that would."""

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader

OURS = {"users", "profiles"}
# Of PostgreSQL, as docs/operations.md and the doctor say.
OLDEST_VERSION = "15"

LEFT_OUT = {
    "prefer-robust-stmts",  # Django knows what was applied, and a migration that is not atomic drops its index first
    "prefer-text-field",  # the models say how long a text may be; what makes it longer locks for a moment only
    "prefer-bigint-over-int",  # counts of one user's things
    "prefer-bigint-over-smallint",
    "require-statement-timeout",  # lock_timeout bounds the waiting; an index of a large table may take its time
}


def statements(loader: MigrationLoader, migration: Any) -> str:
    """The SQL of a migration with the settings of the connection that applies it."""
    sql = "\n".join(loader.collect_sql([(migration, False)]))
    return f"BEGIN;\n{sql}\nCOMMIT;" if migration.atomic else sql


def findings(folder: Path, scripts: dict[str, str]) -> dict[str, set[str]]:
    """The findings of squawk, by script."""
    for name, sql in scripts.items():
        folder.joinpath(f"{name}.sql").write_text(f"SET lock_timeout = '2s';\n{sql}\n")
    squawk = Path(sys.executable).with_name("squawk")
    command = [squawk, "--reporter=json", f"--pg-version={OLDEST_VERSION}", f"--exclude={','.join(LEFT_OUT)}"]
    told = subprocess.run([*command, *folder.glob("*.sql")], capture_output=True, text=True)
    found: dict[str, set[str]] = defaultdict(set)
    for finding in json.loads(told.stdout):
        found[Path(finding["file"]).stem].add(finding["rule_name"])
    return found


def waits(sql: str) -> Iterator[tuple[str, bool]]:
    """Each statement, and whether it waits for locks without a limit."""
    limit = "2s"
    for statement in sql.splitlines():
        if statement.startswith("SET lock_timeout"):
            limit = statement.rpartition("=")[2].strip(" ';")
        yield statement, limit == "0"


def endless(sql: str) -> list[str]:
    """The statements that could wait for a lock for ever and block everything behind them."""
    return [
        statement
        for statement, is_endless in waits(sql)
        if is_endless and not statement.startswith(("SET", "--")) and "CONCURRENTLY" not in statement
    ]


def hurried(sql: str) -> list[str]:
    """The statements that wait for every open transaction, and give up after a limit. A backup would stop them."""
    return [statement for statement, is_endless in waits(sql) if not is_endless and "CONCURRENTLY" in statement]


@pytest.fixture
def scripts(transactional_db: None) -> dict[str, str]:
    """The SQL of the migrations after the first release."""
    loader = MigrationLoader(connection)
    later = [loader.graph.nodes[key] for key in loader.disk_migrations]
    return {str(one): statements(loader, one) for one in later if one.app_label in OURS and not one.initial}


def test_later_migrations_lock_no_table_in_use(scripts: dict[str, str], tmp_path: Path) -> None:
    found = findings(tmp_path, scripts)

    assert len(scripts) >= 6
    assert found == {}
    assert {name: endless(sql) for name, sql in scripts.items() if endless(sql)} == {}


@pytest.mark.parametrize("is_backwards", [False, True])
def test_indexes_are_built_without_limit_on_the_way_back_too(transactional_db: None, is_backwards: bool) -> None:
    """Reversed operations run from last to first. Earlier migrations have it wrong, and stay as they are."""
    loader = MigrationLoader(connection)
    sql = "\n".join(loader.collect_sql([(loader.graph.nodes["users", "0034_indexes_of_networks"], is_backwards)]))

    assert not hurried(sql) and not endless(f"{sql}\nSELECT")


LOCKING = {
    "index": "CREATE INDEX some ON users_user (created_at);",
    "column": "ALTER TABLE users_user ADD COLUMN nick text NOT NULL;",
    "type": "ALTER TABLE users_user ALTER COLUMN id TYPE numeric;",
    "not_null": "ALTER TABLE users_user ALTER COLUMN phone SET NOT NULL;",
    "check": "ALTER TABLE users_user ADD CONSTRAINT some CHECK (phone <> '');",
    "unique": "ALTER TABLE users_user ADD CONSTRAINT some UNIQUE (created_at);",
    "reference": "ALTER TABLE users_user ADD CONSTRAINT some FOREIGN KEY (id) REFERENCES profiles_profile (user_id);",
}


def test_statement_that_locks_a_table_in_use_is_found(tmp_path: Path) -> None:
    found = findings(tmp_path, LOCKING)

    assert set(LOCKING) - set(found) == set()
    assert endless("SET lock_timeout = 0;\nALTER TABLE users_user ADD COLUMN nick text;")
