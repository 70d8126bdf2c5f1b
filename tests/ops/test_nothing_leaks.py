"""One phone, code and token in every place that a client fills: none of them is in what the service keeps."""

import http.client
import json
import secrets
import socket
import socketserver
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from itertools import product
from pathlib import Path
from threading import Thread
from urllib.parse import quote, urlencode

import psycopg
import pytest
from psycopg import sql

from tests.support.environment import THOROUGH
from tests.support.proxies import PROXIES
from tests.support.service import Service, ready_service, service_folder

pytestmark = pytest.mark.long

# A ten-digit code: four digits alone are in every log, as parts of times.
CODE = "4827193056"
TOKEN = secrets.token_urlsafe(32)
JSON_WEB_TOKEN = f"eyJhbGciOiJIUzI1NiJ9.{secrets.token_urlsafe(40)}.{TOKEN}"
SPELLINGS = ["7-999-765-43-21", "7_999_765_43_21", "7999 7654321", TOKEN] if THOROUGH else []
# What requests have; and what may be left of each in no record.
SENT = ["79997654321", "+7 (999) 765-43-21", CODE, JSON_WEB_TOKEN, *SPELLINGS]
KEPT = ["97654321", "765-43", "765_43", "765 43", "765%20", CODE[2:], TOKEN[2:], JSON_WEB_TOKEN[25:60]]

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


def ask(port: int, method: str, path: str, body: bytes = b"", **headers: str) -> None:
    given = {"Host": "localhost", "Content-Length": str(len(body)), "Connection": "close"}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    raw(port, f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body)


def raw(port: int, request: bytes) -> None:
    peer = socket.create_connection(("127.0.0.1", port), timeout=30)
    with closing(peer), suppress(OSError):  # some refuse the request before it is whole
        peer.sendall(request)
        while peer.recv(65536):
            pass


def send_everywhere(port: int, secret: str) -> None:
    for path in PATHS:
        ask(port, "GET", path % quote(secret))
    for path in QUERIED:
        ask(port, "GET", f"{path}?{urlencode({'phone': secret, 'q': secret, 'next': secret, 'lang': secret})}")
    for name, path in product(HEADERS, ("/api/v1/profiles/me", "/admin/login/")):
        ask(port, "GET", path, **{name: secret})
    cookies = "; ".join(f"{name}={quote(secret)}" for name in ("sessionid", "device", "challenge", "django_language"))
    ask(port, "GET", "/", Cookie=cookies)
    ask(port, "GET", "/", **{quote(secret, safe=""): "x"})
    ask(port, secret.upper(), "/")
    for text in NO_HTTP:
        raw(port, (text % secret).encode())
    as_json, as_form = "application/json", "application/x-www-form-urlencoded"
    for path in ("/api/auth/signup", "/api/auth/login", "/api/auth/refresh", "/api/v1/profiles/me"):
        fields = {"phone": f"x{secret}", "code": secret, "challenge_id": secret, "refresh": secret, secret: "x"}
        ask(port, "POST", path, json.dumps(fields).encode(), Content_Type=as_json)
        ask(port, "POST", path, urlencode(fields).encode(), Content_Type=as_form, User_Agent=f"App/1.0 {secret}")
        ask(port, "POST", path, f'{{"phone": {secret}'.encode(), Content_Type=as_json)
    ask(port, "POST", f"/sms/receipts/{quote(secret)}", f"phone={secret}".encode(), Content_Type=as_form)
    log_in_to_admin(port, secret)


def log_in_to_admin(port: int, secret: str) -> None:
    """A wrong password, from a form that the service made."""
    cookie = token = ""
    with closing(http.client.HTTPConnection("localhost", port, timeout=30)) as peer:
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


@pytest.mark.thorough
def test_nothing_that_is_secret_is_kept(service: Service) -> None:
    port = service.port
    for secret in SENT:
        send_everywhere(port, secret)
        asked = service.call("/api/auth/signup", {"phone": "9991110055"})
        body = json.dumps({"code": asked["code"], "challenge_id": asked["challenge_id"]}).encode()
        ask(port, "POST", "/api/auth/login", body, Content_Type="application/json", User_Agent=f"App/1.0 {secret}")

    output = service.output
    assert output.count("inviting_app.requests") > 50 * len(SENT)
    assert not leaks(output)
    assert not leaks(Path(service.data, "postgres", "postgres.log").read_text())
    assert not [found for found in rows(service) if leaks(found)]
    assert not [line for line in output.splitlines() if " 500 " in line or "Traceback" in line]


class NoHttp(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request.recv(65536)
        self.request.sendall(b"this is not HTTP\r\n\r\n")


@contextmanager
def broken_service() -> Iterator[int]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), NoHttp) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.mark.parametrize("name", PROXIES)
def test_proxy_keeps_nothing_that_is_secret(service: Service, name: str) -> None:
    secret = SENT[0]
    with service_folder() as folder, broken_service() as broken:
        with PROXIES[name](folder, service.port) as port:
            for path in ("/i/%s", "/sms/receipts/%s", "/api/v1/profiles?phone=%s", "/admin/?q=%s"):
                ask(port, "GET", path % secret, User_Agent=secret, Referer=secret, X_Request_ID=secret)
            ask(port, "POST", f"/api/{secret}?phone={secret}", b" " * 70_000)
            raw(port, f"GET /{secret} HTTP/9.9\r\n\r\n".encode())
        written = [file.read_text(errors="replace") for file in folder.glob("*.log")]
        with PROXIES[name](folder, broken) as port:
            path = f"/sms/receipts/{secret}?phone={secret}"
            ask(port, "POST", path, User_Agent=secret, Referer=secret, Cookie=f"device={secret}")
        written += [file.read_text(errors="replace") for file in folder.glob("*.log")]

    assert not [found for text in written for found in leaks(text)]


def rows(service: Service) -> Iterator[str]:
    """All rows of all tables, each as a text."""
    with psycopg.connect(**service.database) as database:
        tables = database.execute("SELECT relname FROM pg_stat_user_tables ORDER BY 1").fetchall()
        for (table,) in tables:
            query = sql.SQL("SELECT {name}::text FROM {name}").format(name=sql.Identifier(table))
            for (row,) in database.execute(query):
                yield f"{table}: {row}"
