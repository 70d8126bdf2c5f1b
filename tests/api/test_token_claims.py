"""The claims that a signed token must have: RFC 8725 3.8 to 3.12, ASVS 5.0 V9.2."""

import json
import time
from typing import Any

import pytest

from tests.api.test_tokens import forged, is_401, logout, me, refresh
from tests.support.accounts import SignedInUser
from tests.support.forged_tokens import HEADER, claims, sealed, with_claim
from tests.support.rows_written import rows_written

pytestmark = pytest.mark.django_db

NAMES = ("iss", "aud", "sub", "sid", "jti", "typ", "exp")
HUGE = "9" * 400


def both_refused(alice: SignedInUser, name: str, value: str, *codes: str) -> None:
    """Assert that it is refused as an access token and as a refresh token."""
    before = rows_written()
    for answer in (me(with_claim(alice.token, name, value)), refresh(with_claim(alice.refresh, name, value))):
        assert answer.status_code == 401, answer.content
        assert answer.json()["code"] in codes
    assert rows_written() == before


@pytest.mark.parametrize("name", NAMES)
def test_token_without_a_claim_is_refused(alice: SignedInUser, name: str) -> None:
    is_401(me(forged(alice.token, **{name: None})), "token_invalid")
    is_401(refresh(forged(alice.refresh, **{name: None})), "token_invalid")
    is_401(logout(forged(alice.refresh, **{name: None})), "token_invalid")


@pytest.mark.parametrize("value", ["null", '"another"', '["a"]', "{}", '""', '"\\u0000"', '"\\ud800"'])
@pytest.mark.parametrize("name", NAMES)
def test_claim_of_another_type_is_refused(alice: SignedInUser, name: str, value: str) -> None:
    both_refused(alice, name, value, "token_invalid")


@pytest.mark.parametrize("value", ["7", "-1", "1.5", "1e400", "NaN", "true", HUGE])
@pytest.mark.parametrize("name", ["iss", "aud", "sub", "sid", "jti", "typ"])
def test_number_in_place_of_text_is_refused(alice: SignedInUser, name: str, value: str) -> None:
    both_refused(alice, name, value, "token_invalid")


@pytest.mark.parametrize(
    "value", ["NaN", "Infinity", "1e400", "1e300", "1e30", "1e17", "1e13", HUGE, '"9999999999"', '"1e400"', "[1]", "{}"]
)
def test_expiry_beyond_any_date_is_refused(alice: SignedInUser, value: str) -> None:
    both_refused(alice, "exp", value, "token_invalid")
    is_401(logout(with_claim(alice.refresh, "exp", value)), "token_invalid")


@pytest.mark.parametrize("value", ["0", "-1", "-1e9", "1.5", "true", "false", "1"])
def test_expiry_in_the_past_is_expired(alice: SignedInUser, value: str) -> None:
    both_refused(alice, "exp", value, "token_expired")


@pytest.mark.parametrize("value", ["4000000000", "4e9", '"4000000000"', "NaN", "1e400", "[]", '"tomorrow"', HUGE])
@pytest.mark.parametrize("name", ["nbf", "iat"])
def test_token_issued_in_the_future_is_refused(alice: SignedInUser, name: str, value: str) -> None:
    both_refused(alice, name, value, "token_invalid")


@pytest.mark.parametrize("value", ["inviting_app:api ", "INVITING_APP:API", "inviting_app", "", "*"])
def test_other_audience_is_refused(alice: SignedInUser, value: str) -> None:
    both_refused(alice, "aud", json.dumps(value), "token_invalid")
    both_refused(alice, "aud", json.dumps([value]), "token_invalid")


@pytest.mark.parametrize("value", ["inviting_app ", "INVITING_APP", "https://inviting_app"])
def test_other_issuer_is_refused(alice: SignedInUser, value: str) -> None:
    both_refused(alice, "iss", json.dumps(value), "token_invalid")


@pytest.mark.parametrize("value", ["ACCESS", "access ", "Refresh", "refresh,access", "JWT"])
def test_other_kind_is_refused(alice: SignedInUser, value: str) -> None:
    both_refused(alice, "typ", json.dumps(value), "token_invalid")


@pytest.mark.parametrize("value", ["9" * 500, "-" + "9" * 30, "99999999999999999999", "-1", "0"])
def test_session_id_of_another_user_opens_and_ends_nothing(alice: SignedInUser, value: str) -> None:
    both_refused(alice, "sub", json.dumps(value), "token_revoked")

    assert logout(with_claim(alice.refresh, "sub", json.dumps(value))).status_code in (204, 400)  # 400: too long
    assert me(alice.token).status_code == 200


def test_user_id_of_another_user_with_the_own_session_is_refused(alice: SignedInUser, bob: SignedInUser) -> None:
    both_refused(alice, "sub", json.dumps(claims(bob.token)["sub"]), "token_revoked")
    both_refused(alice, "sid", json.dumps(claims(bob.token)["sid"]), "token_revoked")


def test_last_value_of_a_repeated_claim_counts(alice: SignedInUser, bob: SignedInUser) -> None:
    """There is only one parser, so nothing else can read the first value."""
    payload = json.dumps(claims(alice.token))

    is_401(me(sealed(HEADER, f'{payload[:-1]}, "exp": 1}}'.encode())), "token_expired")
    is_401(me(sealed(HEADER, f'{payload[:-1]}, "sub": "{claims(bob.token)["sub"]}"}}'.encode())), "token_revoked")


@pytest.mark.parametrize("payload", [b"\xff\xfe", b"\xed\xa0\x80", b'{"exp":\xff}', b"", b"\x00", b"null", b'"text"'])
def test_payload_that_is_not_an_object_is_refused(payload: bytes) -> None:
    for answer in (me(sealed(HEADER, payload)), refresh(sealed(HEADER, payload)), logout(sealed(HEADER, payload))):
        is_401(answer, "token_invalid")


def test_unknown_claims_change_nothing(alice: SignedInUser) -> None:
    extra: dict[str, Any] = {"is_staff": True, "scope": "admin", "user_id": 1, "role": "staff", "nbf": time.time() - 9}

    assert me(forged(alice.token, **extra)).json() == me(alice.token).json()
    is_401(refresh(forged(alice.token, token_type="refresh", **extra)), "token_invalid")
