"""Much bad input to all paths: no server error, no header that cannot be written, and few statements with limits.

Signed in to the admin as a superuser and as an operator with all permissions to view, and as nobody. EXAMPLES is how
many requests each of them sends.
"""

import gc
import logging
import re
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import Permission
from django.db import connection, transaction
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from profiles import daily_counts
from tests.support.accounts import SignedInUser
from tests.support.environment import THOROUGH
from tests.support.hostile_inputs import CONTENT_TYPES
from tests.support.operators import operator
from tests.support.site_paths import patterns
from tests.support.wsgi_client import Answer, call
from users.models import User
from users.queries import database_now

EXAMPLES = 25_000 if THOROUGH else 100
# Seconds of processor time for one request, and statements: a few times what the slowest page takes.
SLOW_SECONDS = 1.0
MOST_STATEMENTS = 80
# New objects after which garbage is collected, between two requests: with those of all examples that takes a second.
GARBAGE = 200_000


def listed(name: str) -> list[str]:
    return Path(__file__).parents[1].joinpath("support", f"hostile_{name}.txt").read_text().split()


# Values of parameters, of parts of paths and of headers: right ones, nearly right ones, and garbage.
WORDS = [
    *listed("words"),
    *("", " ", "\0", "1\0", "\r\nX-Forged: 1", "\n", "\t", "\x7f\x85", "\u2028", "\ud800", "\U0001f600"),
    *("9" * length for length in (10, 19, 30, 5000)),
    *(letters * 300 for letters in ("a", "a,", "en-", "-", "/", "%", "\ufdfa")),
]
METHODS = [*["GET"] * 5, *["POST"] * 4, "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "X"]
SECRET = "a" * 32

words = st.sampled_from(WORDS) | st.text(max_size=20)
forms = st.dictionaries(st.sampled_from(listed("fields")) | words, words, max_size=5)
kinds = st.sampled_from(["application/x-www-form-urlencoded"] * 3 + CONTENT_TYPES)


def as_header(text: str) -> str:
    """As a web server decodes it: each byte is a character, and there are no line ends."""
    return re.sub(r"[\r\n\0]", "", text.encode("utf-8", "replace").decode("latin-1"))


headers = st.dictionaries(st.sampled_from(listed("headers")).map("HTTP_{}".format), words.map(as_header), max_size=3)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """No log lines: pytest would keep one for each request. No garbage collection within a request that is timed."""
    logging.disable(logging.INFO)
    gc.disable()
    yield
    gc.enable()
    logging.disable(logging.NOTSET)


@pytest.fixture(params=["nobody", "operator", "superuser"])
def session(request: pytest.FixtureRequest, alice: SignedInUser, bob: SignedInUser) -> str:
    """The cookies of somebody. There are a few rows of most tables."""
    alice.activate(bob.code)
    if request.param == "nobody":
        return f"csrftoken={SECRET}"
    worker = operator("9991119998", is_superuser=request.param == "superuser")
    worker.user_permissions.set(Permission.objects.filter(codename__regex="view|export|change_user"))
    browser = Client()
    browser.force_login(User.objects.get(pk=worker.pk))
    daily_counts.store(database_now())  # as the worker does
    return f"sessionid={browser.cookies['sessionid'].value}; csrftoken={SECRET}"


class Pages:
    """Sends requests and rolls back what they wrote."""

    def __init__(self, cookies: str) -> None:
        self.cookies = cookies

    def send(self, method: str, path: str, query: str, body: bytes, given: dict[str, str]) -> tuple[Answer, int]:
        statements: list[str] = []

        def counted(execute: Any, sql: str, *rest: Any) -> Any:
            statements.append(sql)
            return execute(sql, *rest)

        own = {"HTTP_COOKIE": self.cookies, "HTTP_X_CSRFTOKEN": SECRET, "QUERY_STRING": query}
        with transaction.atomic(), connection.execute_wrapper(counted):
            answer = call(method, path, body=body, **{**own, **given})
            transaction.set_rollback(True)
        assert all(map(is_limited, statements)), [one for one in statements if not is_limited(one)]
        return answer, len(statements)


def is_limited(sql: str) -> bool:
    """Whether a statement that reads a large table names its rows, or how many there may be."""
    if not sql.startswith("SELECT") or not re.search(r'FROM "(users|profiles|procrastinate|django_admin)_', sql):
        return True
    if 'FROM "profiles_webhookendpoint"' in sql:  # as many rows as operators make
        return True
    of_days = '"profiles_day"' in sql or re.search('"created_at" >= .* AND .*"created_at" < ', sql)
    names = "id|job_id|object_id|public_id|invite_code|phone|user_id|group_id|session_id|invitee_id|name"
    of_rows = rf'LIMIT|"(?:{names})"\)? (?:=|IN) '
    return bool(of_days or re.search(of_rows, sql))


@pytest.mark.long
@pytest.mark.thorough
@pytest.mark.django_db
def test_any_request_gets_a_valid_response(session: str) -> None:
    pages = Pages(session)
    everywhere = patterns()

    @settings(
        max_examples=EXAMPLES,
        derandomize=not THOROUGH,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],  # looking for a shorter example takes minutes
    )
    @given(
        st.sampled_from(METHODS),
        st.sampled_from(everywhere),
        st.tuples(words, words, words),
        forms,
        forms,
        kinds,
        headers,
    )
    def send(method: str, path: str, places: Any, query: Any, form: Any, kind: str, given: dict[str, str]) -> None:
        path = path.format(*places).encode("utf-8", "surrogatepass").decode("latin-1")
        body = urlencode(form, errors="surrogatepass").encode()
        if gc.get_count()[0] > GARBAGE:
            gc.collect()
        started = time.thread_time()
        answer, statements = pages.send(
            method, path, urlencode(query, errors="surrogatepass"), body, {"CONTENT_TYPE": kind, **given}
        )

        assert answer.status < 500
        assert statements <= MOST_STATEMENTS
        assert time.thread_time() - started < SLOW_SECONDS

    send()


@pytest.mark.long
@pytest.mark.django_db
@pytest.mark.parametrize("session", ["superuser"], indirect=True)
@pytest.mark.parametrize("path", ["users/user/1/change/", "users/smsgateway/x/delete/", "auth/group/1/history/"])
def test_empty_name_of_a_field_is_none(session: str, path: str) -> None:
    answer, _ = Pages(session).send("GET", f"/admin/{path}", "_to_field=", b"", {})

    assert answer.status < 500


PAGES = ["/nowhere", "/i/K7M4QZ", "/admin/nowhere/", "/sms/receipts/x", "/problems/x", "/admin/"]
UNREADABLE = [b"a=" + b"%25" * 600, b"--b\r\n" + b"a" * 2000, b"a=b&" * 2000, b"x"]
FORMS = ["multipart/form-data; boundary=b", "application/x-www-form-urlencoded"]


@pytest.mark.long
@pytest.mark.django_db
@pytest.mark.parametrize("session", ["nobody", "superuser"], indirect=True)
def test_form_that_cannot_be_read_is_no_server_error(session: str) -> None:
    pages = Pages(session)

    for path, body, kind in product(PAGES, UNREADABLE, FORMS):
        answer, _ = pages.send("POST", path, "", body, {"CONTENT_TYPE": kind, "HTTP_X_CSRFTOKEN": ""})
        assert 400 <= answer.status < 500, (path, body, kind)
