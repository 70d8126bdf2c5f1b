"""One phone, code and token in every place that a client fills: none of them is in what the service keeps."""

import http.client
import json
import secrets
import socket
from collections.abc import Iterator
from contextlib import closing
from itertools import product
from pathlib import Path
from urllib.parse import quote, urlencode

import psycopg
import pytest
from psycopg import sql

from tests.support.service import Service, ready_service

# A ten-digit code: four digits alone are in every log, as parts of times.
CODE = "4827193056"
TOKEN = secrets.token_urlsafe(32)
JSON_WEB_TOKEN = f"eyJhbGciOiJIUzI1NiJ9.{secrets.token_urlsafe(40)}.{TOKEN}"
# For requests, the phone in several spellings; and what may be left of each in no record.
SENT = ["79997654321", "+7 (999) 765-43-21", "7-999-765-43-21", "7_999_765_43_21", CODE, TOKEN, JSON_WEB_TOKEN]
KEPT = ["7654321", "765-43", "765_43", "765 43", "765%20", "193056", TOKEN[2:], JSON_WEB_TOKEN[25:60]]

PATHS = [
    *("/%s", "/api/%s", "/api/v1/profiles/%s", "/i/%s", "/i/%s/qr.svg", "/problems/%s", "/static/%s"),
    *("/sms/receipts/%s", "/admin/%s", "/admin/users/user/%s/change/", "/schema/%s", "/livez/%s"),
]
QUERIED = [
    "/",
    "/schema",
    "/docs",
    "/admin/",
    "/admin/users/user/",
    "/api/v1/profiles",
    "/api/auth/signup",
    "/livez",
    "/x",
]
HEADERS = [
    *("X-Request-ID", "User-Agent", "Referer", "Origin", "Accept", "Accept-Language", "Content-Type", "Range", "Host"),
    *("X-Forwarded-For", "Forwarded", "If-None-Match", "Sec-Fetch-Site", "traceparent", "Accept-Encoding", "Via"),
    *("X-Forwarded-Proto", "Authorization", "Cookie", "X-Anything", "Transfer-Encoding", "Expect", "Content-Length"),
]
# What gunicorn refuses, and quotes.
NO_HTTP = ["%s\r\n\r\n", "GET /%s HTTP/9.9\r\n\r\n", "GET / HTTP/1.1\r\n%s\r\n\r\n", "GET / HTTP/1.1\r\n%s : x\r\n\r\n"]


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with ready_service(TRUSTED_PROXIES="1", WEB_WORKERS="1") as started:
        yield started


def ask(service: Service, method: str, path: str, body: bytes = b"", **headers: str) -> None:
    given = {"Host": "localhost", "Content-Length": str(len(body)), "Connection": "close"}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    raw(service, f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body)


def raw(service: Service, request: bytes) -> None:
    with closing(socket.create_connection(("127.0.0.1", service.port), timeout=30)) as peer:
        peer.sendall(request)
        peer.shutdown(socket.SHUT_WR)
        while peer.recv(65536):
            pass


def send_everywhere(service: Service, secret: str) -> None:
    for path in PATHS:
        ask(service, "GET", path % quote(secret))
    for path in QUERIED:
        ask(service, "GET", f"{path}?{urlencode({'phone': secret, 'q': secret, 'next': secret, 'lang': secret})}")
    for name, path in product(HEADERS, ("/api/v1/profiles/me", "/admin/login/")):
        ask(service, "GET", path, **{name: secret})
    ask(
        service,
        "GET",
        "/",
        Cookie=f"sessionid={quote(secret)}; device={quote(secret)}; django_language={quote(secret)}",
    )
    ask(service, "GET", "/", **{quote(secret, safe=""): "x"})
    ask(service, secret.upper(), "/")
    for text in NO_HTTP:
        raw(service, (text % secret).encode())
    as_json, as_form = "application/json", "application/x-www-form-urlencoded"
    for path in ("/api/auth/signup", "/api/auth/login", "/api/auth/refresh", "/api/v1/profiles/me"):
        fields = {"phone": f"x{secret}", "code": secret, "challenge_id": secret, "refresh": secret, secret: "x"}
        ask(service, "POST", path, json.dumps(fields).encode(), Content_Type=as_json)
        ask(service, "POST", path, urlencode(fields).encode(), Content_Type=as_form, User_Agent=f"App/1.0 {secret}")
        ask(service, "POST", path, f'{{"phone": {secret}'.encode(), Content_Type=as_json)
    ask(service, "POST", f"/sms/receipts/{quote(secret)}", f"phone={secret}".encode(), Content_Type=as_form)
    log_in_to_admin(service, secret)


def log_in_to_admin(service: Service, secret: str) -> None:
    """A wrong password, from a form that the service made."""
    with closing(http.client.HTTPConnection("localhost", service.port, timeout=30)) as peer:
        peer.request("GET", "/admin/login/")
        answer = peer.getresponse()
        cookie = str(answer.headers["Set-Cookie"]).partition(";")[0]
        token = answer.read().decode().partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
        form = {"csrfmiddlewaretoken": token, "username": f"{secret}", "password": secret, "next": secret}
        headers = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
        headers |= {"X-Forwarded-For": "192.0.2.9", "Referer": f"http://localhost/admin/?q={quote(secret)}"}
        peer.request("POST", f"/admin/login/?{urlencode({'next': secret})}", urlencode(form), headers)
        peer.getresponse().read()


def leaks(text: str) -> list[str]:
    return [line[:300] for line in text.splitlines() if any(part in line for part in KEPT)]


def test_nothing_that_is_secret_is_kept(service: Service) -> None:
    for secret in SENT:
        send_everywhere(service, secret)
        asked = service.call("/api/auth/signup", {"phone": "9991110055"})
        body = json.dumps({"code": asked["code"], "challenge_id": asked["challenge_id"]}).encode()
        ask(service, "POST", "/api/auth/login", body, Content_Type="application/json", User_Agent=f"App/1.0 {secret}")

    output = service.output
    assert output.count("inviting_app.requests") > 400
    assert not leaks(output)
    assert not leaks(Path(service.data, "postgres", "postgres.log").read_text())
    assert not [found for found in rows(service) if leaks(found)]
    assert not [line for line in output.splitlines() if " 500 " in line or "Traceback" in line]


def rows(service: Service) -> Iterator[str]:
    """All rows of all tables, each as a text."""
    with psycopg.connect(**service.database) as database:
        tables = database.execute("SELECT relname FROM pg_stat_user_tables ORDER BY 1").fetchall()
        for (table,) in tables:
            query = sql.SQL("SELECT {name}::text FROM {name}").format(name=sql.Identifier(table))
            for (row,) in database.execute(query):
                yield f"{table}: {row}"
