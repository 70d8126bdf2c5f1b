"""Tokens that are not ours, or not for this: always 401, never an error of the server's."""

from __future__ import annotations

import base64
import json
from typing import Any

import jwt
import pytest

from tests.conftest import Person, client
from tests.test_tokens import claims, forged, is_401, logout, me, refresh
from users import keys
from users.models import Device

pytestmark = pytest.mark.django_db


def segment(value: Any) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def with_header(token: str, header: Any) -> str:
    return ".".join([segment(header), *token.split(".")[1:]])


GARBAGE = {
    "word": "x",
    "dots": "..",
    "four parts": "a.b.c.d",
    "unsigned parts": "x.y.z",
    "letters": "ж" * 100,
    "nested header": f"{segment(b'[' * 1500)}.e30.e30",
    "nested payload": f"{segment({'alg': 'HS256'})}.{segment(b'[' * 1000)}.e30",
    "header is a list": f"{segment([])}.e30.e30",
    "header is not text": f"{segment(bytes([0xFF, 0xFE]))}.e30.e30",
    "algorithm is a number": f"{segment({'alg': 7})}.e30.e30",
    "algorithm is a list": f"{segment({'alg': ['HS256']})}.e30.e30",
    "payload is a list": f"{segment({'alg': 'HS256'})}.{segment([])}.e30",
}


@pytest.mark.parametrize("token", GARBAGE.values(), ids=GARBAGE)
def test_garbage_is_refused(db: None, token: str) -> None:
    is_401(refresh(token), "token_invalid")
    is_401(logout(token), "token_invalid")
    if token.isascii():
        is_401(me(token), "token_invalid")


def test_deepest_nesting_of_a_signed_payload_is_refused(db: None) -> None:
    text = b'{"alg":"HS256","x":' + b"[" * 20_000
    is_401(me(f"{segment(text)}.e30.e30"), "token_invalid")
    payload = segment(b"[" * 20_000)
    head = segment({"alg": "HS256", "typ": "JWT"})
    algorithm = jwt.PyJWS().get_algorithm_by_name("HS256")
    signature = algorithm.sign(f"{head}.{payload}".encode(), keys.token_keys()[0])
    is_401(me(f"{head}.{payload}.{segment(signature)}"), "token_invalid")


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer ", "Bearer a b", "bearer é", "Bearer \x00", "Bearer " + "a" * 60_000]
)
def test_odd_authorization_header_is_refused(db: None, header: str) -> None:
    answer = client(HTTP_AUTHORIZATION=header).get("/api/v1/profiles/me")

    is_401(answer, "token_invalid")


@pytest.mark.parametrize("header", ["", "Basic YTpi", "Token abc", "Bearerabc"])
def test_no_bearer_token_is_not_signed_in(db: None, header: str) -> None:
    is_401(client(HTTP_AUTHORIZATION=header).get("/api/v1/profiles/me"), "not_authenticated")


@pytest.mark.parametrize("token", [7, None, [], {}, "", "a" * 2049, "\x00"])
def test_refresh_that_is_no_token_at_all_is_invalid(db: None, token: Any) -> None:
    answer = refresh(token)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert [error["field"] for error in answer.json()["errors"]] == ["refresh"]


def test_kinds_are_not_crossed(alice: Person) -> None:
    is_401(me(alice.refresh), "token_invalid")
    is_401(refresh(alice.token), "token_invalid")
    is_401(logout(alice.token), "token_invalid")
    assert Device.objects.get().ended_at is None


def test_device_token_is_no_bearer_token(alice: Person) -> None:
    is_401(me(alice.device_token), "token_invalid")
    is_401(refresh(alice.device_token), "token_invalid")


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "HS384", "HS512", "RS256", ""])
def test_another_algorithm_in_the_header_is_refused(alice: Person, algorithm: str) -> None:
    unsigned = with_header(alice.token, {"alg": algorithm, "typ": "JWT"}).rpartition(".")[0] + "."

    is_401(me(with_header(alice.token, {"alg": algorithm, "typ": "JWT"})), "token_invalid")
    is_401(me(unsigned), "token_invalid")


def test_another_algorithm_under_the_right_key_is_refused(alice: Person) -> None:
    token = jwt.encode(claims(alice.token), keys.token_keys()[0].ljust(64, b"\0"), algorithm="HS512")

    is_401(me(token), "token_invalid")


def test_other_keys_are_refused(alice: Person, settings: Any) -> None:
    for key in (keys.code_key(), keys.trust_keys()[0], settings.SECRET_KEY.encode(), bytes(32)):
        is_401(me(forged(alice.token, key)), "token_invalid")
        is_401(refresh(forged(alice.refresh, key)), "token_invalid")


@pytest.mark.parametrize(
    "claim",
    [
        *({name: None} for name in ("iss", "aud", "sub", "sid", "jti", "typ", "exp")),
        *({name: "another"} for name in ("iss", "aud", "sub", "sid", "jti", "typ", "exp")),
        *({name: ["a"]} for name in ("iss", "aud", "sub", "sid", "jti", "typ", "exp")),
        *({name: 7} for name in ("iss", "aud", "sid", "jti", "typ")),
        {"sub": "9" * 500},
        {"sub": "-"},
        {"sub": "\x00"},
        {"iat": "yesterday"},
        {"nbf": 4_000_000_000},
    ],
    ids=str,
)
def test_signed_token_of_another_make_is_refused(alice: Person, claim: dict[str, Any]) -> None:
    for answer in (me(raw(alice.token, claim)), refresh(raw(alice.refresh, claim))):
        assert answer.status_code == 401
        assert answer.json()["code"] in ("token_invalid", "token_revoked")


def test_token_of_another_person_with_ones_own_session_is_refused(alice: Person, bob: Person) -> None:
    token = forged(alice.token, sub=claims(bob.token)["sub"])

    is_401(me(token), "token_revoked")


def raw(token: str, changed: dict[str, Any]) -> str:
    """Signed with our key, whatever the claims are: the library that checks them is not asked."""
    payload = {name: value for name, value in {**claims(token), **changed}.items() if value is not None}
    return jwt.PyJWS().encode(json.dumps(payload).encode(), keys.token_keys()[0], algorithm="HS256")
