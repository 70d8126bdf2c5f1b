"""Bodies without a length, as gunicorn passes them to the application."""

import json
from io import BytesIO
from typing import Any

import pytest
from django.conf import settings

from tests.support.wsgi_client import Answer, call

pytestmark = pytest.mark.django_db

SIGNUP = "/api/auth/signup"


def chunked(body: bytes) -> Answer:
    read: Any = {
        "CONTENT_LENGTH": "",
        "CONTENT_TYPE": "application/json",
        "HTTP_TRANSFER_ENCODING": "chunked",
        "wsgi.input": BytesIO(body),
    }
    return call("POST", SIGNUP, **read)


def test_chunked_body_is_read() -> None:
    answer = chunked(b'{"phone": "9991234567"}'.ljust(settings.BODY_MAX_BYTES))

    assert answer.status == 200
    assert json.loads(answer.body)["challenge_id"]


def test_chunked_body_above_the_limit_is_refused() -> None:
    answer = chunked(b'{"phone": "9991234567"}'.ljust(settings.BODY_MAX_BYTES + 1))

    assert (answer.status, answer.code) == (413, "payload_too_large")


def test_chunked_body_is_read_up_to_the_limit_only() -> None:
    body = BytesIO(b" " * (settings.BODY_MAX_BYTES * 2))
    read: Any = {"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": "", "wsgi.input": body}

    call("POST", SIGNUP, **read)

    assert body.tell() == settings.BODY_MAX_BYTES + 1
