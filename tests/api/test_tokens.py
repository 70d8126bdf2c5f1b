"""Access and refresh tokens over HTTP: their claims, their lifetime, and who may use them."""

import time
from datetime import timedelta
from typing import Any

import jwt
import pytest
from django.db.models import F

from tests.support.accounts import SignedInUser, client
from tests.support.forged_tokens import claims
from tests.support.login_steps import right
from users import accounts, keys
from users.models import Device, User

pytestmark = pytest.mark.django_db
DAY = 24 * 3600


def me(token: str) -> Any:
    return client(HTTP_AUTHORIZATION=f"Bearer {token}").get("/api/v1/profiles/me")


def refresh(token: Any, **headers: Any) -> Any:
    return client(**headers).post("/api/auth/refresh", {"refresh": token})


def logout(token: str) -> Any:
    return client().post("/api/auth/logout", {"refresh": token})


def pass_time(**time: float) -> None:
    """Move the user's sign-in and last refresh into the past by this much."""
    ago = timedelta(**time)
    Device.objects.update(signed_in_at=F("signed_in_at") - ago, refreshed_at=F("refreshed_at") - ago)


def is_401(answer: Any, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (401, code)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_claims_name_the_user_the_session_and_the_type(alice: SignedInUser) -> None:
    access, refresh_token = claims(alice.token), claims(alice.refresh)

    session = Device.objects.get().session_id.hex
    user_id = str(User.objects.get().pk)
    assert set(access) == set(refresh_token) == {"iss", "aud", "sub", "sid", "jti", "typ", "exp"}
    assert (access["sub"], access["sid"]) == (refresh_token["sub"], refresh_token["sid"]) == (user_id, session)
    assert (access["typ"], refresh_token["typ"]) == ("access", "refresh")
    assert 595 <= access["exp"] - time.time() <= 600
    assert 30 * DAY - 5 <= refresh_token["exp"] - time.time() <= 30 * DAY
    assert jwt.get_unverified_header(alice.token)["alg"] == "HS256"


def test_refresh_returns_a_new_pair_that_works(alice: SignedInUser) -> None:
    answer = refresh(alice.refresh)

    assert answer.status_code == 200
    assert set(answer.json()) == {"token", "refresh", "expires_in"}
    assert answer.json()["refresh"] != alice.refresh
    assert me(answer.json()["token"]).status_code == 200
    assert refresh(answer.json()["refresh"]).status_code == 200


def test_session_lasts_ninety_days_however_often_it_is_refreshed(alice: SignedInUser) -> None:
    Device.objects.update(signed_in_at=F("signed_in_at") - timedelta(days=80))

    late = claims(refresh(alice.refresh).json()["refresh"])

    assert 10 * DAY - 5 <= late["exp"] - time.time() <= 10 * DAY


def test_expired_and_invalid_tokens_have_different_codes(alice: SignedInUser) -> None:
    past = int(time.time()) - 1

    is_401(me(forged(alice.token, exp=past)), "token_expired")
    is_401(refresh(forged(alice.refresh, exp=past)), "token_expired")
    is_401(logout(forged(alice.refresh, exp=past)), "token_expired")


def test_logout_ends_the_session_and_keeps_the_device_known(alice: SignedInUser) -> None:
    answer = logout(alice.refresh)

    assert (answer.status_code, answer.content) == (204, b"")
    is_401(me(alice.token), "token_revoked")
    is_401(refresh(alice.refresh), "token_revoked")
    assert Device.objects.get().trust_hash is not None
    assert logout(alice.refresh).status_code == 204


def test_disabled_user_is_refused_at_the_next_request(alice: SignedInUser) -> None:
    accounts.disable(User.objects.get())
    is_401(me(alice.token), "token_revoked")
    is_401(refresh(alice.refresh), "token_revoked")

    accounts.enable(User.objects.get())
    is_401(me(alice.token), "token_revoked")
    is_401(refresh(alice.refresh), "token_revoked")


def test_user_disabled_by_sql_is_refused_too(alice: SignedInUser) -> None:
    User.objects.update(is_active=False)

    is_401(me(alice.token), "token_revoked")
    is_401(refresh(alice.refresh), "token_revoked")


def test_token_of_an_earlier_session_on_the_same_device_is_refused(alice: SignedInUser) -> None:
    browser = client()
    body = {"phone": alice.phone, "device_token": alice.device_token}
    asked = browser.post("/api/auth/signup", body).json()["challenge_id"]
    assert browser.post("/api/auth/login", {"code": right(asked)}).status_code == 200

    assert Device.objects.count() == 1
    is_401(me(alice.token), "token_revoked")
    is_401(refresh(alice.refresh), "token_revoked")
    assert logout(alice.refresh).status_code == 204
    assert Device.objects.get().ended_at is None


def test_new_secret_key_signs_nobody_out_while_the_old_one_is_a_fallback(alice: SignedInUser, settings: Any) -> None:
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = ["older still", settings.SECRET_KEY], "a newer key"
    assert me(alice.token).status_code == 200
    swapped = refresh(alice.refresh).json()

    settings.SECRET_KEY_FALLBACKS = []

    assert me(swapped["token"]).status_code == 200
    is_401(me(alice.token), "token_invalid")


@pytest.mark.parametrize("header", ["Bearer x.y.z", "Bearer ", "Basic YTpi", "\udce9"])
def test_foreign_authorization_header_does_not_affect_refresh(alice: SignedInUser, header: str) -> None:
    assert refresh(alice.refresh, HTTP_AUTHORIZATION=header).status_code == 200


def forged(token: str, key: bytes | None = None, **changed: Any) -> str:
    """The token with some claims changed (None: removed), signed with our key or another."""
    payload = {name: value for name, value in {**claims(token), **changed}.items() if value is not None}
    return jwt.encode(payload, key or keys.token_keys()[0], algorithm="HS256")
