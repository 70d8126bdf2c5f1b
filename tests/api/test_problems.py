"""The API refuses any bad request with an RFC 9457 problem, and never with a server error."""

import re
from typing import Any

import pytest
from rest_framework.test import APIClient

from api.problem_codes import PROBLEMS
from tests.support.accounts import SignedInUser, client
from users.models import User

pytestmark = pytest.mark.django_db

SIGNUP = "/api/auth/signup"
ME = "/api/v1/profiles/me"
JSON = "application/json"
PARTS = "multipart/form-data"
FORM = "application/x-www-form-urlencoded"
OPEN = [SIGNUP, "/api/auth/login", "/api/auth/refresh", "/api/auth/logout"]


def problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    """The body of a problem, after its form was checked."""
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["type"] == f"http://localhost:8000/problems/{code}"
    assert (body["status"], body["code"], body["title"]) == (status, code, PROBLEMS[code].title)
    assert body["detail"] and body["request_id"] == answer["X-Request-ID"]
    assert answer["Cache-Control"] == "no-store"
    assert ("retry_after" in body) == answer.has_header("Retry-After")
    assert (status == 401) == answer.has_header("WWW-Authenticate")
    return body


def post(path: str, body: bytes | str, content_type: str = JSON, **headers: Any) -> Any:
    return client().generic("POST", path, body, content_type=content_type, **headers)


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete", "head", "options"])
@pytest.mark.parametrize(
    "path", ["/api/", "/api/v2", "/api/auth", "/api/auth/signup/x", "/api/v1/profiles/x", "/api/v1/devices/-1"]
)
def test_unknown_path_is_not_found(path: str, method: str) -> None:
    answer = getattr(APIClient(enforce_csrf_checks=True), method)(path)

    if method == "head":
        assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
    else:
        problem(answer, 404, "not_found")


@pytest.mark.parametrize(
    "path", ["%00", "%ff%fe", "%0d%0aX: y", "%ed%a0%80", "../etc", "..%2f..", "//", "a" * 8000, "😀", "v1/devices/١"]
)
def test_garbage_path_is_not_found(path: str) -> None:
    problem(client().get(f"/api/{path}"), 404, "not_found")


@pytest.mark.parametrize("path", [*OPEN, f"{SIGNUP}/"])
@pytest.mark.parametrize("method", ["get", "put", "patch", "delete", "options"])
def test_wrong_method_is_refused_with_the_allowed_ones(path: str, method: str) -> None:
    answer = getattr(client(), method)(path)

    problem(answer, 405, "method_not_allowed")
    assert "POST" in answer["Allow"]
    assert method.upper() not in answer["Allow"].split(", ")


@pytest.mark.parametrize(
    ("path", "allowed"),
    [(ME, {"GET", "HEAD", "POST", "DELETE"}), (f"{ME}/export", {"GET", "HEAD"}), ("/api/v1/devices/1", {"DELETE"})],
)
def test_allow_names_the_methods_that_exist(alice: SignedInUser, path: str, allowed: set[str]) -> None:
    answer = alice.api.put(path, {})

    problem(answer, 405, "method_not_allowed")
    assert set(answer["Allow"].split(", ")) == allowed


BROKEN = [
    b"{", b"{'phone': 1}", b"nonsense", b"\xff\xfe", b'{"phone": "\xff"}', b"\xef\xbb\xbf", b"\0", b'{"phone": NaN}',
    b'{"phone": Infinity}', b'{"phone": 1e}', b"[" * 60_000, b'{"a":' * 12_000, b'{"phone": ' + b"9" * 5000 + b"}",
]  # fmt: skip


@pytest.mark.parametrize("path", OPEN)
@pytest.mark.parametrize("body", BROKEN, ids=range(len(BROKEN)))
def test_broken_json_is_invalid(path: str, body: bytes) -> None:
    errors = problem(post(path, body), 400, "invalid")["errors"]

    assert [(error["field"], error["code"]) for error in errors] == [("", "parse_error")]


@pytest.mark.parametrize("path", OPEN)
@pytest.mark.parametrize("body", [b"[]", b"null", b"1", b'"text"', b"true", b"[{}]", b"{}", b""])
def test_body_of_another_type_is_invalid(path: str, body: bytes) -> None:
    errors = problem(post(path, body), 400, "invalid")["errors"]

    assert all(set(error) == {"field", "code", "detail"} for error in errors)
    assert errors


VALUES = [
    'null', 'true', '""', '" "', "[]", "{}", '["9991234567"]', '"\\u0000"', '"999\\u0000123"', '"\\ud800"', "1e400",
    '"' + "9" * 3000 + '"', "9" * 4000, "-1", "0.5", '"\\u202e"', '{"a": {"b": [1]}}',
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
@pytest.mark.parametrize(
    ("path", "field"),
    [(SIGNUP, "phone"), ("/api/auth/login", "code"), ("/api/auth/refresh", "refresh"), ("/api/auth/logout", "refresh")],
)
def test_garbage_value_is_refused_and_creates_nothing(path: str, field: str, value: str) -> None:
    answer = post(path, f'{{"{field}": {value}}}')

    body = problem(answer, answer.status_code, answer.json()["code"])
    assert body["code"] in {"invalid", "invalid_phone", "token_invalid"}
    assert not User.objects.exists()


@pytest.mark.parametrize("field", ["device_token", "challenge_id"])
@pytest.mark.parametrize("value", ['"\\u0000"', '"\\ud800"', "1", "[]", "{}", "true", '"' + "x" * 65 + '"'])
def test_garbage_in_an_optional_field_is_named(field: str, value: str) -> None:
    answer = post(SIGNUP, f'{{"phone": "9991234567", "{field}": {value}}}')

    assert [error["field"] for error in problem(answer, 400, "invalid")["errors"]] == [field]
    assert not User.objects.exists()


@pytest.mark.parametrize("cookie", ['"\\000"', '"\\377"', "x" * 3000, "é", '"', "%00"])
def test_garbage_cookie_changes_nothing(cookie: str) -> None:
    asked = post(SIGNUP, '{"phone": "9991234567"}', HTTP_COOKIE=f"challenge={cookie}")
    answer = post("/api/auth/login", '{"code": "0000"}', HTTP_COOKIE=f"challenge={cookie}")

    assert asked.status_code == 200
    problem(answer, 400, "invalid_code")


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "text/html; charset=utf-8", "x", "a/b/c"])
def test_other_content_type_is_unsupported(content_type: str) -> None:
    problem(post(SIGNUP, '{"phone": "9991234567"}', content_type), 415, "unsupported_media_type")


@pytest.mark.parametrize("charset", ["hex", "base64", "rot13", "zlib", "undefined", "idna", "punycode", "utf-7", "no"])
@pytest.mark.parametrize("content_type", [JSON, FORM])
def test_unknown_charset_causes_no_server_error(content_type: str, charset: str) -> None:
    answer = post(SIGNUP, b"phone=1&\xff=2", f"{content_type}; charset={charset}")

    problem(answer, answer.status_code, answer.json()["code"])
    assert answer.status_code in (400, 415)


@pytest.mark.parametrize("charset", ["hex", "base64", "rot13", "undefined", "idna", "utf-7", "utf-16", "no"])
def test_unknown_charset_of_a_query_causes_no_server_error(staff: SignedInUser, charset: str) -> None:
    content_type = f"{FORM}; charset={charset}"

    for path in (ME, f"{ME}/invitations", "/api/v1/profiles"):
        answer = staff.api.get(path, {"cursor": "x", "phone": "1"}, CONTENT_TYPE=content_type)

        assert answer.status_code in (200, 400, 415)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (PARTS, b"x"),
        (f"{PARTS}; boundary=", b"x"),
        (f"{PARTS}; boundary=a", b'--a\r\nContent-Disposition: form-data; name="phone"\r\n\r\n\xff\r\n--a--'),
        (f"{PARTS}; boundary=a", b'--a\r\nContent-Disposition: form-data; name="phone"; filename=a\r\n\r\n1\r\n--a--'),
        (FORM, b"&".join(b"a%d=1" % n for n in range(1200))),
        (FORM, b"phone=%00&phone=%ff"),
        (FORM, b"phone=" + b"9" * 3000),
    ],
    ids=range(7),
)  # fmt: skip
def test_broken_form_is_invalid(content_type: str, body: bytes) -> None:
    answer = post(SIGNUP, body, content_type)

    problem(answer, 400, answer.json()["code"])
    assert answer.json()["code"] in {"invalid", "invalid_phone"}


@pytest.mark.parametrize("path", [SIGNUP, ME, "/api/nowhere"])
def test_oversized_body_is_refused_unread(path: str) -> None:
    problem(post(path, b" " * (64 * 1024 + 1)), 413, "payload_too_large")


def test_body_of_exactly_the_limit_is_read() -> None:
    assert post(SIGNUP, b'{"phone": "9991234567"}'.ljust(64 * 1024)).status_code == 200


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "image/*", "text/*;q=0.5", "", "nonsense/"])
def test_api_responds_with_json_for_any_accept_header(alice: SignedInUser, accept: str) -> None:
    assert alice.api.get(ME, HTTP_ACCEPT=accept)["Content-Type"] == "application/json"
    problem(client().get(ME, HTTP_ACCEPT=accept), 401, "not_authenticated")


TOKENS = ["", "x", "a.b.c", "\xff", "é" * 10, "x" * 9000, ".".join("[[["), "Bearer x", "eyJhbGciOiJub25lIn0.e30."]


@pytest.mark.parametrize("token", TOKENS)
def test_garbage_token_is_invalid(token: str) -> None:
    answer = client().get(ME, HTTP_AUTHORIZATION=f"Bearer {token}")

    problem(answer, 401, answer.json()["code"])
    assert answer.json()["code"] in {"token_invalid", "not_authenticated"}
    assert re.match("Bearer ", answer["WWW-Authenticate"])


@pytest.mark.parametrize("header", ["Basic YTpi", "Token x", "bearer", "", "\0"])
def test_other_authorization_schemes_are_ignored(header: str) -> None:
    problem(
        client().get(ME, HTTP_AUTHORIZATION=header), 401, client().get(ME, HTTP_AUTHORIZATION=header).json()["code"]
    )


RUBBISH = [
    (SIGNUP, b"{", JSON), (SIGNUP, b'{"phone": NaN}', JSON), (SIGNUP, b"null", JSON), (SIGNUP, b"[]", JSON),
    (SIGNUP, b"x", PARTS), (SIGNUP, b"{}", f"{JSON}; charset=hex"), (SIGNUP, b"{}", JSON),
    *((SIGNUP, f'{{"phone": {value}}}'.encode(), JSON) for value in ("null", "true", '""', '"\\u0000"', '"\\ud800"')),
    (SIGNUP, b'{"phone": "%s", "device_token": "%s", "challenge_id": 1}' % (b"9" * 99, b"x" * 99), JSON),
    *(("/api/auth/login", f'{{"code": {value}}}'.encode(), JSON) for value in ("1", '"1"', '""', '"\\ud800"')),
]  # fmt: skip
QUERIES = ["has_activated=x", "created_after=x", "created_after=9999-12-31T23:59:59-12:00", "ordering=x", "cursor=x"]


def test_field_error_is_in_the_requested_language(staff: SignedInUser) -> None:
    """Russian after English: a text must not keep the language of the first request."""
    for language, foreign in (("en", "[а-яё]"), ("ru", "[A-Za-z]{4,}")):
        header = {"HTTP_ACCEPT_LANGUAGE": language}
        answers = [post(*sent, **header) for sent in RUBBISH]
        answers += [staff.api.get(f"/api/v1/profiles?{query}", **header) for query in QUERIES]

        details = [error["detail"] for answer in answers for error in problem(answer, 400, "invalid")["errors"]]

        assert len(details) > len(answers)
        for detail in details:
            assert not re.search(foreign, re.sub("JSON|Content-Type|true|false|YYYY.*|U[+]D800", "", detail)), detail
