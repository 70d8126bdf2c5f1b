"""What the scenarios share: a recorder of answers, requests, and the refusals that many operations have."""

import hmac
import json
from dataclasses import dataclass, field
from typing import Any

import jwt
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.contract.recording import Names, described
from tests.support.accounts import SignedInUser, client, signed_in

AUTH, ME, DEVICES, PROFILES = "/api/auth", "/api/v1/profiles/me", "/api/v1/devices", "/api/v1/profiles"
SIGNUP, LOGIN, REFRESH, LOGOUT = (f"{AUTH}/{name}" for name in ("signup", "login", "refresh", "logout"))
PHONE, PHONE_OF_ALICE = "9991234567", "9991110001"
UNKNOWN_CODE = "ZZZZZZ"
ORIGIN = "https://client.example.org"


@dataclass
class Recorder:
    """Sends each request to the same state of the database, and keeps the responses."""

    settings: Any
    answers: dict[str, Any] = field(default_factory=dict)
    names: Names = field(default_factory=dict)

    def __call__(self, name: str, request: str, body: Any = None, token: str = "", **meta: Any) -> None:
        """Record a response of the API, and that of a refusal in Russian too."""
        with rolled_back(), CaptureQueriesContext(connection) as queries:
            shown = described(sent(client(), request, body, token, **meta), self.names)
        shown["statements"] = len(queries)
        if shown["status"] >= 400 and shown["body"] and "HTTP_ACCEPT_LANGUAGE" not in meta:
            with rolled_back():
                russian = sent(client(), request, body, token, HTTP_ACCEPT_LANGUAGE="ru", **meta).json()
            shown["in Russian"] = [russian["detail"], *(error["detail"] for error in russian.get("errors", ()))]
        self._keep(name, shown)

    def page(self, name: str, request: str, browser: Client | None = None, **meta: Any) -> None:
        """Record status and headers."""
        with rolled_back():
            answer = sent(browser or Client(), request, **meta)
            self._keep(name, described(answer, self.names, whole=False))

    def _keep(self, name: str, shown: dict[str, Any]) -> None:
        assert name not in self.answers, name
        self.answers[name] = shown

    def person(self, name: str, phone: str) -> SignedInUser:
        """A signed-in user. The recording shows the name in place of the invite code and the id."""
        person = signed_in(phone)
        me = person.me()
        self.names |= {me["invite_code"]: f"<invite code of {name}>", str(me["user_id"]): f"<id of {name}>"}
        return person


class rolled_back:
    """Roll back everything that is done within it."""

    def __enter__(self) -> None:
        self.block = transaction.atomic()
        self.block.__enter__()

    def __exit__(self, *error: Any) -> None:
        transaction.set_rollback(True)
        self.block.__exit__(*error)


def sent(browser: Client, request: str, body: Any = None, token: str = "", cookies: Any = None, **meta: Any) -> Any:
    """The response to `METHOD /path`. Bytes are sent as they are, other bodies as JSON."""
    method, path = request.split(" ", 1)
    if token:
        meta["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    for name, value in (cookies or {}).items():
        browser.cookies[name] = value
    content_type = meta.pop("content_type", "application/json")
    data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    return browser.generic(method, path, data, content_type=content_type, **meta)


def row(person: SignedInUser | str) -> Any:
    """The user in the database."""
    phone = person if isinstance(person, str) else person.phone
    return get_user_model().objects.filter(phone=f"+7{phone}")


def re_signed(token: str, **changed: Any) -> str:
    """The token with other claims under the service's own key, HKDF-SHA256 of SECRET_KEY for `token`."""
    extracted = hmac.digest(bytes(32), settings.SECRET_KEY.encode(), "sha256")
    claims = jwt.decode(token, options={"verify_signature": False}) | changed
    return jwt.encode(claims, hmac.digest(extracted, b"token\x01", "sha256"), algorithm="HS256")


def asked_of(phone: str, **body: Any) -> Any:
    return sent(client(), f"POST {SIGNUP}", {"phone": phone, **body}).json()


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10 ** len(code):0{len(code)}}"


def refused_tokens(record: Recorder, request: str, body: Any, person: SignedInUser) -> None:
    """Every refusal of a client that is not signed in."""
    ended, disabled = signed_in("9991118801"), signed_in("9991118802")
    ended.api.delete(DEVICES)
    row(disabled).update(is_active=False)
    record("no token", request, body)
    record("another scheme", request, body, HTTP_AUTHORIZATION="Basic YTpi")
    record("no token after the scheme", request, body, HTTP_AUTHORIZATION="Bearer")
    record("token that is none", request, body, "nonsense")
    record("token under another key", request, body, jwt.encode({"typ": "access"}, "x" * 32, algorithm="HS256"))
    record("refresh token as token", request, body, person.refresh)
    record("expired token", request, body, re_signed(person.token, exp=1_700_000_000))
    record("token of an ended session", request, body, ended.token)
    record("token of a disabled person", request, body, disabled.token)


def usual(record: Recorder, request: str, body: Any = None, token: str = "", **meta: Any) -> None:
    """The scenarios of all operations: success, in each form of the request, and the usual refusals."""
    method, path = request.split(" ", 1)
    record("success", request, body, token, **meta)
    record("success, by the path with a slash", f"{method} {path}/", body, token, **meta)
    record("success, in Russian", request, body, token, HTTP_ACCEPT_LANGUAGE="ru", **meta)
    record("success, as JSON", request, body, token, HTTP_ACCEPT="application/json", **meta)
    record("success, to a page of another origin", request, body, token, HTTP_ORIGIN=ORIGIN, **meta)
    record("success, with a request id", request, body, token, HTTP_X_REQUEST_ID="given-by-the-caller", **meta)
    if method == "GET":
        record("success, of HEAD", f"HEAD {path}", body, token, **meta)
        record("no token, of HEAD", f"HEAD {path}")
        record("success, whatever `format` says", f"GET {path}?format=xml", body, token, **meta)
    record("not as HTML", request, body, token, HTTP_ACCEPT="text/html", **meta)
    record("too large", request, b" " * (64 * 1024 + 1), token)
    record("of unknown size", request, body, token, HTTP_TRANSFER_ENCODING="chunked", **meta)
    record("foreign host", request, body, token, HTTP_HOST="other.example.org", **meta)


def refused_bodies(record: Recorder, request: str, body: dict[str, Any], token: str = "") -> None:
    """Bodies of the wrong form, and bodies with one wrong field."""
    for name, data in {
        "nothing": b"",
        "null": b"null",
        "list": b"[]",
        "text": b'"text"',
        "number": b"1",
        "no field": b"{}",
        "broken JSON": b'{"a": 1,\n "b" 2}',
        "no UTF-8": b'"\xff"',
        "nested too deeply": b"[" * 60_000,
        "NaN": b'{"a": NaN}',
    }.items():
        record(f"body: {name}", request, data, token)
    record("body: of another type", request, b"a=1", token, content_type="text/plain")
    record("body: of no type", request, body, token, content_type="")
    record("body: broken parts", request, b"--x", token, content_type="multipart/form-data")
    record("body: an empty form", request, b"", token, content_type="application/x-www-form-urlencoded")
    record("body: unknown fields too", request, body | {"unknown": 1, "id": 2}, token)
    values = {"null": None, "blank": "", "spaces": "  ", "list": ["1"], "object": {"a": "1"}, "true": True, "NUL": "\0"}
    for name in body:
        for kind, value in (values | {"too long": "1" * 3000, "float": 0.5, "integer": 42}).items():
            record(f"{name}: {kind}", request, body | {name: value}, token)


# Long enough that no token has it by chance.
BOUNDARY = "boundary-of-a-recorded-form"


def form(fields: dict[str, Any]) -> bytes:
    return "&".join(f"{name}={value}" for name, value in fields.items()).encode()


def parts(fields: dict[str, Any]) -> bytes:
    each = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    return ("".join(each) + f"--{BOUNDARY}--\r\n").encode()


def as_forms(record: Recorder, request: str, fields: dict[str, Any], token: str = "") -> None:
    record("success, of a form", request, form(fields), token, content_type="application/x-www-form-urlencoded")
    record("success, of parts", request, parts(fields), token, content_type=f"multipart/form-data; boundary={BOUNDARY}")
