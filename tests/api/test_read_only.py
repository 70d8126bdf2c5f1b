"""A server that takes no writes, such as a former primary after a failover, is one that is away."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import IntegrityError, close_old_connections, connection
from django.http import Http404
from django.test import Client
from psycopg import errors

from tests.support.accounts import SignedInUser, client
from tests.support.outages import assert_unavailable, backend, read_only
from users.models import User
from users.outages import is_outage
from users.sms.causes import cause_of


@pytest.fixture
def operator(transactional_db: None, staff: SignedInUser) -> Client:
    """The browser of an operator who has logged in."""
    browser = Client(raise_request_exception=False, headers={"Accept-Language": "ru"})
    browser.force_login(User.objects.get(phone=f"+7{staff.phone}"), "django.contrib.auth.backends.ModelBackend")
    return browser


@pytest.fixture
def former_primary(operator: Client) -> Iterator[None]:
    """The connection of this thread is to a server that takes no writes. The next one will not be."""
    connection.close()
    with read_only():
        connection.ensure_connection()
    yield
    connection.close()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("post", "/api/v1/profiles/me", {"activated_invite": "AAAAAA"}),
        ("post", "/api/auth/signup", {"phone": "9991234567"}),
        ("delete", "/api/v1/devices", None),
    ],
)
def test_write_is_refused_and_the_next_request_gets_another_connection(
    staff: SignedInUser, former_primary: None, method: str, path: str, body: Any
) -> None:
    former = backend()
    api = client(HTTP_AUTHORIZATION=f"Bearer {staff.token}")

    refused = getattr(api, method)(path, body)
    close_old_connections()  # as Django does between two requests

    assert_unavailable(refused)
    assert backend() != former
    assert getattr(api, method)(path, body).status_code < 500


def assert_page_is_unavailable(answer: Any) -> None:
    assert (answer.status_code, answer["Retry-After"], answer["Cache-Control"]) == (503, "5", "no-store")
    assert "Сервис недоступен" in answer.content.decode()


def test_page_whose_view_writes_is_refused_in_words_for_people(operator: Client, former_primary: None) -> None:
    said = {"username": "9991119999", "password": "no password of an operator"}

    assert_page_is_unavailable(operator.post("/admin/login/", said))


def test_page_whose_session_is_saved_is_refused_too(operator: Client, former_primary: None, settings: Any) -> None:
    """A middleware saves it, after the view."""
    settings.SESSION_SAVE_EVERY_REQUEST = True

    assert_page_is_unavailable(operator.get("/admin/"))


def test_server_that_takes_no_writes_is_not_ready(former_primary: None) -> None:
    refused = client().get("/readyz")

    assert (refused.status_code, refused.json()) == (503, {"status": "unavailable"})
    assert client().get("/readyz").status_code == 200


@pytest.mark.parametrize("state", ["08006", "08P01", "25006", "25P03", "25P04", "40001", "53100", "53300", "55P03",
    "57P01", "57P02", "57P03", "57P04", "57P05", "58030"])  # fmt: skip
def test_states_of_a_server_that_cannot_serve_now_are_outages(state: str) -> None:
    error, raised = errors.lookup(state)(), Http404()
    raised.__cause__ = error

    assert is_outage(error) and is_outage(raised)


@pytest.mark.parametrize("kind", [psycopg.InternalError, psycopg.DatabaseError])
def test_errors_that_are_not_of_the_server_are_outages(kind: type[Exception]) -> None:
    """psycopg raises them for answers that make no sense, and for those that libpq makes up after a loss."""
    assert is_outage(kind("received 2 results from command 'COMMIT'"))


@pytest.mark.parametrize("state", ["23505", "25P02", "42501", "42P01", "XX000"])
def test_states_of_a_defect_are_no_outages(state: str) -> None:
    assert not is_outage(errors.lookup(state)())


@pytest.mark.parametrize("kind", [psycopg.ProgrammingError, psycopg.DataError, psycopg.NotSupportedError])
def test_errors_of_the_caller_are_no_outages(kind: type[Exception]) -> None:
    assert not is_outage(kind("the query has 1 placeholder but 0 parameters were passed"))


def test_errors_that_led_to_each_other_are_looked_at_once() -> None:
    """procrastinate makes such a ring: it raises the driver's error while it handles Django's, whose cause that is."""
    of_the_driver, of_django = errors.UniqueViolation(), IntegrityError()
    of_the_driver.__context__, of_django.__cause__ = of_django, of_the_driver

    assert not is_outage(of_django)
    assert cause_of(of_django) is None
