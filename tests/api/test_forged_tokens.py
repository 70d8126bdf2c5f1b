"""Forged tokens, and tokens for another purpose: always 401, never a server error, and nothing is written.

The requirements of OWASP ASVS 5.0 (V7, V9) and RFC 8725, and the files that test them:

- signature first, no source of keys but ours (test_token_headers): V9.1.1, V9.1.3; RFC 8725 3.3, 3.5, 3.10
- one algorithm, never `none`, no public key taken for a secret (test_token_headers): V9.1.2; RFC 8725 3.1, 3.2
- nothing but what is understood (here, and `crit` in test_token_headers): RFC 7515 4.1.11
- kinds are not crossed, and have keys of their own (here): V9.2.2; RFC 8725 3.11, 3.12
- time span, issuer, subject, audience (test_token_claims): V9.2.1, V9.2.3, V9.2.4; RFC 8725 3.8, 3.9
- sessions checked here, made anew at sign-in, idle and absolute ends (test_tokens): V7.2.1 to V7.2.4, V7.3.1, V7.3.2
- logout, ended, disabled and erased are out at the next request (test_tokens, test_devices, test_privacy): V7.4.1,
  V7.4.2
- users see and end their sessions, operators end anybody's, erasing oneself takes a fresh sign-in (test_devices,
  test_admin, test_privacy): V7.4.5, V7.5.2, V7.5.3
- keys are changed without signing anybody out (test_key_rotation)
"""

import json
from typing import Any

import pytest

from tests.api.test_tokens import is_401, logout, me, refresh
from tests.support.accounts import SignedInUser, client
from tests.support.forged_tokens import HEADER, sealed, segment
from tests.support.rows_written import rows_written

pytestmark = pytest.mark.django_db


def refused(token: str, code: str = "token_invalid") -> None:
    """Assert that no operation accepts this token."""
    before = rows_written()
    for answer in (me(token), refresh(token), logout(token)):
        is_401(answer, code)
    api = client(HTTP_AUTHORIZATION=f"Bearer {token}")
    is_401(api.post("/api/v1/profiles/me", {"activated_invite": "K7M4QZ"}), code)
    is_401(api.delete("/api/v1/profiles/me"), code)
    is_401(api.delete("/api/v1/devices"), code)
    assert rows_written() == before


GARBAGE_HEADERS = {
    "nested": b"[" * 1500,
    "a list": [],
    "not text": b"\xff\xfe",
    "empty": b"",
    "alg twice": b'{"alg":"HS256","alg":"none"}',
    "UTF-16": json.dumps(HEADER).encode("utf-16"),
    "a surrogate": b'{"alg":"\\ud800"}',
    "alg is a number": {"alg": 7},
    "alg is a list": {"alg": ["HS256"]},
    "alg is a long number": b'{"alg":' + b"9" * 1200 + b"}",
}
GARBAGE = {
    "word": "x",
    "dots": "..",
    "many dots": "." * 2000,
    "four parts": "a.b.c.d",
    "unsigned parts": "x.y.z",
    "nested payload": f"{segment(HEADER)}.{segment(b'[' * 1000)}.e30",
    "payload is a list": f"{segment(HEADER)}.{segment([])}.e30",
    "encrypted": f"{segment({'alg': 'dir', 'enc': 'A128GCM'})}..AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA",
    **{f"header: {name}": f"{segment(header)}.e30.e30" for name, header in GARBAGE_HEADERS.items()},
}


@pytest.mark.parametrize("token", GARBAGE.values(), ids=GARBAGE)
def test_garbage_is_refused(token: str) -> None:
    refused(token)


@pytest.mark.parametrize("token", ["ж" * 100, "\u202e.a.b", "٣.٣.٣"])
def test_refresh_token_with_other_characters_is_refused(token: str) -> None:
    is_401(refresh(token), "token_invalid")
    is_401(logout(token), "token_invalid")


def test_deeply_nested_signed_payload_is_refused() -> None:
    text = b'{"alg":"HS256","x":' + b"[" * 20_000
    is_401(me(f"{segment(text)}.e30.e30"), "token_invalid")
    is_401(me(sealed(HEADER, b"[" * 20_000)), "token_invalid")
    is_401(me(sealed(HEADER, b'{"a":' * 10_000)), "token_invalid")


@pytest.mark.parametrize("size", [2_000, 64 * 1024, 1_000_000])
def test_huge_tokens_are_refused(alice: SignedInUser, size: int) -> None:
    head, payload, signature = alice.token.split(".")

    for token in (f"{head}.{payload}.{'A' * size}", f"{head}.{'A' * size}.{signature}", f"{'A' * size}.x.x"):
        is_401(me(token), "token_invalid")


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer ", "Bearer a b", "bearer é", "Bearer \x00", "Bearer ,", "Bearer " + "a" * 60_000],
)
def test_odd_authorization_header_is_refused(header: str) -> None:
    answer = client(HTTP_AUTHORIZATION=header).get("/api/v1/profiles/me")

    is_401(answer, "token_invalid")


@pytest.mark.parametrize("header", ["", " ", "Basic YTpi", "Token abc", "Bearerabc", ",Bearer x", "\x00Bearer x"])
def test_request_without_a_bearer_token_is_not_authenticated(header: str) -> None:
    is_401(client(HTTP_AUTHORIZATION=header).get("/api/v1/profiles/me"), "not_authenticated")


@pytest.mark.parametrize(
    "spelling",
    ["{0}\x00", "\x00{0}", "{0},Bearer {0}", "{0}, {0}", "{0} {0}", "{0}.", ".{0}", "{0}====", '"{0}"', "Bearer {0}"],
    ids=repr,
)
def test_valid_token_with_extra_text_is_refused(alice: SignedInUser, spelling: str) -> None:
    is_401(me(spelling.format(alice.token)), "token_invalid")


def test_valid_token_in_two_headers_is_refused(alice: SignedInUser) -> None:
    """A server joins headers with the same name by a comma (RFC 9110 5.3)."""
    for joined in (f"Bearer {alice.token},Bearer {alice.token}", f"Bearer x,Bearer {alice.token}"):
        is_401(client(HTTP_AUTHORIZATION=joined).get("/api/v1/profiles/me"), "token_invalid")


@pytest.mark.parametrize("token", [7, None, [], {}, "", "a" * 2049, "\x00", "a\x00b", 1.5, True])
def test_refresh_value_that_is_not_a_token_is_invalid(token: Any) -> None:
    answer = refresh(token)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert [error["field"] for error in answer.json()["errors"]] == ["refresh"]


def test_access_and_refresh_tokens_are_not_interchangeable(alice: SignedInUser) -> None:
    before = rows_written()

    is_401(me(alice.refresh), "token_invalid")
    is_401(refresh(alice.token), "token_invalid")
    is_401(logout(alice.token), "token_invalid")
    assert rows_written() == before


def test_device_token_and_challenge_are_not_access_tokens(alice: SignedInUser) -> None:
    refused(alice.device_token)
    refused(client().post("/api/auth/signup", {"phone": "9991110009"}).json()["challenge_id"])


def test_access_and_refresh_tokens_are_not_device_tokens(alice: SignedInUser) -> None:
    for token in (alice.token, alice.refresh):
        answer = client().post("/api/auth/signup", {"phone": alice.phone, "device_token": token})

        assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
