"""The hosts that the service answers to, and what a refused one is told."""

import logging
from typing import Any

import pytest
from django.test import Client

from tests.support.accounts import client
from tests.support.wsgi_client import Answer, call

pytestmark = pytest.mark.django_db

ME = "/api/v1/profiles/me"
PUNYCODE = "xn--e1afmkfd.xn--p1ai"


@pytest.fixture(autouse=True)
def hosts(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["invite.example.org", PUNYCODE, "10.0.2.2", "[2001:db8::1]"]


def get(path: str, host: str, **more: str) -> Answer:
    return call("GET", path, HTTP_HOST=host, **more)


@pytest.mark.parametrize(
    "host",
    [
        "invite.example.org",
        "INVITE.Example.ORG",
        "invite.example.org:443",
        "invite.example.org:80",
        "invite.example.org:8000",
        "invite.example.org.",
        "Invite.example.org.:443",
        PUNYCODE,
        PUNYCODE.upper(),
        "10.0.2.2:8000",
        "[2001:db8::1]",
        "[2001:DB8::1]:8000",
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_host_is_accepted_in_every_spelling(host: str, scheme: str) -> None:
    more = {"wsgi.url_scheme": scheme}

    assert get(ME, host, **more).status == 401
    assert get("/problems", host, **more).status == 200


REFUSED = {
    "other.example.org": '"other.example.org"',
    "10.0.2.3:8000": '"10.0.2.3:8000"',
    "example.org": '"example.org"',
    "a.invite.example.org": '"a.invite.example.org"',
    "invite.example.org:port": '"invite.example.org:port"',
    "под.рф".encode().decode("latin-1"): '"под.рф"',
    "\xff\x01": '"ÿ\x01"',
    "": '""',
    "x" * 5000: f'"{"x" * 200}"',
}


@pytest.mark.parametrize("host", REFUSED)
def test_refused_host_is_told_which_setting_allows_it(host: str) -> None:
    answer = client().get(ME, HTTP_HOST=host)
    russian = client().get(ME, HTTP_HOST=host, HTTP_ACCEPT_LANGUAGE="ru").json()

    assert answer.status_code == 400
    problem = answer.json()
    assert problem["code"] == "invalid"
    assert REFUSED[host] in problem["detail"]
    assert "EXTRA_HOSTS" in problem["detail"] and "SITE_URL" in problem["detail"]
    assert problem["errors"] == [{"field": "Host", "code": "invalid", "detail": problem["detail"]}]
    assert "Оператор" in russian["detail"] and REFUSED[host] in russian["detail"]


@pytest.mark.parametrize("path", ["/", "/admin/login/", "/docs"])
def test_page_says_it_too_without_markup_of_the_caller(path: str) -> None:
    answer = Client(headers={"host": "<b>10.0.2.3"}).get(path)

    assert answer.status_code == 400
    assert "EXTRA_HOSTS" in answer.text and "&lt;b&gt;10.0.2.3" in answer.text
    assert "<b>" not in answer.text


@pytest.mark.parametrize("path", [ME, "/"])
def test_refused_host_is_named_in_the_line_of_its_request(path: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "inviting_app.requests"):
        client().get(path, HTTP_HOST="10.0.2.3:8000\n\x1b" + "x" * 5000)

    (line,) = caplog.messages
    assert " 400 " in line
    assert "host '10.0.2.3:8000\\n\\x1bx" in line and "is not in SITE_URL or EXTRA_HOSTS" in line
    assert len(line) < 300


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
@pytest.mark.parametrize("host", ["10.1.2.3:8000", "web", "[fe80::1%25eth0]:8000", "пример.рф", "a_b", "", "\xff"])
def test_probe_may_name_any_host(path: str, host: str) -> None:
    host = host.encode().decode("latin-1")

    assert get(path, host).status == 200
    assert call("HEAD", path, HTTP_HOST=host).headers["Content-Length"] != "0"


def test_probe_may_name_no_host() -> None:
    environ: Any = {"SERVER_NAME": "0.0.0.0", "SERVER_PROTOCOL": "HTTP/1.0", "HTTP_HOST": None}

    assert call("GET", "/livez", **environ).status == 200
