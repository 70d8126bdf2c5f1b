"""Cookies that take Python long to read, with which any client could stop the service."""

import pytest

from tests.support.wsgi_client import call, quickly

pytestmark = pytest.mark.django_db

# What fits into the lines of a head that nginx takes. The server joins them.
ESCAPES = {
    "backslashes": "\\" * 24_000,
    "escaped quotes": '\\"' * 12_000,
    "octal": "\\0" * 12_000,
    "octal, whole": "\\012" * 6_000,
}


@pytest.mark.parametrize("path", ["/", "/api/v1/voting", "/admin/login/", "/nowhere"])
@pytest.mark.parametrize("value", ESCAPES.values(), ids=ESCAPES)
def test_escaped_cookie_is_left_out_at_once(value: str, path: str) -> None:
    cookies = f'before=1; hostile="{value}"; django_language=ru'

    answer = quickly(lambda: call("GET", path, HTTP_COOKIE=cookies))

    assert answer.status == (404 if path == "/nowhere" else 200)
    assert answer.headers["Content-Language"] == "ru"
