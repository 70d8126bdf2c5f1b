"""What the service answers, to the header and to the statement: each operation, its refusals, and the pages.

An answer of the API is recorded with its body and its number of SQL statements, a page with its headers alone. Where
an answer changes on purpose, record it anew (RECORD=1) and read the difference.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import jwt
import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.contract.recording import FOLDER, RECORDS, Names, as_recorded, described
from tests.support.accounts import SignedInUser, client, registered, signed_in
from tests.support.many_users import crowd

pytestmark = pytest.mark.django_db

AUTH, ME, DEVICES, PROFILES = "/api/auth", "/api/v1/profiles/me", "/api/v1/devices", "/api/v1/profiles"
SIGNUP, LOGIN, REFRESH, LOGOUT = (f"{AUTH}/{name}" for name in ("signup", "login", "refresh", "logout"))
PHONE, PHONE_OF_ALICE = "9991234567", "9991110001"
UNKNOWN_CODE = "ZZZZZZ"
ORIGIN = "https://client.example.org"

NOT_HERE = {"unavailable": "needs a database that is away or locked: tests/test_unavailable.py"}
"""Codes of the document that no request alone provokes."""


@dataclass
class Asker:
    """Sends requests, each to the same state of the database, and keeps what was answered."""

    settings: Any
    answers: dict[str, Any] = field(default_factory=dict)
    names: Names = field(default_factory=dict)

    def __call__(self, name: str, request: str, body: Any = None, token: str = "", **meta: Any) -> None:
        """Record an answer of the API; of a refusal the Russian words too."""
        with undone(), CaptureQueriesContext(connection) as queries:
            shown = described(sent(client(), request, body, token, **meta), self.names)
        shown["statements"] = len(queries)
        if shown["status"] >= 400 and shown["body"] and "HTTP_ACCEPT_LANGUAGE" not in meta:
            with undone():
                russian = sent(client(), request, body, token, HTTP_ACCEPT_LANGUAGE="ru", **meta).json()
            shown["in Russian"] = [russian["detail"], *(error["detail"] for error in russian.get("errors", ()))]
        self._keep(name, shown)

    def page(self, name: str, request: str, browser: Client | None = None, **meta: Any) -> None:
        """Record status and headers."""
        with undone():
            answer = sent(browser or Client(), request, **meta)
            self._keep(name, described(answer, self.names, whole=False))

    def _keep(self, name: str, shown: dict[str, Any]) -> None:
        assert name not in self.answers, name
        self.answers[name] = shown

    def person(self, name: str, phone: str) -> SignedInUser:
        """Somebody signed in, whose invite code and id are shown by their name."""
        person = signed_in(phone)
        me = person.me()
        self.names |= {me["invite_code"]: f"<invite code of {name}>", str(me["user_id"]): f"<id of {name}>"}
        return person


class undone:
    """What is done within it is not done."""

    def __enter__(self) -> None:
        self.block = transaction.atomic()
        self.block.__enter__()

    def __exit__(self, *error: Any) -> None:
        transaction.set_rollback(True)
        self.block.__exit__(*error)


def sent(browser: Client, request: str, body: Any = None, token: str = "", cookies: Any = None, **meta: Any) -> Any:
    """The answer to `METHOD /path`: bytes are sent as they are, other bodies as JSON."""
    method, path = request.split(" ", 1)
    if token:
        meta["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    for name, value in (cookies or {}).items():
        browser.cookies[name] = value
    content_type = meta.pop("content_type", "application/json")
    data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    return browser.generic(method, path, data, content_type=content_type, **meta)


def row(person: SignedInUser | str) -> Any:
    """The person in the database."""
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


def refused_tokens(ask: Asker, request: str, body: Any, person: SignedInUser) -> None:
    """Every way in which an operation for people who are signed in finds that one is not."""
    ended, disabled = signed_in("9991118801"), signed_in("9991118802")
    ended.api.delete(DEVICES)
    row(disabled).update(is_active=False)
    ask("no token", request, body)
    ask("another scheme", request, body, HTTP_AUTHORIZATION="Basic YTpi")
    ask("no token after the scheme", request, body, HTTP_AUTHORIZATION="Bearer")
    ask("token that is none", request, body, "nonsense")
    ask("token under another key", request, body, jwt.encode({"typ": "access"}, "x" * 32, algorithm="HS256"))
    ask("refresh token as token", request, body, person.refresh)
    ask("expired token", request, body, re_signed(person.token, exp=1_700_000_000))
    ask("token of an ended session", request, body, ended.token)
    ask("token of a disabled person", request, body, disabled.token)


def usual(ask: Asker, request: str, body: Any = None, token: str = "", **meta: Any) -> None:
    """What is the same for all operations: the success, in each way to ask for it, and the usual refusals."""
    method, path = request.split(" ", 1)
    ask("success", request, body, token, **meta)
    ask("success, by the path with a slash", f"{method} {path}/", body, token, **meta)
    ask("success, in Russian", request, body, token, HTTP_ACCEPT_LANGUAGE="ru", **meta)
    ask("success, as JSON", request, body, token, HTTP_ACCEPT="application/json", **meta)
    ask("success, to a page of another origin", request, body, token, HTTP_ORIGIN=ORIGIN, **meta)
    ask("success, with a request id", request, body, token, HTTP_X_REQUEST_ID="given-by-the-caller", **meta)
    if method == "GET":
        ask("success, of HEAD", f"HEAD {path}", body, token, **meta)
        ask("no token, of HEAD", f"HEAD {path}")
        ask("success, whatever `format` says", f"GET {path}?format=xml", body, token, **meta)
    ask("not as HTML", request, body, token, HTTP_ACCEPT="text/html", **meta)
    ask("too large", request, b" " * (64 * 1024 + 1), token)
    ask("of unknown size", request, body, token, HTTP_TRANSFER_ENCODING="chunked", **meta)
    ask("foreign host", request, body, token, HTTP_HOST="other.example.org", **meta)


def refused_bodies(ask: Asker, request: str, body: dict[str, Any], token: str = "") -> None:
    """Bodies of the wrong form, in all and in each of their fields."""
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
        ask(f"body: {name}", request, data, token)
    ask("body: of another type", request, b"a=1", token, content_type="text/plain")
    ask("body: of no type", request, body, token, content_type="")
    ask("body: broken parts", request, b"--x", token, content_type="multipart/form-data")
    ask("body: an empty form", request, b"", token, content_type="application/x-www-form-urlencoded")
    ask("body: unknown fields too", request, body | {"unknown": 1, "id": 2}, token)
    values = {"null": None, "blank": "", "spaces": "  ", "list": ["1"], "object": {"a": "1"}, "true": True, "NUL": "\0"}
    for name in body:
        for kind, value in (values | {"too long": "1" * 3000, "float": 0.5, "integer": 42}).items():
            ask(f"{name}: {kind}", request, body | {name: value}, token)


def form(fields: dict[str, Any]) -> bytes:
    return "&".join(f"{name}={value}" for name, value in fields.items()).encode()


def parts(fields: dict[str, Any]) -> bytes:
    each = (
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()
    )
    return ("".join(each) + "--x--\r\n").encode()


def as_forms(ask: Asker, request: str, fields: dict[str, Any], token: str = "") -> None:
    ask("success, of a form", request, form(fields), token, content_type="application/x-www-form-urlencoded")
    ask("success, of parts", request, parts(fields), token, content_type="multipart/form-data; boundary=x")


def signup(ask: Asker) -> None:
    request = f"POST {SIGNUP}"
    usual(ask, request, {"phone": PHONE})
    as_forms(ask, request, {"phone": PHONE})
    refused_bodies(ask, request, {"phone": PHONE, "device_token": "x", "challenge_id": "y"})
    ask("success, of a number", request, {"phone": int(PHONE)})
    ask("success, with a token that is none", request, {"phone": PHONE}, "nonsense")
    ask("success, as another site asks", request, {"phone": PHONE}, HTTP_SEC_FETCH_SITE="cross-site")
    ask("success, over TLS", request, {"phone": PHONE}, **{"wsgi.url_scheme": "https"})
    for phone in ("1", "text", "+7 495 123-45-67", "+79991234567890"):
        ask(f"phone: {phone}", request, {"phone": phone})
    ask("phone: of another country", request, {"phone": "+49 1512 3456789"})
    alice = ask.person("alice", PHONE_OF_ALICE)
    ask("somebody known", request, {"phone": alice.phone})
    ask("somebody known, on a known device", request, {"phone": alice.phone, "device_token": alice.device_token})
    ask("cookie of a known device", request, {"phone": alice.phone}, cookies={"device": alice.device_token})
    ask("cookie of rubbish", request, {"phone": alice.phone}, cookies={"device": "é", "challenge": "!"})
    first = asked_of(PHONE)
    ask("again", request, {"phone": PHONE})
    ask("again, with the challenge", request, {"phone": PHONE, "challenge_id": first["challenge_id"]})
    ask("again, with the challenge's cookie", request, {"phone": PHONE}, cookies={"challenge": first["challenge_id"]})
    row(alice).update(is_active=False)
    ask("somebody disabled", request, {"phone": alice.phone})
    ask.settings.DEMO, ask.settings.SMS_GATEWAYS = False, ["json://127.0.0.1:9/{phone}"]
    ask("success, by SMS", request, {"phone": "9991230000"})
    for number in range(10):
        asked_of(f"999123000{number}")
    ask("too many of one address", request, {"phone": "9991230010"})
    ask("known device at a busy address", request, {"phone": alice.phone, "device_token": alice.device_token})
    ask("again at a busy address", request, {"phone": "9991230001"})


def login(ask: Asker) -> None:
    request = f"POST {LOGIN}"
    alice = ask.person("alice", PHONE_OF_ALICE)
    asked = asked_of(PHONE)
    right = {"code": asked["code"], "challenge_id": asked["challenge_id"]}
    usual(ask, request, right)
    as_forms(ask, request, right)
    refused_bodies(ask, request, {**right, "phone": PHONE})
    ask("success, with the cookie", request, {"code": asked["code"]}, cookies={"challenge": asked["challenge_id"]})
    ask("success, with the phone", request, {"code": asked["code"], "phone": PHONE})
    ask("success, as another site asks", request, right, HTTP_SEC_FETCH_SITE="cross-site")
    ask("success, of a code with spaces", request, {**right, "code": " ".join(asked["code"])})
    ask("success, of a client with a name", request, right, HTTP_USER_AGENT="Phone 1.0")
    again = asked_of(alice.phone, device_token=alice.device_token)
    ask("success, on a known device", request, {"code": again["code"], "challenge_id": again["challenge_id"]})
    ask("no challenge", request, {"code": "1234"})
    ask("unknown challenge", request, {"code": "1234", "challenge_id": "unknown"})
    ask("code: malformed", request, {**right, "code": "12x4"})
    ask("code: malformed, and no challenge", request, {"code": "12"})
    ask("code: of ten digits", request, {**right, "code": "1234567890"})
    ask("phone: none", request, {"code": "1234", "phone": "1"})
    ask("phone: of another country", request, {"code": "1234", "phone": "+49 1512 3456789"})
    ask("phone: of nobody", request, {"code": "1234", "phone": "9991239999"})
    ask("phone: from another address", request, {"code": asked["code"], "phone": PHONE}, REMOTE_ADDR="192.0.2.9")
    for left in (2, 1, 0, "none"):
        ask(f"wrong code, attempts left: {left}", request, {**right, "code": wrong(asked["code"])})
        sent(client(), request, {**right, "code": wrong(asked["code"])})
    ask("right code after too many attempts", request, right)
    used = asked_of("9991230001")
    body = {"code": used["code"], "challenge_id": used["challenge_id"]}
    sent(client(), request, body)
    ask("used code", request, body)
    disabled = asked_of(alice.phone)
    row(alice).update(is_active=False)
    ask("disabled", request, {"code": disabled["code"], "challenge_id": disabled["challenge_id"]})


def tokens_for(ask: Asker, path: str) -> None:
    """What refreshing and logging out share."""
    request = f"POST {path}"
    alice, ended, disabled = ask.person("alice", PHONE_OF_ALICE), signed_in("9991118801"), signed_in("9991118802")
    body = {"refresh": alice.refresh}
    usual(ask, request, body)
    as_forms(ask, request, body)
    refused_bodies(ask, request, body)
    ask("success, with a token that is none", request, body, "nonsense")
    ask("token that is none", request, {"refresh": "nonsense"})
    ask("access token", request, {"refresh": alice.token})
    ask("expired token", request, {"refresh": re_signed(alice.refresh, exp=1_700_000_000)})
    ended.api.delete(DEVICES)
    ask("token of an ended session", request, {"refresh": ended.refresh})
    row(disabled).update(is_active=False)
    ask("token of a disabled person", request, {"refresh": disabled.refresh})
    following = sent(client(), f"POST {REFRESH}", body).json()
    ask("token before the last", request, body)
    sent(client(), f"POST {REFRESH}", {"refresh": following["refresh"]})
    ask("token used long ago", request, body)


def refresh(ask: Asker) -> None:
    tokens_for(ask, REFRESH)


def logout(ask: Asker) -> None:
    tokens_for(ask, LOGOUT)


def devices_list(ask: Asker) -> None:
    alice = ask.person("alice", PHONE_OF_ALICE)
    usual(ask, f"GET {DEVICES}", None, alice.token)
    refused_tokens(ask, f"GET {DEVICES}", None, alice)
    other = signed_in(alice.phone)
    sent(client(), f"POST {LOGOUT}", {"refresh": other.refresh})
    ask("two, of which one has no session", f"GET {DEVICES}", None, alice.token)


def devices_end_all(ask: Asker) -> None:
    alice = ask.person("alice", PHONE_OF_ALICE)
    usual(ask, f"DELETE {DEVICES}", None, alice.token)
    refused_tokens(ask, f"DELETE {DEVICES}", None, alice)


def devices_end(ask: Asker) -> None:
    alice, bob = ask.person("alice", PHONE_OF_ALICE), ask.person("bob", "9991110002")
    signed_in(alice.phone)
    newer, own = alice.api.get(DEVICES).json()
    (foreign,) = bob.api.get(DEVICES).json()
    request = f"DELETE {DEVICES}/{newer['id']}"
    usual(ask, request, None, alice.token)
    refused_tokens(ask, request, None, alice)
    ask("the one that asks", f"DELETE {DEVICES}/{own['id']}", None, alice.token)
    ask("somebody else's", f"DELETE {DEVICES}/{foreign['id']}", None, alice.token)
    for number in ("0", "9" * 18, "9" * 30, "-1", "x"):
        ask(f"id: {number}", f"DELETE {DEVICES}/{number}", None, alice.token)
    sent(client(), request, None, alice.token)
    ask("ended before", request, None, alice.token)


def me_read(ask: Asker) -> None:
    alice, bob = ask.person("alice", PHONE_OF_ALICE), ask.person("bob", "9991110002")
    usual(ask, f"GET {ME}", None, alice.token)
    refused_tokens(ask, f"GET {ME}", None, alice)
    ask("success, as any JSON", f"GET {ME}", None, alice.token, HTTP_ACCEPT="application/*;q=0.1")
    ask("success, of the scheme in lower case", f"GET {ME}", HTTP_AUTHORIZATION=f"bearer {alice.token}")
    bob.activate(alice.me()["invite_code"])
    alice.activate(bob.me()["invite_code"])
    ask("success, after votes", f"GET {ME}", None, alice.token)
    ask("success, after votes, as JSON", f"GET {ME}", None, alice.token, HTTP_ACCEPT="application/json")
    crowd(60, row(alice).get().profile)
    ask("success, of somebody famous", f"GET {ME}", None, alice.token)


def me_activate(ask: Asker) -> None:
    request = f"POST {ME}"
    alice, bob = ask.person("alice", PHONE_OF_ALICE), ask.person("bob", "9991110002")
    code, own = alice.me()["invite_code"], bob.me()["invite_code"]
    body = {"activated_invite": code}
    usual(ask, request, body, bob.token)
    as_forms(ask, request, body, bob.token)
    refused_tokens(ask, request, body, bob)
    refused_bodies(ask, request, body, bob.token)
    ask(
        "success, of a code as people type",
        request,
        {"activated_invite": f" {code[:3]}-{code[3:]} ".lower()},
        bob.token,
    )
    ask("code: malformed", request, {"activated_invite": "ABC"}, bob.token)
    ask("code: with letters that are in none", request, {"activated_invite": "ABC01O"}, bob.token)
    ask("code: of nobody", request, {"activated_invite": UNKNOWN_CODE}, bob.token)
    ask("code: one's own", request, {"activated_invite": own}, bob.token)
    hidden = ask.person("carol", "9991110003")
    theirs = {"activated_invite": hidden.me()["invite_code"]}
    row(hidden).update(is_active=False)
    ask("code: of somebody disabled", request, theirs, bob.token)
    for _ in range(10):
        sent(client(), request, {"activated_invite": UNKNOWN_CODE}, bob.token)
    ask("too many wrong codes", request, body, bob.token)
    other = ask.person("dave", "9991110004")
    sent(client(), request, body, other.token)
    ask("again", request, body, other.token)
    ask("again, another", request, {"activated_invite": own}, other.token)
    ask("again, of nobody", request, {"activated_invite": UNKNOWN_CODE}, other.token)


def me_erase(ask: Asker) -> None:
    alice, bob = ask.person("alice", PHONE_OF_ALICE), ask.person("bob", "9991110002")
    request = f"DELETE {ME}"
    usual(ask, request, None, alice.token)
    refused_tokens(ask, request, None, alice)
    bob.activate(alice.me()["invite_code"])
    ask("success, of somebody who voted", request, None, bob.token)
    row(bob).get().devices.update(signed_in_at=F("signed_in_at") - timedelta(minutes=11))
    ask("not signed in lately", request, None, bob.token)
    sent(client(), request, None, alice.token)
    ask("again", request, None, alice.token)


def me_invitations(ask: Asker) -> None:
    path = f"{ME}/invitations"
    alice, bob = ask.person("alice", PHONE_OF_ALICE), ask.person("bob", "9991110002")
    usual(ask, f"GET {path}", None, alice.token)
    refused_tokens(ask, f"GET {path}", None, alice)
    bob.activate(alice.me()["invite_code"])
    ask("one", f"GET {path}", None, alice.token)
    crowd(60, row(alice).get().profile)
    pages(ask, alice, path)


def pages(ask: Asker, person: SignedInUser, path: str) -> None:
    """A list of more than one page, there and back, and what is no cursor of it."""
    ask("many", f"GET {path}", None, person.token)
    first = person.api.get(path).json()
    following = first["next"].removeprefix("http://testserver")
    ask("many, next", f"GET {following}", None, person.token)
    back = person.api.get(following).json()["previous"].removeprefix("http://testserver")
    ask("many, back", f"GET {back}", None, person.token)
    for cursor in ("x", "W10", "é", "WyJ4IiwgZmFsc2UsIDEsIDJd"):
        ask(f"cursor: {cursor}", f"GET {path}?cursor={cursor}", None, person.token)
    ask("cursor: blank", f"GET {path}?cursor=", None, person.token)
    ask("parameters that are none", f"GET {path}?unknown=1&page=2", None, person.token)


def me_export(ask: Asker) -> None:
    path = f"{ME}/export"
    alice, bob = ask.person("alice", PHONE_OF_ALICE), ask.person("bob", "9991110002")
    usual(ask, f"GET {path}", None, alice.token)
    refused_tokens(ask, f"GET {path}", None, alice)
    bob.activate(alice.me()["invite_code"])
    alice.activate(bob.me()["invite_code"])
    sent(client(), f"POST {ME}", {"activated_invite": UNKNOWN_CODE}, bob.token)
    ask("after votes", f"GET {path}", None, alice.token)


def staff(ask: Asker) -> tuple[SignedInUser, SignedInUser, SignedInUser]:
    """An operator who may see phones, one who may not, and somebody who is none."""
    whole, masked = ask.person("operator", "9991119999"), ask.person("helper", "9991119998")
    row(whole).update(is_staff=True, is_superuser=True)
    row(masked).update(is_staff=True)
    return whole, masked, ask.person("alice", PHONE_OF_ALICE)


def profiles_list(ask: Asker) -> None:
    operator, helper, alice = staff(ask)
    usual(ask, f"GET {PROFILES}", None, operator.token)
    refused_tokens(ask, f"GET {PROFILES}", None, operator)
    ask("no operator", f"GET {PROFILES}", None, alice.token)
    ask("no operator, of HEAD", f"HEAD {PROFILES}", None, alice.token)
    ask("operator who may not see phones", f"GET {PROFILES}", None, helper.token)
    operator.activate(alice.me()["invite_code"])
    code = alice.me()["invite_code"]
    for query in (
        f"phone={alice.phone}", f"phone=%2B7{alice.phone}", "phone=9991239999", "phone=1", "phone=", "phone=%00",
        "phone=%2B4915123456789", f"phone={'9' * 41}", "invite_code=", "invite_code=abc", f"invite_code={UNKNOWN_CODE}",
        "has_activated=true", "has_activated=false", "has_activated=", "has_activated=x",
        "created_after=2020-01-01T00:00:00Z", "created_before=2020-01-01T00:00:00Z", "created_after=x",
        "created_before=", "created_after=2020-01-01", "ordering=x", "ordering=", "ordering=created_at",
        "ordering=-created_at", "ordering=invitations_count", "ordering=-invitations_count", "phone=1&ordering=x",
    ):  # fmt: skip
        ask(f"?{query}", f"GET {PROFILES}?{query}", None, operator.token)
    ask("?invite_code of alice", f"GET {PROFILES}?invite_code={code.lower()}", None, operator.token)
    crowd(60)
    pages(ask, operator, PROFILES)
    pages_by_count = f"{PROFILES}?ordering=-invitations_count"
    following = operator.api.get(pages_by_count).json()["next"].removeprefix("http://testserver")
    ask("many by count, next", f"GET {following}", None, operator.token)


def profiles_read(ask: Asker) -> None:
    operator, helper, alice = staff(ask)
    path = f"{PROFILES}/{row(alice).get().pk}"
    usual(ask, f"GET {path}", None, operator.token)
    refused_tokens(ask, f"GET {path}", None, operator)
    ask("no operator", f"GET {path}", None, alice.token)
    ask("operator who may not see phones", f"GET {path}", None, helper.token)
    alice.activate(operator.me()["invite_code"])
    ask("after a vote", f"GET {path}", None, operator.token)
    for number in ("0", "9" * 18, "9" * 30, "-1", "x"):
        ask(f"id: {number}", f"GET {PROFILES}/{number}", None, operator.token)
    unverified = registered("9991237777", verified_at=None)
    ask("somebody unverified", f"GET {PROFILES}/{unverified.pk}", None, operator.token)
    row(alice).update(is_active=False)
    ask("somebody disabled", f"GET {path}", None, operator.token)


METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW")
TAKEN = {
    SIGNUP: {"POST"},
    LOGIN: {"POST"},
    REFRESH: {"POST"},
    LOGOUT: {"POST"},
    DEVICES: {"GET", "HEAD", "DELETE"},
    f"{DEVICES}/1": {"DELETE"},
    ME: {"GET", "HEAD", "POST", "DELETE"},
    f"{ME}/invitations": {"GET", "HEAD"},
    f"{ME}/export": {"GET", "HEAD"},
    PROFILES: {"GET", "HEAD"},
    f"{PROFILES}/1": {"GET", "HEAD"},
}


def methods(ask: Asker) -> None:
    operator, *_ = staff(ask)
    for path, taken in TAKEN.items():
        for method in METHODS:
            if method not in taken:
                ask(f"{method} {path}", f"{method} {path}", None, operator.token)
        ask(f"PUT {path}, by nobody", f"PUT {path}", {})
        ask(f"OPTIONS {path}, by nobody", f"OPTIONS {path}")
        ask(f"PUT {path}/", f"PUT {path}/", {}, operator.token)


def nowhere(ask: Asker) -> None:
    """Paths of the API that are none, and what is refused before the path is looked at."""
    alice = ask.person("alice", PHONE_OF_ALICE)
    for path in ("/api/", "/api/nowhere", "/api/v1", "/api/v1/", "/api/v2/profiles/me", "/api/auth", f"{SIGNUP}/x",
                 f"{SIGNUP}//", f"{PROFILES}/me/x", f"{PROFILES}/1/x",
                 "/api/schema", "/api/%00", "/api/%ff"):  # fmt: skip
        ask(f"GET {path}", f"GET {path}")
    for method in METHODS[1:]:
        ask(f"{method} /api/nowhere", f"{method} /api/nowhere")
    ask("with a token", "GET /api/nowhere", None, alice.token)
    ask("with a token that is none", "GET /api/nowhere", None, "nonsense")
    ask("too large", "POST /api/nowhere", b" " * (64 * 1024 + 1))
    ask("foreign host", "GET /api/nowhere", HTTP_HOST="other.example.org")
    ask("request id", "GET /api/nowhere", HTTP_X_REQUEST_ID="given-by-the-caller")
    ask("request id that is none", "GET /api/nowhere", HTTP_X_REQUEST_ID="short")
    ask("as HTML", "GET /api/nowhere", HTTP_ACCEPT="text/html")
    for language in ("ru", "ru-RU,ru;q=0.9,en;q=0.8", "de, ru;q=0.5", "de", "*", "en-GB"):
        ask(f"language: {language}", "GET /api/nowhere", HTTP_ACCEPT_LANGUAGE=language)
    ask("preflight", f"OPTIONS {ME}", HTTP_ORIGIN=ORIGIN, HTTP_ACCESS_CONTROL_REQUEST_METHOD="POST")
    ask.settings.SECURE_HSTS_SECONDS = 1000
    ask("over TLS, with HSTS", "GET /api/nowhere", **{"wsgi.url_scheme": "https"})
    ask("not over TLS, with HSTS", "GET /api/nowhere")


def pages_for_people(ask: Asker) -> None:
    alice = ask.person("alice", PHONE_OF_ALICE)
    code = alice.me()["invite_code"]
    for name, path in {
        "/": "/", "/i/CODE": f"/i/{code}", "/i/CODE/": f"/i/{code}/", "/i/code": f"/i/{code.lower()}",
        "/i/CODE/qr.svg": f"/i/{code}/qr.svg", **{path: path for path in PATHS_OF_PAGES},
    }.items():  # fmt: skip
        ask.page(f"GET {name}", f"GET {path}")
        ask.page(f"HEAD {name}", f"HEAD {path}")
        ask.page(f"GET {name}, in Russian", f"GET {path}", HTTP_ACCEPT_LANGUAGE="ru")
        ask.page(f"POST {name}", f"POST {path}")
        ask.page(f"OPTIONS {name}", f"OPTIONS {path}")
    for path in ("/", "/docs", "/schema", "/livez", "/nowhere"):
        ask.page(f"{path}, compressed", f"GET {path}", HTTP_ACCEPT_ENCODING="gzip")
        ask.page(f"{path}, of another host", f"GET {path}", HTTP_HOST="other.example.org")
        ask.page(f"{path}, too large", f"POST {path}", body=b" " * (64 * 1024 + 1))
        ask.page(f"{path}, with a request id", f"GET {path}", HTTP_X_REQUEST_ID="given-by-the-caller")
        ask.page(f"{path}, of another origin", f"GET {path}", HTTP_ORIGIN=ORIGIN)
    for kind in ("json", "yaml", "xml"):
        ask.page(f"/schema?format={kind}", f"GET /schema?format={kind}")
    for kind in ("application/json", "application/vnd.oai.openapi+json", "text/html", "image/png"):
        ask.page(f"/schema as {kind}", "GET /schema", HTTP_ACCEPT=kind)
    ask.page("/docs?script=", "GET /docs?script=")
    ask.page("/admin/login/, form without its secret", "POST /admin/login/", Client(enforce_csrf_checks=True))
    operator = get_user_model().objects.get(phone=f"+7{alice.phone}")
    row(alice).update(is_staff=True, is_superuser=True)
    browser = Client()
    browser.force_login(operator, "django.contrib.auth.backends.ModelBackend")
    ask.page("/admin/, signed in", "GET /admin/", browser)
    ask.settings.SECURE_HSTS_SECONDS = 1000
    ask.page("/livez, over TLS, with HSTS", "GET /livez", **{"wsgi.url_scheme": "https"})


PATHS_OF_PAGES = (
    "/i/broken", "/i/broken/qr.svg", "/docs", "/docs/", "/redoc", "/redoc/", "/schema", "/schema/", "/problems",
    "/problems/", "/problems/invalid", "/problems/invalid/", "/problems/nowhere", "/livez", "/livez/", "/readyz",
    "/favicon.ico", "/admin", "/admin/", "/admin/login/", "/admin/nowhere/", "/nowhere", "/api", "/static/nowhere.js",
)  # fmt: skip

OPERATIONS = (
    signup, login, refresh, logout, devices_list, devices_end_all, devices_end, me_read, me_activate, me_erase,
    me_invitations, me_export, profiles_list, profiles_read,
)  # fmt: skip
SCENARIOS: dict[str, Callable[[Asker], None]] = {
    scenario.__name__: scenario for scenario in (*OPERATIONS, methods, nowhere, pages_for_people)
}


@pytest.fixture
def ask(settings: Any) -> Iterator[Asker]:
    """With what a process looks up once looked up, so that statements are counted alike in any order of tests."""
    ContentType.objects.clear_cache()
    ContentType.objects.get_for_models(*apps.get_models())
    yield Asker(settings)
    ContentType.objects.clear_cache()


@pytest.mark.parametrize("name", SCENARIOS)
def test_each_answer_is_as_recorded(name: str, ask: Asker) -> None:
    SCENARIOS[name](ask)

    assert as_recorded(f"answers/{name}", ask.answers)


@pytest.fixture(scope="module")
def documented() -> dict[str, set[str]]:
    """The codes of each operation, as the document lists them."""
    document = client().get("/schema?format=json").json()
    return {
        operation["operationId"]: {
            example["value"]["code"]
            for status, answer in operation["responses"].items()
            if status >= "4"
            for example in answer["content"]["application/problem+json"]["examples"].values()
        }
        for path in document["paths"].values()
        for operation in path.values()
    }


AFTER_RECORDING = pytest.mark.skipif(RECORDS, reason="the recordings are being made")


def recorded_of(operation: str) -> list[Any]:
    return list(json.loads((FOLDER / "answers" / f"{operation}.json").read_text()).values())


@AFTER_RECORDING
def test_each_operation_of_the_document_has_a_recorded_success(documented: dict[str, set[str]]) -> None:
    assert set(documented) == {scenario.__name__ for scenario in OPERATIONS}
    for operation in documented:
        assert any(answer["status"] in (200, 204) for answer in recorded_of(operation)), operation


@AFTER_RECORDING
def test_each_code_of_the_document_is_recorded(documented: dict[str, set[str]]) -> None:
    for operation, codes in documented.items():
        recorded = {
            answer["body"]["code"] for answer in recorded_of(operation) if answer["status"] >= 400 and answer["body"]
        }
        assert codes - recorded == set(NOT_HERE), operation
