"""While the database is unavailable or a lock is not granted, the response is 503 with `Retry-After`."""

import logging
import math
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import close_old_connections, connection, transaction

from inviting_app import probes
from inviting_app.ops import migrations
from tests.support.accounts import client, registered
from tests.support.backups import another_session
from tests.support.outages import assert_unavailable, backend
from tests.support.receipts import SITE, path
from users.login import devices, tokens
from users.queries import lock_user

ME = "/api/v1/profiles/me"


@pytest.fixture
def token(transactional_db: None) -> str:
    profile = registered("9991110001")
    with transaction.atomic():
        user, now = lock_user(profile.pk)
        return tokens.issue(devices.start_session(user, None, "", now)[0]).token


@pytest.fixture
def no_database(token: str) -> Iterator[None]:
    """No database answers, as after its host went down."""
    connection.close()
    port = connection.settings_dict["PORT"]
    connection.settings_dict["PORT"] = "1"
    yield
    connection.settings_dict["PORT"] = port
    connection.close()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("get", ME, None),
        ("post", ME, {"activated_invite": "AAAAAA"}),
        ("get", f"{ME}/invitations", None),
        ("post", "/api/auth/signup", {"phone": "9991234567"}),
        ("post", "/api/auth/login", {"code": "0000", "phone": "9991234567"}),
    ],
)
def test_request_without_a_database_may_be_repeated(
    token: str, no_database: None, method: str, path: str, body: Any
) -> None:
    answer = getattr(client(HTTP_AUTHORIZATION=f"Bearer {token}"), method)(path, body)

    assert_unavailable(answer)


def test_receipt_without_a_database_is_repeated_by_its_provider(settings: Any, no_database: None) -> None:
    settings.SITE_URL, settings.SMS_GATEWAYS = SITE, ["webhook://me:hunter2@127.0.0.1:9/sms"]

    answer = client().post(path(), {"id": "a-1", "status": "delivered"})

    assert (answer.status_code, answer["Retry-After"]) == (503, "5")


def test_refused_request_has_one_line_in_the_log(
    token: str, no_database: None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    client(HTTP_AUTHORIZATION=f"Bearer {token}").get(ME)

    (line,) = [record.getMessage() for record in caplog.records]
    assert re.fullmatch(rf"GET {ME} 503 [0-9.]+ ms OperationalError", line)


def test_process_without_a_database_is_live_and_not_ready(no_database: None) -> None:
    live, ready = client().get("/livez"), client().get("/readyz")

    assert (live.status_code, live.json()) == (200, {"status": "ok"})
    assert (ready.status_code, ready.json()) == (503, {"status": "unavailable"})
    assert ready["Content-Type"] == "application/json"
    assert "no-store" in ready["Cache-Control"]


def test_bad_request_is_refused_as_such_without_a_database(no_database: None) -> None:
    answers = [client().post("/api/auth/signup", {"phone": "1"}), client().get("/api/nowhere"), client().get(ME)]

    assert [answer.status_code for answer in answers] == [400, 404, 401]


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_both_probes_succeed_with_a_database(path: str) -> None:
    answer = client().get(path)

    assert (answer.status_code, answer.json()["status"]) == (200, "ok")
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.django_db
def test_process_that_drains_is_not_ready_although_it_serves(settings: Any, tmp_path: Path) -> None:
    settings.DRAIN_FILE = str(tmp_path / "draining")
    before = client().get("/readyz").status_code
    Path(settings.DRAIN_FILE).touch()

    ready, live = client().get("/readyz"), client().get("/livez")

    assert (before, ready.status_code, live.status_code) == (200, 503, 200)
    assert ready.json() == {"status": "unavailable", "reason": "draining"}
    assert "no-store" in ready["Cache-Control"]


def test_service_is_ready_only_with_the_migrations_of_its_version(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probes, "migrated", False)
    newest = max(name for name in migrations.known() if name.startswith("users."))
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE django_migrations SET app = 'gone' WHERE app = 'users' AND name = %s",
            [newest.removeprefix("users.")],
        )
        older = client().get("/readyz")
        cursor.execute("UPDATE django_migrations SET app = 'users' WHERE app = 'gone'")
        cursor.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('users', '9999_wings', now())")
        newer = client().get("/readyz")
        cursor.execute("DELETE FROM django_migrations WHERE name = '9999_wings'")

    assert older.status_code == 503
    assert f"{newest}: run `manage.py migrate`" in older.json()["reason"]
    assert newer.status_code == 200


@pytest.mark.django_db
def test_ready_process_does_not_look_for_migrations_again(django_assert_num_queries: Any) -> None:
    client().get("/readyz")

    with django_assert_num_queries(1):
        client().get("/readyz")


def end(process: int) -> None:
    with another_session() as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [process])


@pytest.mark.django_db
def test_probes_of_strangers_write_five_times_a_second_at_most(
    monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    monkeypatch.setattr(probes, "FRESH_SECONDS", 60)
    monkeypatch.setattr(probes, "ready_at", -math.inf)
    first = client().get("/readyz")

    with django_assert_num_queries(0):
        assert client().get("/readyz").json() == first.json()


def test_connection_that_the_server_has_ended_is_replaced_before_a_request_uses_it(token: str) -> None:
    former = backend()
    end(former)

    assert client(HTTP_AUTHORIZATION=f"Bearer {token}").get(ME).status_code == 200
    assert backend() != former


def test_connection_that_ends_during_a_request_is_replaced_for_the_next(token: str) -> None:
    api = client(HTTP_AUTHORIZATION=f"Bearer {token}")
    former = backend()

    def end_first(execute: Any, *statement: Any) -> Any:
        end(former)
        return execute(*statement)

    with connection.execute_wrapper(end_first):
        cut = api.get(ME)
    close_old_connections()  # as Django does between two requests

    assert_unavailable(cut)
    assert api.get(ME).status_code == 200


def test_live_connection_is_kept(token: str) -> None:
    former = backend()

    assert client(HTTP_AUTHORIZATION=f"Bearer {token}").get(ME).status_code == 200
    assert backend() == former


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "value"), [("plan_cache_mode", "force_generic_plan"), ("jit", "off"), ("random_page_cost", "1.1")]
)
def test_options_of_the_planner_reach_the_server(name: str, value: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting(%s)", [name])
        assert cursor.fetchone() == (value,)


def test_neither_end_keeps_a_connection_to_a_silent_peer() -> None:
    options = connection.settings_dict["OPTIONS"]
    asked = dict(part.split("=") for part in shlex.split(options["options"].replace("-c", "")))

    theirs = _seconds_until_given_up(asked, "tcp_keepalives_")
    ours = _seconds_until_given_up(options, "keepalives_")

    assert ours <= theirs <= 10
    assert asked["tcp_user_timeout"] == "10s"


def _seconds_until_given_up(of: dict[str, Any], prefix: str) -> int:
    idle, interval, count = (int(of[f"{prefix}{name}"]) for name in ("idle", "interval", "count"))
    return idle + interval * count


@pytest.fixture
def somebody_holds_the_lock(token: str) -> Iterator[None]:
    with another_session() as other:
        other.execute("SELECT 1 FROM users_user WHERE phone = '+79991110001' FOR UPDATE")
        yield
        other.rollback()


def test_lock_that_is_not_granted_in_time_is_a_503(token: str, somebody_holds_the_lock: None) -> None:
    activated = client(HTTP_AUTHORIZATION=f"Bearer {token}").post(ME, {"activated_invite": "AAAAAA"})

    assert_unavailable(activated)


def test_readers_do_not_wait_for_the_lock(token: str, somebody_holds_the_lock: None) -> None:
    read = client(HTTP_AUTHORIZATION=f"Bearer {token}").get(ME)

    assert read.status_code == 200
