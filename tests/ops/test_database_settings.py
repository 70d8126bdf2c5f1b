"""What a role, a database or a URL sets for its sessions does not change what the service reads, or has its advice."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.core.management import call_command
from django.db import Error, connection
from psycopg import sql

from inviting_app import env, settings_database
from inviting_app.ops import database_errors
from tests.support.backups import another_session
from tests.support.doctor import doctor
from tests.support.service import patience
from users import deadline

pytestmark = pytest.mark.django_db(transaction=True)

ODD = {
    "DateStyle": "German, DMY",
    "IntervalStyle": "sql_standard",
    "TimeZone": "Asia/Kolkata",
    "extra_float_digits": "-15",
    "bytea_output": "escape",
    "standard_conforming_strings": "off",
    "client_encoding": "KOI8R",
    "row_security": "off",
    "default_transaction_isolation": "serializable",
}
READ = """
SELECT timestamptz '2026-02-03 04:05:06.789+00', interval '-1 day 2:03', 1 / 3::float8, '\\x00ff'::bytea, 'é',
       current_setting('transaction_isolation')
"""


@pytest.fixture
def odd_database() -> Iterator[None]:
    """Sessions of the database of this test begin with these settings."""
    name = connection.settings_dict["NAME"]
    connection.close()
    with another_session() as other:
        other.autocommit = True
        for setting, value in ODD.items():
            other.execute(f'ALTER DATABASE "{name}" SET {setting} = {sql.quote(value)}')
        yield
        other.execute(f'ALTER DATABASE "{name}" RESET ALL')
    connection.close()


def test_settings_of_the_database_do_not_change_what_is_read(odd_database: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(READ)
        moment, length, third, octets, text, isolation = cursor.fetchone()

    assert moment == datetime(2026, 2, 3, 4, 5, 6, 789000, UTC)
    assert length == timedelta(days=-1, hours=2, minutes=3)
    assert (third, bytes(octets), text, isolation) == (1 / 3, b"\x00\xff", "é", "read committed")


def test_settings_of_the_database_do_not_stop_a_command(odd_database: None) -> None:
    call_command("migrate", verbosity=0, interactive=False)
    connection.close()

    assert "could not be checked" not in doctor()[1]


def test_options_of_the_url_do_not_change_what_is_read() -> None:
    query = "options=-cDateStyle%3DSQL%20-cIntervalStyle%3Diso_8601%20-cwork_mem%3D5MB"
    options = settings_database._database(env.database(f"postgresql://h/n?{query}"))["OPTIONS"]["options"]

    with another_session() as session:
        at = session.info.get_parameters()
        with psycopg.connect(**{**at, "options": options, "password": session.info.password}) as other:
            found = [other.execute(f"SHOW {name}").fetchone() for name in ("DateStyle", "IntervalStyle", "work_mem")]

    assert found == [("ISO, MDY",), ("postgres",), ("5MB",)]


ADVICE = {
    "statement_timeout = '1ms'; SELECT pg_sleep(1)": "RESET the timeout",
    "transaction_read_only = on; CREATE TABLE t ()": "RESET default_transaction_read_only",
    "lock_timeout = '1ms'; LOCK TABLE users_user": "Another session holds a lock",
}


@pytest.mark.parametrize("statements", ADVICE)
def test_limit_of_a_session_has_its_advice(statements: str) -> None:
    with another_session() as holder, another_session() as other:
        holder.execute("LOCK TABLE users_user IN ACCESS SHARE MODE")
        with pytest.raises(psycopg.Error) as refused:
            other.execute(f"SET {statements}")
        other.rollback()

    assert ADVICE[statements] in database_errors.explained(refused.value)


@pytest.mark.parametrize(("query", "seconds"), [("", 2), ("connect_timeout=9", "9")])
def test_standby_that_is_silent_is_given_up_soon(query: str, seconds: int | str) -> None:
    where = env.database(f"postgresql://h/n?{query}")

    assert settings_database._standby(where)["OPTIONS"]["connect_timeout"] == seconds


def test_statement_that_was_given_up_ends_in_the_server(transactional_db: None) -> None:
    """It went on as long as it took. Who repeated a slow one took all connections, within half a minute."""
    with deadline.within(0.3), pytest.raises(Error), connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(60) AS given_up")
    deadline.silence("default").end()
    connection.close()

    left = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%%given_up' AND state = 'active'"
    until = time.monotonic() + 5 * patience()
    with connection.cursor() as cursor:
        while cursor.execute(left).fetchone() != (0,):
            assert time.monotonic() < until
            time.sleep(0.1)
