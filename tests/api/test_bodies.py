"""Bodies and their headers in the forms that RFC 9110 allows and that clients send."""

import gzip
import json
from typing import Any

import pytest

from tests.support.wsgi_client import Answer, call

pytestmark = pytest.mark.django_db

SIGNUP = "/api/auth/signup"
JSON, FORM, PARTS = "application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"
MARK = b"\xef\xbb\xbf"
BODIES = {
    JSON: b'{"phone": "9991234567"}',
    FORM: b"phone=9991234567",
    PARTS: b'--b\r\nContent-Disposition: form-data; name="phone"\r\n\r\n9991234567\r\n--b--\r\n',
}


def post(body: bytes, content_type: str = JSON, **headers: str) -> Answer:
    more: Any = {"CONTENT_TYPE": content_type, **headers}
    return call("POST", SIGNUP, body=body, **more)


@pytest.mark.parametrize(("content_type", "body"), BODIES.items())
def test_byte_order_mark_is_ignored(content_type: str, body: bytes) -> None:
    assert post(MARK + body, content_type).status == 200


def test_second_byte_order_mark_is_not_json() -> None:
    answer = post(MARK + MARK + BODIES[JSON])

    assert (answer.status, answer.code) == (400, "invalid")


def test_body_of_a_mark_alone_is_not_json() -> None:
    answer = post(MARK)

    assert (answer.status, answer.code) == (400, "invalid")
    assert "line 1, column 1" in json.loads(answer.body)["errors"][0]["detail"]


@pytest.mark.parametrize(
    "parameter",
    ["; charset=utf-8", ";charset=UTF-8", " ; charset=\"utf-8\"", "; charset=utf8", "; charset=iso-8859-1",
     "; charset=windows-1251", "; charset=utf-16", "; charset=unknown-8bit", "; charset=", "; charset", ";", "; ;",
     "; charset=utf-8; charset=latin-1", "; version=1; charset=utf-8", "; profile=\"a;b\"", "; charset='utf-8'",
     "; charset=\xff", "; charset*=utf-8''utf-8"],
)  # fmt: skip
@pytest.mark.parametrize("content_type", BODIES)
def test_parameters_of_the_content_type_change_nothing(content_type: str, parameter: str) -> None:
    assert post(BODIES[content_type], f"{content_type}{parameter}").status == 200


@pytest.mark.parametrize("content_type", ["Application/JSON", "APPLICATION/JSON; CHARSET=UTF-8", " application/json "])
def test_type_is_read_in_any_case(content_type: str) -> None:
    assert post(BODIES[JSON], content_type).status == 200


@pytest.mark.parametrize("form", ["Application/X-WWW-Form-Urlencoded", "Multipart/Form-Data; Boundary=b"])
def test_type_of_a_form_is_read_in_any_case(form: str) -> None:
    assert post(BODIES[FORM if "App" in form else PARTS], form).status == 200


@pytest.mark.parametrize(
    "content_type", ["text/plain", "text/json", "application/xml", "application/problem+json", "x"]
)
def test_other_type_is_refused(content_type: str) -> None:
    answer = post(BODIES[JSON], content_type)

    assert (answer.status, answer.code) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "accept",
    ["*/*", "application/json", "application/problem+json", "text/html", "image/png", "application/xml;q=0.9",
     "application/*", "text/event-stream", "application/json;version=2", "", ",", "nonsense", "a/b/c", "*", "\xff\x00",
     "application/json;q=0", "x" * 5000, "application/json; indent=4"],
)  # fmt: skip
def test_accept_is_not_negotiated(accept: str) -> None:
    done, refused = post(BODIES[JSON], HTTP_ACCEPT=accept), post(b"{}", HTTP_ACCEPT=accept)
    unknown = call("GET", "/api/nowhere", HTTP_ACCEPT=accept)

    assert (done.status, done.headers["Content-Type"]) == (200, "application/json")
    assert (refused.status, refused.code) == (400, "invalid")
    assert (unknown.status, unknown.code) == (404, "not_found")


@pytest.mark.parametrize("coding", ["gzip", "br", "GZIP", "identity, gzip", "unknown"])
@pytest.mark.parametrize("content_type", BODIES)
def test_compressed_body_is_refused_as_such(content_type: str, coding: str) -> None:
    answer = post(gzip.compress(BODIES[content_type]), content_type, HTTP_CONTENT_ENCODING=coding)

    assert (answer.status, answer.code) == (415, "unsupported_media_type")
    assert "Content-Encoding" in json.loads(answer.body)["detail"]


@pytest.mark.parametrize("body", [BODIES[JSON], b' \n{"phone": "9991234567"}', MARK + BODIES[JSON], b'["9991234567"]'])
def test_json_that_is_sent_as_a_form_is_refused_as_such(body: bytes) -> None:
    answer = post(body, FORM)

    assert (answer.status, answer.code) == (400, "invalid")
    assert "as its Content-Type says" in json.loads(answer.body)["errors"][0]["detail"]


@pytest.mark.parametrize(("language", "detail"), [("en", "Send a JSON object."), ("ru", "Здесь нужен объект JSON")])
@pytest.mark.parametrize("body", [b"[]", b"1", b'"9991234567"'])
def test_other_json_than_an_object_is_refused_in_words(body: bytes, language: str, detail: str) -> None:
    answer = post(body, HTTP_ACCEPT_LANGUAGE=language)

    assert (answer.status, answer.code) == (400, "invalid")
    assert json.loads(answer.body)["errors"][0]["detail"].startswith(detail)


@pytest.mark.parametrize("coding", ["", "identity", "Identity"])
def test_body_that_is_said_not_to_be_compressed_is_read(coding: str) -> None:
    assert post(BODIES[JSON], HTTP_CONTENT_ENCODING=coding).status == 200


ODD = [
    "\xff\xfe",
    "\x00",
    "é".encode().decode("latin-1"),
    "\u2028".encode().decode("latin-1"),
    "a" * 8000,
    "%00",
    '"',
    "",
]


@pytest.mark.parametrize("value", ODD)
@pytest.mark.parametrize(
    "header",
    ["ACCEPT_LANGUAGE", "X_REQUEST_ID", "USER_AGENT", "ORIGIN", "REFERER", "COOKIE", "AUTHORIZATION", "FORWARDED",
     "X_FORWARDED_FOR", "X_FORWARDED_PROTO", "X_FORWARDED_HOST", "SEC_FETCH_SITE", "IF_NONE_MATCH", "RANGE"],
)  # fmt: skip
def test_odd_bytes_in_a_header_cause_no_server_error(settings: Any, header: str, value: str) -> None:
    settings.TRUSTED_PROXIES = 1
    more: Any = {f"HTTP_{header}": value}

    answer = post(BODIES[JSON], **more)
    page = call("GET", "/problems", **more)

    assert answer.status == (403 if header == "ORIGIN" and value else 200)
    assert page.status == 200
    assert all("\n" not in text and text.isascii() for text in answer.headers.values())


@pytest.mark.parametrize("path", ["/api", "/api/", "//api/auth/signup", "///api/nowhere", "/API/auth/signup", "/Api"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_misspelt_path_of_the_api_is_a_problem(method: str, path: str) -> None:
    answer = call(method, path)

    assert (answer.status, answer.code) == (404, "not_found")


@pytest.mark.parametrize("path", ["/apis", "/i/api/", "/nowhere"])
def test_other_path_that_leads_nowhere_is_a_page(path: str) -> None:
    answer = call("GET", path)

    assert answer.status == 404
    assert answer.headers["Content-Type"].startswith("text/html")
