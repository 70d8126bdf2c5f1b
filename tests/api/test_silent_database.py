"""Nothing waits long for a server that hangs while its kernel goes on acknowledging packets."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from django.db import Error, OperationalError, close_old_connections, connection, transaction

from inviting_app import probes
from inviting_app.management.commands import worker
from tests.support.accounts import SignedInUser, client
from tests.support.outages import (
    Cable,
    assert_unavailable,
    backend,
    error_response,
    read_only,
    silent_hosts,
    stopped,
)
from tests.support.service import patience
from users import deadline
from users.models import Device
from users.outages import is_outage
from users.queries import database_now

# The limit of these tests, and what may pass until a request has its answer.
LIMIT, AT_MOST = 0.6, 1.8


@pytest.fixture(autouse=True)
def heard() -> None:
    """No silence of another test counts."""
    deadline.silence("default").end()
    connection._silent_until.clear()


@pytest.fixture
def limited(transactional_db: None) -> Iterator[None]:
    with deadline.within(LIMIT):
        yield


def seconds(call: Callable[[], object]) -> float:
    began = time.monotonic()
    call()
    return time.monotonic() - began


def test_limits_are_below_those_that_are_promised() -> None:
    assert 2 < deadline.SECONDS + deadline.LOOK_SECONDS < 5


def test_request_is_refused_and_the_next_one_gets_another_connection(limited: None, alice: SignedInUser) -> None:
    api = client(HTTP_AUTHORIZATION=f"Bearer {alice.token}")
    former = backend()

    with stopped(former):
        began = time.monotonic()
        refused = api.get("/api/v1/profiles/me")
        took = time.monotonic() - began
        close_old_connections()  # as Django does between two requests
        again = api.get("/api/v1/profiles/me")

    assert_unavailable(refused)
    assert took < AT_MOST
    assert again.status_code == 200
    assert backend() != former


def test_one_silent_statement_shortens_the_limit_of_the_others(transactional_db: None) -> None:
    def read() -> None:
        with deadline.within(60), pytest.raises(OperationalError), connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(3)")

    backend()
    deadline.silence("default").begin()
    assert seconds(read) < deadline.SECONDS_OF_SILENCE + AT_MOST
    connection.close()


def test_only_one_thread_tries_to_connect_to_a_silent_server(address: dict[str, Any]) -> None:
    deadline.silence("default").begin()
    with deadline.within(deadline.SECONDS):
        with deadline.silence("default").attempt(), pytest.raises(OperationalError, match="another thread"):
            connection.ensure_connection()
        connection.ensure_connection()  # it answers again


def test_commit_is_limited(limited: None, alice: SignedInUser) -> None:
    def commit() -> None:
        with pytest.raises(OperationalError), transaction.atomic():
            Device.objects.update(user_agent="another")
            hold.enter_context(stopped(backend()))

    with ExitStack() as hold:
        assert seconds(commit) < AT_MOST
    connection.close()


def test_slow_statement_without_a_limit_is_waited_for(limited: None) -> None:
    with deadline.within(None), connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(%s)", [LIMIT + 2 * deadline.LOOK_SECONDS])


def test_process_is_not_ready_while_its_connection_hangs(transactional_db: None) -> None:
    with stopped(backend()):
        began = time.monotonic()
        refused = client().get("/readyz")
        took = time.monotonic() - began
    connection.close()

    assert refused.status_code == 503
    assert took < 2 * patience()


@pytest.fixture
def address(transactional_db: None) -> Iterator[dict[str, Any]]:
    """Where the connections of this test go."""
    connection.close()
    at = connection.settings_dict
    before = {name: at[name] for name in ("HOST", "PORT")} | {"OPTIONS": at["OPTIONS"]}
    at["OPTIONS"] = {**at["OPTIONS"], "connect_timeout": 2}
    yield at
    connection.close()
    at.update(before)


@pytest.mark.long
def test_process_is_not_ready_while_no_server_takes_its_connection(address: dict[str, Any]) -> None:
    with silent_hosts(1) as ports:
        address.update(HOST="127.0.0.1", PORT=ports)
        assert seconds(lambda: client().get("/readyz")) < 2 * patience()


@pytest.mark.long
def test_process_is_ready_only_while_its_database_is_reached(
    address: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probes, "FRESH_SECONDS", 0)

    def status() -> int:
        return client().get("/readyz").status_code

    with ExitStack() as stack:
        cable = Cable(stack)
        address.update(HOST="127.0.0.1", PORT=str(cable.port))
        assert status() == 200

        cable.plugged.clear()
        assert [status(), status()] == [503, 503], "neither on the connection that it has nor on a new one"

        cable.plugged.set()
        assert status() == 200


def test_transaction_that_has_lost_its_connection_waits_for_no_other_one(address: dict[str, Any]) -> None:
    with ExitStack() as stack:
        cable = Cable(stack)
        address.update(HOST="127.0.0.1", PORT=str(cable.port))
        database_now()

        cable.plugged.clear()
        began = time.monotonic()
        with deadline.within(0.3), pytest.raises(OperationalError), transaction.atomic():
            database_now()
        assert time.monotonic() - began < 2, "a new connection takes two seconds to fail"

        cable.plugged.set()
        with transaction.atomic():
            database_now()
        assert connection.get_autocommit()


# What came from a PgBouncer whose server ended: its error and then PgBouncer's own, or a part of it.
ENDED = error_response("57P01", "terminating connection due to administrator command")
CRASHED = error_response("08P01", "server conn crashed?")


@pytest.mark.parametrize(
    "said", [ENDED, ENDED + CRASHED, CRASHED[:10], b"?"], ids=["once", "twice", "in part", "rubbish"]
)
def test_transaction_that_cannot_begin_has_lost_its_connection(address: dict[str, Any], said: bytes) -> None:
    with ExitStack() as stack:
        cable = Cable(stack)
        address.update(HOST="127.0.0.1", PORT=str(cable.port))
        database_now()

        cable.said = said
        with pytest.raises(Error) as raised, transaction.atomic():
            database_now()
        close_old_connections()  # as Django does between two requests

        assert is_outage(raised.value)
        database_now()


@pytest.mark.long
def test_worker_goes_to_the_host_that_answered(address: dict[str, Any]) -> None:
    answering = {"host": address["HOST"], "port": int(address["PORT"] or 5432)}
    with silent_hosts(1) as port, deadline.within(deadline.SECONDS):
        address.update(HOST=f"127.0.0.1,{answering['host']}", PORT=f"{port},{answering['port']}")
        assert worker._wait_for_database() == answering


def test_silent_host_is_passed_over_and_not_tried_first_again(address: dict[str, Any]) -> None:
    with silent_hosts(1) as port, deadline.within(deadline.SECONDS):
        address.update(HOST=f"127.0.0.1,{address['HOST']}", PORT=f"{port},{address['PORT'] or 5432}")
        first = seconds(connection.ensure_connection)
        connection.close()
        second = seconds(connection.ensure_connection)

    assert first < 5 * patience()
    assert second < 1 * patience()


@pytest.mark.long
def test_silent_host_is_not_waited_for_while_another_one_takes_no_writes(address: dict[str, Any]) -> None:
    """As after a primary is cut off: its standbys answer, and one of them becomes the new primary."""

    def connect() -> None:
        with pytest.raises(OperationalError):
            connection.ensure_connection()

    address["OPTIONS"] |= {"target_session_attrs": "read-write"}
    with silent_hosts(1) as port, deadline.within(deadline.SECONDS):
        with read_only():
            address.update(HOST=f"127.0.0.1,{address['HOST']}", PORT=f"{port},{address['PORT'] or 5432}")
            connect()
            with deadline.silence("default").attempt(), pytest.raises(OperationalError, match="another thread"):
                connection.ensure_connection()
            again = seconds(connect)
        after = seconds(connection.ensure_connection)

    assert again < 1 * patience()
    assert after < 1 * patience()


@pytest.mark.long
def test_silence_of_all_hosts_is_not_waited_for(address: dict[str, Any]) -> None:
    def connect() -> None:
        with pytest.raises(OperationalError):
            connection.ensure_connection()

    with silent_hosts(3) as ports, deadline.within(deadline.SECONDS):
        address.update(HOST="127.0.0.1,127.0.0.1,127.0.0.1", PORT=ports)
        assert seconds(connect) < 5 * patience()
