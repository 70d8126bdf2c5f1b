"""Pages of other sites cannot request codes, or sign in, in the browsers of their visitors."""

import logging
from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.support.accounts import client
from users.models import Challenge, User

pytestmark = pytest.mark.django_db

SIGNUP, LOGIN, REFRESH = "/api/auth/signup", "/api/auth/login", "/api/auth/refresh"
APP, WEB_VIEW, ELECTRON = "https://app.xn--e1afmkfd.xn--p1ai", "capacitor://localhost", "app://."
PHONE = {"phone": "9991234567"}
PARTS = b'--x\r\nContent-Disposition: form-data; name="phone"\r\n\r\n9991234567\r\n--x--\r\n'


@pytest.fixture(autouse=True)
def origins(settings: Any) -> None:
    settings.SITE_URL = "https://invite.example.org"
    settings.EXTRA_HOSTS = ["10.0.2.2", "[2001:db8::1]"]
    settings.CORS_ALLOWED_ORIGINS = [APP, WEB_VIEW, ELECTRON]
    settings.ALLOWED_HOSTS = ["testserver", "invite.example.org", "localhost", *settings.EXTRA_HOSTS]


OURS = [
    ("invite.example.org", "https://invite.example.org"),  # with or without X-Forwarded-Proto
    ("localhost:8000", "https://invite.example.org"),  # a proxy that passes another Host on
    ("localhost:8000", "http://localhost:8000"),
    ("localhost", "http://localhost"),
    ("localhost", "https://localhost"),  # a proxy that does not tell the scheme
    ("localhost:80", "http://localhost"),
    ("localhost:443", "https://localhost"),
    ("LOCALHOST.:8000", "http://localhost:8000"),
    ("localhost", "http://10.0.2.2:8000"),
    ("10.0.2.2:8000", "http://10.0.2.2:8000"),
    ("localhost", "https://10.0.2.2"),
    ("[2001:db8::1]:8000", "http://[2001:db8::1]:8000"),
    ("localhost", APP),
    ("localhost", f"{APP}:443"),
    ("localhost", WEB_VIEW),
    ("localhost", ELECTRON),
]


@pytest.mark.parametrize(("host", "origin"), OURS)
@pytest.mark.parametrize("site", ["same-origin", "cross-site", ""])
def test_own_and_configured_origins_may_sign_in(host: str, origin: str, site: str) -> None:
    asked = client().post(SIGNUP, PHONE, HTTP_HOST=host, HTTP_ORIGIN=origin, HTTP_SEC_FETCH_SITE=site)

    assert asked.status_code == 200
    body = {"code": asked.json()["code"], "challenge_id": asked.json()["challenge_id"]}
    answer = client().post(LOGIN, body, HTTP_HOST=host, HTTP_ORIGIN=origin, HTTP_SEC_FETCH_SITE=site)
    assert answer.status_code == 200


OTHERS = [
    "null",
    "https://attacker.example",
    "https://invite.example.org.attacker.example",
    "https://sub.invite.example.org",
    "http://invite.example.org",
    "https://invite.example.org:8443",
    "http://localhost:9999",
    "https://localhost",
    "http://app.xn--e1afmkfd.xn--p1ai",
    "ionic://localhost",
    "capacitor://10.0.2.2",
    "capacitor://localhost:1",
    "file://",
    "https://invite.example.org@attacker.example",
    "https://attacker.example https://invite.example.org",
    "invite.example.org",
    "localhost:8000",
    "https://[::1",
    "https://localhost:port",
    "https://под.рф".encode().decode("latin-1"),
    "\xff\x01",
    "x" * 5000,
]


@pytest.mark.parametrize("origin", OTHERS)
def test_other_origin_is_refused(origin: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "inviting_app.requests"):
        answers = [
            client().post(path, body, HTTP_HOST="localhost:8000", HTTP_ORIGIN=origin)
            for path, body in [(SIGNUP, PHONE), (LOGIN, {"code": "1234"})]
        ]

    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (403, "foreign_origin")
        assert answer["Content-Type"] == "application/problem+json"
        assert not answer.cookies
    assert all(" 403 " in line and "origin '" in line and len(line) < 300 for line in caplog.messages)
    assert not User.objects.exists() and not Challenge.objects.exists()


@pytest.mark.parametrize(
    ("site", "status"), [("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)]
)
def test_without_an_origin_the_browsers_word_counts(site: str, status: int) -> None:
    assert client().post(SIGNUP, PHONE, HTTP_SEC_FETCH_SITE=site).status_code == status
    assert client().post(SIGNUP, PHONE, HTTP_SEC_FETCH_SITE=site, HTTP_ORIGIN="").status_code == status


def test_client_outside_of_a_browser_is_not_asked() -> None:
    assert client().post(SIGNUP, PHONE).status_code == 200


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"phone=9991234567", "application/x-www-form-urlencoded"),
        (PARTS, "multipart/form-data; boundary=x"),
        (b'{"phone": "9991234567"}', "text/plain"),
        (b'{"phone": "9991234567"}', ""),
        (b"\xff{", "application/json"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", [SIGNUP, f"{SIGNUP}/", LOGIN])
def test_forms_of_other_sites_are_refused_before_they_are_read(path: str, body: bytes, content_type: str) -> None:
    answer = client().generic("POST", path, body, content_type=content_type, HTTP_ORIGIN="https://attacker.example")

    assert answer.json()["code"] == "foreign_origin"


def test_it_is_said_in_russian() -> None:
    answer = client().post(SIGNUP, PHONE, HTTP_ORIGIN="null", HTTP_ACCEPT_LANGUAGE="ru")

    assert answer.json()["detail"].startswith("Страницы других сайтов не могут выполнять вход на этом сервисе, если")
    assert "CORS_ORIGINS" in answer.json()["detail"]


def test_other_operations_need_a_token_and_no_origin(api: APIClient) -> None:
    asked = api.post(SIGNUP, PHONE).json()
    signed_in = api.post(LOGIN, {"code": asked["code"]}).json()

    refreshed = api.post(REFRESH, {"refresh": signed_in["refresh"]}, HTTP_ORIGIN="https://attacker.example")

    assert refreshed.status_code == 200


def test_authorization_header_changes_nothing() -> None:
    answer = client().post(SIGNUP, PHONE, HTTP_ORIGIN="null", HTTP_AUTHORIZATION="Bearer nonsense")

    assert answer.json()["code"] == "foreign_origin"
