"""The admin's lists, home page and exports, and the staff's list, are read from a standby. All else is not."""

import re
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import Group, Permission
from django.db import connection, connections, router, transaction
from django.test import Client

from inviting_app.ops import checks_database
from inviting_app.ops.embedded import Embedded
from tests.support.accounts import SignedInUser, client, registered
from tests.support.doctor import only
from tests.support.outages import stopped
from tests.support.service import patience
from tests.support.standby import Standby, standby_of
from users import deadline, replica
from users.models import User

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "replica"]),
    pytest.mark.skipif(not django_settings.EMBEDDED_POSTGRES, reason="the standby is one of the tests' own server"),
]

LIST = "/admin/users/user/"


@pytest.fixture(scope="module")
def standby(django_db_setup: None) -> Iterator[Standby]:
    """A standby, as the alias `replica`. Django empties no mirror of another database."""
    with standby_of(Embedded(django_settings.DATA_DIR)) as running, pytest.MonkeyPatch.context() as patch:
        here = connection.settings_dict
        at = running.at(here["NAME"])
        where = {
            "HOST": at["host"],
            "PORT": at["port"],
            "USER": at["user"],
            "TEST": {**here["TEST"], "MIRROR": "default"},
        }
        patch.setitem(connections.databases, "replica", {**here, **where})
        yield running
        connections["replica"].close()
        del connections["replica"]


class Replica:
    """The standby, and a session in which its replay can be paused."""

    def __init__(self, standby: Standby) -> None:
        self.process = standby.process
        self.session = psycopg.connect(**standby.at(connection.settings_dict["NAME"]), autocommit=True)

    def catch_up(self) -> None:
        with connection.cursor() as cursor:
            # The tests' commits do not wait for the log. This one does.
            cursor.execute("SET synchronous_commit = local")
            cursor.execute("SELECT pg_logical_emit_message(true, 'test', '')")
            cursor.execute("RESET synchronous_commit")
            cursor.execute("SELECT pg_current_wal_lsn()::text")
            (here,) = cursor.fetchone()
        while not self.session.execute("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", [here]).fetchone()[0]:  # type: ignore[index]
            time.sleep(0.01)

    def pause(self) -> None:
        self.catch_up()
        self.session.execute("SELECT pg_wal_replay_pause()")
        while self.session.execute("SELECT pg_get_wal_replay_pause_state()").fetchone() != ("paused",):
            time.sleep(0.01)


@pytest.fixture
def paused(standby: Standby, operator: Client, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Replica]:
    """A replica that stays as it is now, except that its age is that of now."""
    monkeypatch.setattr(router, "routers", [replica.Router()])
    monkeypatch.setattr(replica._Standby, "left_alone_until", 0.0)
    settings.REPLICA_DATABASE = "replica"
    found, before = Replica(standby), {**connections["replica"].settings_dict}
    found.pause()
    yield found
    found.session.execute("SELECT pg_wal_replay_resume()")
    found.session.close()
    connections["replica"].close()
    connections["replica"].settings_dict.update(before)


@pytest.fixture
def operator(transactional_db: None, staff: SignedInUser) -> Client:
    browser = Client()
    browser.force_login(User.objects.get(phone=f"+7{staff.phone}"), "django.contrib.auth.backends.ModelBackend")
    return browser


def test_list_is_read_from_the_replica_and_says_how_old_it_is(operator: Client, paused: Replica) -> None:
    registered("9995550001")

    page = operator.get(LIST).content.decode()

    assert "Read from the replica. Its data is" in page
    assert "+7***9999" in page
    assert "+7***0001" not in page


def test_home_page_and_export_are_read_from_the_replica(operator: Client, paused: Replica) -> None:
    registered("9995550001")

    home, file = operator.get("/admin/").content.decode(), operator.post(f"{LIST}export/", {"format": "csv"})

    assert "Read from the replica. Its data is" in home
    assert len(file.getvalue().decode().splitlines()) == 2  # the heading, and the operator


def test_staffs_list_is_read_from_the_replica(staff: SignedInUser, paused: Replica) -> None:
    registered("9995550001")

    answer = client(HTTP_AUTHORIZATION=f"Bearer {staff.token}").get("/api/v1/profiles")

    assert len(answer.json()["results"]) == 1
    assert 0 <= int(answer["X-Data-Age"]) <= replica.OLDEST_SECONDS


def test_own_requests_and_the_authentication_are_not(operator: Client, paused: Replica, alice: SignedInUser) -> None:
    """Neither Alice nor her session is on the replica."""
    own = client(HTTP_AUTHORIZATION=f"Bearer {alice.token}").get("/api/v1/profiles/me")

    assert own.status_code == 200
    User.objects.filter(is_staff=True).update(is_active=False)
    assert operator.get(LIST).status_code == 302  # to the log-in


def test_what_follows_a_write_is_read_from_the_primary(paused: Replica) -> None:
    def read(age: int | None) -> tuple[int, int, int]:
        with transaction.atomic():
            inside = User.objects.count()
        before = User.objects.count()
        User.objects.filter(is_staff=True).update(is_staff=False)
        return inside, before, User.objects.count()

    registered("9995550001")

    assert replica.read(read) == (2, 1, 2)


@pytest.mark.parametrize("silent", [True, False])
def test_primary_is_read_while_the_replica_is_away(operator: Client, paused: Replica, silent: bool) -> None:
    registered("9995550001")
    operator.get(LIST)  # so that there is a connection
    backend = connections["replica"].connection.info.backend_pid
    if not silent:
        connections["replica"].close()
        connections["replica"].settings_dict["PORT"] = "1"

    with stopped(*([backend] if silent else [])):
        began = time.monotonic()
        first, second = operator.get(LIST).content.decode(), operator.get(LIST).content.decode()
        took = time.monotonic() - began

    assert "+7***0001" in first and "+7***0001" in second
    assert "Read from the replica" not in first + second
    assert took < 3 * patience()


def test_primary_is_read_while_the_replica_lags(
    operator: Client, paused: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    registered("9995550001")
    monkeypatch.setattr(replica, "OLDEST_SECONDS", -1.0)

    assert "+7***0001" in operator.get(LIST).content.decode()
    assert re.search(r"is not read: its data is \d+ s old", only(checks_database.replica_database()).msg)


def test_primary_has_more_time_to_answer_than_the_replica(paused: Replica) -> None:
    """After a second, a busy primary would be taken for silent, and all its users would meet short limits."""
    limits = []

    def noted(execute: Any, *statement: Any) -> Any:
        limits.append(deadline.seconds())
        return execute(*statement)

    with deadline.within(deadline.SECONDS), connection.execute_wrapper(noted):
        assert replica.read(lambda age: age) is not None

    assert limits == [deadline.SECONDS]


def test_connection_to_a_former_standby_is_not_kept(paused: Replica, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a failover it is the primary, and another host of REPLICA_URL is a standby."""
    connections["replica"].close()
    where = connections["replica"].settings_dict
    standby, primary = {**where}, connection.settings_dict

    for at, is_read in ((primary, False), (standby, True)):
        where.update(at)
        monkeypatch.setattr(replica._Standby, "left_alone_until", 0.0)
        assert (replica.read(lambda age: age) is not None) == is_read


def test_replica_that_is_none_is_reported(paused: Replica) -> None:
    assert list(checks_database.replica_database()) == []
    connections["replica"].close()
    connections["replica"].settings_dict.update(connection.settings_dict)

    assert "it is no standby" in only(checks_database.replica_database()).msg


def test_standby_of_another_database_is_not_read(operator: Client, paused: Replica) -> None:
    """An operator must not see the people of another site."""
    registered("9995550001")
    connections["replica"].close()
    connections["replica"].settings_dict["NAME"] = "postgres"

    assert "+7***0001" in operator.get(LIST).content.decode()
    assert "a standby of another database" in only(checks_database.replica_database()).msg


@pytest.mark.parametrize(("came_by", "goes_by"), [("owner", "owner"), ("replica", "default"), (None, "default")])
def test_related_rows_are_written_by_the_connection_of_their_row(paused: Replica, came_by: Any, goes_by: str) -> None:
    """`migrate` writes as the owner, who is another role."""
    group = Group()
    group._state.db = came_by

    assert router.db_for_write(Permission, instance=group) == router.db_for_read(Permission, instance=group) == goes_by
