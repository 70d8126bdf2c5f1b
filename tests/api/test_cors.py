"""Web pages on other origins, and apps in web views, that CORS_ORIGINS names."""

from typing import Any

import pytest

from tests.support.accounts import SignedInUser, client

pytestmark = pytest.mark.django_db

ME = "/api/v1/profiles/me"
SIGNUP = "/api/auth/signup"
ORIGINS = ["https://client.example.org", "capacitor://localhost", "ionic://localhost", "https://localhost"]

# What the API reads, and what tracing adds.
HEADERS = [
    *("accept-language", "authorization", "content-type", "x-request-id"),
    *("traceparent", "tracestate", "baggage", "sentry-trace"),
]
OF_OTHER_TRACING = ["b3", "x-b3-traceid", "x-datadog-trace-id", "newrelic", "elastic-apm-traceparent", "request-id"]


@pytest.fixture(autouse=True)
def other_origins(settings: Any) -> None:
    """With CORS_ORIGINS. Without it the middleware is not installed."""
    settings.CORS_ALLOWED_ORIGINS = ORIGINS
    place = settings.MIDDLEWARE.index("api.middleware.wanted_languages")
    cors = "corsheaders.middleware.CorsMiddleware"
    settings.MIDDLEWARE = [*settings.MIDDLEWARE[:place], cors, *settings.MIDDLEWARE[place:]]


def preflight(
    origin: str,
    method: str = "POST",
    headers: str = "authorization,content-type",
    path: str = ME,
    secure: bool = False,
) -> Any:
    return client().options(
        path,
        secure=secure,
        HTTP_ORIGIN=origin,
        HTTP_ACCESS_CONTROL_REQUEST_METHOD=method,
        HTTP_ACCESS_CONTROL_REQUEST_HEADERS=headers,
    )


@pytest.mark.parametrize("origin", ORIGINS)
def test_configured_origin_may_call_and_read(alice: SignedInUser, origin: str) -> None:
    asked = preflight(origin)
    answer = alice.api.get(ME, HTTP_ORIGIN=origin)
    refused = client().get(ME, HTTP_ORIGIN=origin)
    signed_up = client().post(SIGNUP, {"phone": "9991234567"}, HTTP_ORIGIN=origin, HTTP_SEC_FETCH_SITE="cross-site")

    assert asked.status_code == 200
    assert {one["Access-Control-Allow-Origin"] for one in (asked, answer, refused, signed_up)} == {origin}
    assert (answer.status_code, refused.status_code, signed_up.status_code) == (200, 401, 200)
    assert {"Content-Language", "Retry-After", "X-Request-ID"} == set(
        answer["Access-Control-Expose-Headers"].split(", ")
    )
    assert not answer.has_header("Access-Control-Allow-Credentials")
    assert "origin" in answer["Vary"].lower()


@pytest.mark.parametrize("origin", [ORIGINS[0], "https://other.example.org"])
def test_preflight_has_security_headers(settings: Any, origin: str) -> None:
    settings.SECURE_HSTS_SECONDS = 1000

    asked = preflight(origin, secure=True)

    assert asked["X-Content-Type-Options"] == "nosniff"
    assert asked["Strict-Transport-Security"] == "max-age=1000"
    assert "default-src 'none'" in asked["Content-Security-Policy"]


@pytest.mark.parametrize("header", [*HEADERS, *OF_OTHER_TRACING])
def test_headers_of_the_api_and_of_tracing_are_allowed(header: str) -> None:
    allowed = preflight(ORIGINS[0], headers=header)["Access-Control-Allow-Headers"].split(", ")

    # For browsers an asterisk stands for every name but `authorization`, if there are no credentials.
    assert header in allowed or "*" in allowed
    assert set(HEADERS) <= set(allowed)


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_methods_of_the_api_are_allowed(method: str) -> None:
    assert method in preflight(ORIGINS[0], method)["Access-Control-Allow-Methods"].split(", ")


@pytest.mark.parametrize(
    "origin",
    ["https://other.example.org", "http://client.example.org", "https://client.example.org:8443", "null", "",
     "capacitor://other", "https://[::1", "\xff"],
)  # fmt: skip
def test_other_origin_gets_no_permission(origin: str) -> None:
    answers = [preflight(origin), client().get(ME, HTTP_ORIGIN=origin)]

    assert not any(answer.has_header("Access-Control-Allow-Origin") for answer in answers)
    assert all(answer.status_code < 500 for answer in answers)


def test_permission_is_for_the_api_only() -> None:
    answers = [client().get(path, HTTP_ORIGIN=ORIGINS[0]) for path in ("/livez", "/", "/schema", "/docs")]

    assert not any(answer.has_header("Access-Control-Allow-Origin") for answer in answers)


@pytest.mark.parametrize("path", [ME, SIGNUP])
@pytest.mark.parametrize("has_origins", [True, False])
def test_preflight_of_a_foreign_origin_is_answered_without_permission(
    settings: Any, has_origins: bool, path: str
) -> None:
    if not has_origins:
        settings.MIDDLEWARE = settings.MIDDLEWARE[1:]

    answer = preflight("https://other.example.org", path=path)

    assert answer.status_code == 200
    assert [name for name in answer.headers if name.startswith("Access-Control")] == []
