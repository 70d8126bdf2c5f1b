"""The OpenAPI document and its viewers are the same for every query and thread, and cost little."""

import subprocess
import sys

import pytest
from django.conf import settings

from tests.support.accounts import client
from tests.support.wsgi_client import thread_seconds


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize("form", ["json", "yaml"])
def test_only_language_and_format_change_the_document(language: str, form: str) -> None:
    expected = client().get(f"/schema?format={form}", HTTP_ACCEPT_LANGUAGE=language)

    for value in ("ru-x1", "%0d%0aX-Forged:1", "%00", "é", "9" * 4000):
        answer = client().get(f"/schema?format={form}&lang={value}&version={value}", HTTP_ACCEPT_LANGUAGE=language)

        assert answer.status_code == 200
        assert answer.content == expected.content
        assert answer["Content-Language"] == language
        assert answer["Content-Disposition"] == f'inline; filename="inviting_app.{form}"'


@pytest.mark.parametrize("path", ["/docs", "/docs?script=", "/redoc"])
def test_viewers_pass_nothing_of_their_query_on(path: str) -> None:
    separator = "&" if "?" in path else "?"

    answer = client().get(f"{path}{separator}lang=ru-x1&version=%0d%0aX&script_url=x")

    assert b"ru-x1" not in answer.content and b"X=" not in answer.content
    assert answer.status_code == 200


# Making the document takes 25 ms and more. A busy machine takes up to 3 ms to read the longest of these headers.
@pytest.mark.parametrize("accept", ["application/json", "a/b," * 2000, "a/b;" + "x=1;" * 2000, "*/*," * 2000])
def test_document_costs_little(accept: str) -> None:
    client().get("/schema")

    assert thread_seconds(lambda: client().get("/schema?lang=ru-x1", HTTP_ACCEPT=accept)) < 0.01


# A thread for each format and language, in a process that has made no document yet.
AT_ONCE = """
import django; django.setup()
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from django.test import RequestFactory
from api import docs
start = Barrier(8)
def ask(number):
    start.wait()
    request = RequestFactory().get("/schema", {"format": ["json", "yaml"][number % 2]})
    return docs.schema(request).status_code
with ThreadPoolExecutor(8) as pool:
    print(set(pool.map(ask, range(8))))
"""


@pytest.mark.long
def test_first_document_may_be_asked_for_by_threads_at_once() -> None:
    done = subprocess.run([sys.executable, "-c", AT_ONCE], cwd=settings.BASE_DIR, capture_output=True, text=True)

    assert done.stdout == "{200}\n", done.stderr
