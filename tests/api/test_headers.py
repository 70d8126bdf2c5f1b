"""The headers of every response."""

import re
from typing import Any

import pytest
from django.http import StreamingHttpResponse
from django.test import Client, RequestFactory

from api.middleware import RequestContextMiddleware
from api.problem_codes import PROBLEMS
from tests.support.accounts import SignedInUser, client
from tests.support.wsgi_client import call

pytestmark = pytest.mark.django_db

ME = "/api/v1/profiles/me"
SIGNUP = "/api/auth/signup"
ORIGIN = "https://client.example.org"


@pytest.mark.parametrize(
    "given",
    ["request8", "a-b_c-D9", "x" * 64, "0AF7651916CD43DD8448EB211C80319C", "6f1c2b7a-9d3e-4c5f-8a6b-0d1e2f3a4b5c"],
)
def test_request_id_of_the_client_is_kept(given: str) -> None:
    answer = client().get(ME, HTTP_X_REQUEST_ID=given)

    assert answer["X-Request-ID"] == answer.json()["request_id"] == given


@pytest.mark.parametrize(
    "given", ["", "short", "0" * 65, "12345678 ", "1234\n5678", "12345678é", "١٢٣٤٥٦٧٨", "a;b=cdefg"]
)
def test_request_id_that_is_not_well_formed_is_replaced(given: str) -> None:
    answer = client().get(ME, HTTP_X_REQUEST_ID=given)

    assert re.fullmatch("[0-9a-f]{32}", answer["X-Request-ID"])
    assert answer.json()["request_id"] == answer["X-Request-ID"]


def test_request_ids_differ() -> None:
    ids = {client().get(ME)["X-Request-ID"] for _ in range(5)}

    assert len(ids) == 5


@pytest.mark.parametrize("path", [ME, SIGNUP, "/api/nowhere", "/livez", "/readyz", "/docs", "/schema", "/nowhere"])
def test_every_response_has_security_headers(path: str) -> None:
    answer = client().get(path)

    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
    assert "X-Request-ID" in answer


@pytest.mark.parametrize("path", ["/", "/docs", "/redoc", "/admin/login/", "/nowhere"])
def test_pages_have_more_security_headers(path: str) -> None:
    answer = client().get(path)

    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"


@pytest.mark.parametrize("path", [ME, "/livez"])
def test_hsts_is_sent_over_tls_only(path: str, settings: Any) -> None:
    settings.SECURE_HSTS_SECONDS = 1000

    assert client().get(path, secure=True)["Strict-Transport-Security"] == "max-age=1000"
    assert "Strict-Transport-Security" not in client().get(path)


def test_response_has_its_language_and_length(alice: SignedInUser) -> None:
    answer = alice.api.get(ME, HTTP_ACCEPT_LANGUAGE="ru")
    refused = client().get(ME)

    assert (answer["Content-Language"], refused["Content-Language"]) == ("ru", "en")
    assert int(answer["Content-Length"]) == len(answer.content)
    assert int(refused["Content-Length"]) == len(refused.content)


def test_refusal_of_an_oversized_body_has_security_headers_too() -> None:
    answer = client().generic("POST", SIGNUP, b" " * 70_000, content_type="application/json")

    assert answer.status_code == 413
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]


def test_responses_about_users_are_not_cached(alice: SignedInUser, staff: SignedInUser) -> None:
    answers = [
        *(alice.api.get(path) for path in (ME, f"{ME}/invitations", f"{ME}/export", "/api/v1/devices", "/api/x")),
        staff.api.get("/api/v1/profiles"),
        client().post(SIGNUP, {"phone": "9991234567"}),
        client().post(SIGNUP, {}),
        client().generic("POST", SIGNUP, b" " * 70_000, content_type="application/json"),
    ]

    assert {answer["Cache-Control"] for answer in answers} == {"no-store"}
    # An export that is not read to its end keeps its place among those of the process.
    assert all(list(answer) for answer in answers)


def test_missing_token_is_requested_by_its_scheme() -> None:
    answer = client().get(ME)

    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer ")


@pytest.mark.parametrize("path", [ME, SIGNUP, "/api/nowhere"])
def test_foreign_origin_gets_no_permission(path: str) -> None:
    answer = client().get(path, HTTP_ORIGIN=ORIGIN)

    assert not answer.has_header("Access-Control-Allow-Origin")


def test_api_uses_no_sessions(alice: SignedInUser) -> None:
    answer = alice.api.get(ME, HTTP_COOKIE="sessionid=whatever; messages=whatever")

    assert "Cookie" not in answer.get("Vary", "")
    assert not hasattr(answer.wsgi_request, "session")


@pytest.mark.parametrize("path", [ME, "/api/nowhere"])
def test_foreign_host_is_refused(path: str) -> None:
    answer = client().get(path, HTTP_HOST="attacker.example.org")

    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "invalid"
    assert answer["Cache-Control"] == "no-store"
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_server_error_reveals_nothing_about_itself(alice: SignedInUser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("profiles.queries.own_profile", lambda *_: 1 / 0)
    alice.api.raise_request_exception = False

    answer = alice.api.get(ME)

    assert answer.status_code == 500
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "internal_error"
    assert answer.json()["request_id"] == answer["X-Request-ID"]
    assert b"Zero" not in answer.content and b"Traceback" not in answer.content


RUSSIAN = {
    "not_found": ("/api/nowhere", "Здесь ничего нет."),
    "not_authenticated": (ME, "Сначала войдите."),
    "method_not_allowed": (SIGNUP, "Этот метод здесь не разрешён."),
}


@pytest.mark.parametrize("code", RUSSIAN)
@pytest.mark.parametrize("asked", ["ru", "ru-RU,ru;q=0.9,en;q=0.8", "de, ru;q=0.5"])
def test_detail_is_in_russian_on_request(code: str, asked: str) -> None:
    path, detail = RUSSIAN[code]

    answer = client().get(path, HTTP_ACCEPT_LANGUAGE=asked)

    assert answer.json()["code"] == code
    assert answer.json()["detail"] == detail
    assert answer.json()["title"] == PROBLEMS[code].title


@pytest.mark.parametrize("asked", ["", "en", "de", "*", "x" * 5000, "\xff", "ru;q=x"])
def test_detail_is_in_english_otherwise(asked: str) -> None:
    answer = client().get("/api/nowhere", HTTP_ACCEPT_LANGUAGE=asked)

    assert answer.json()["detail"] == "There is nothing here."


def test_field_error_is_in_russian_too() -> None:
    answer = client().post("/api/auth/login", {"code": 1}, HTTP_ACCEPT_LANGUAGE="ru")

    assert answer.json()["errors"] == [{"field": "code", "code": "invalid", "detail": "Это не строка."}]


def test_post_needs_no_csrf_token() -> None:
    browser = Client(enforce_csrf_checks=True)

    answer = browser.post(SIGNUP, {"phone": "9991234567"}, content_type="application/json")

    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/docs", "/livez", "/api/nowhere"])
def test_response_to_head_has_no_body_and_the_length_of_the_response_to_get(path: str) -> None:
    told, whole = call("HEAD", path), call("GET", path)

    assert told.body == b""
    assert told.headers["Content-Length"] == str(len(whole.body)) != "0"


def test_body_that_a_head_leaves_out_is_not_made(rf: RequestFactory) -> None:
    made = iter(["a large", "file"])

    middleware = RequestContextMiddleware(lambda request: StreamingHttpResponse(made))  # type: ignore[arg-type,return-value]
    answer = middleware(rf.head("/"))

    assert b"".join(answer.streaming_content) == b""  # type: ignore[attr-defined]
    assert next(made) == "a large"


@pytest.mark.parametrize(("language", "words"), [("ru", "Страница не найдена"), ("en", "Page not found")])
def test_missing_page_is_reported_in_the_readers_language(language: str, words: str) -> None:
    answer = Client(headers={"Accept-Language": language}).get("/nowhere")

    assert answer.status_code == 404
    assert f"<h1>{words}</h1>" in answer.content.decode()


def test_refused_form_is_reported_in_the_readers_language() -> None:
    answer = Client(enforce_csrf_checks=True, headers={"Accept-Language": "ru"}).post("/admin/login/")

    assert answer.status_code == 403
    assert "Форма устарела, или браузер блокирует файлы cookie." in answer.content.decode()


SLASHES = ["/docs", "/redoc", "/schema", "/problems", "/problems/invalid", "/livez", "/readyz", "/i/ABCDEF"]


@pytest.mark.parametrize("path", [*SLASHES, "/api/v1/voting", "/api/nowhere", "/metrics"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_path_answers_alike_with_and_without_a_slash_at_its_end(method: str, path: str) -> None:
    one, other = (call(method, at, HTTP_X_REQUEST_ID="request8") for at in (path, f"{path}/"))

    assert one.status == other.status not in {301, 302, 307, 308}
    assert one.body == other.body


@pytest.mark.parametrize("host", ["10.1.2.3:8000", "web_1"])
def test_probe_with_a_slash_may_name_any_host(host: str) -> None:
    assert [call("GET", path, HTTP_HOST=host).status for path in ("/livez/", "/readyz/")] == [200, 200]


def test_browser_gets_the_icon() -> None:
    assert Client().get("/favicon.ico")["Location"].startswith("/static/page/icon")
