"""The four requests of two users, by each kind of client."""

import pytest

from tests.support.accounts import client

pytestmark = pytest.mark.django_db


def test_original_client_works_unchanged() -> None:
    """Sign-up, log-in, profile, activation: with cookies, a number as the phone, and trailing slashes."""
    invite_codes, tokens = [], []
    for phone in (9991234567, 9991234568):
        browser = client()
        code = browser.post("/api/auth/signup/", {"phone": phone}).json()["code"]
        token = browser.post("/api/auth/login/", {"code": code}).json()["token"]
        browser.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
        invite_codes.append(browser.get("/api/v1/profiles/me/").json()["invite_code"])
        tokens.append(token)

    voter = client()
    voter.credentials(HTTP_AUTHORIZATION=f"Bearer {tokens[1]}")
    answer = voter.post("/api/v1/profiles/me/", {"activated_invite": invite_codes[0]})

    assert answer.status_code == 200
    assert answer.json()["activated_invite"] == invite_codes[0]
    chosen = client()
    chosen.credentials(HTTP_AUTHORIZATION=f"Bearer {tokens[0]}")
    assert chosen.get("/api/v1/profiles/me").json()["invitations"] == ["9991234568"]


@pytest.mark.parametrize("remembered", ["challenge_id", "phone"])
def test_client_without_cookies_sends_its_challenge_id(remembered: str) -> None:
    asked = client().post("/api/auth/signup", {"phone": "9991234567"}).json()
    known = {"challenge_id": asked["challenge_id"], "phone": "+7 (999) 123-45-67"}

    answer = client().post("/api/auth/login", {"code": asked["code"], remembered: known[remembered]})

    assert answer.status_code == 200
    assert answer.json()["created"] is True
