"""A browser is a known device by an HttpOnly cookie, so the page need not store the device token."""

from http.cookies import Morsel
from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.support.accounts import SignedInUser, client, signed_in
from tests.support.login_steps import challenge
from users.models import Device, LoginCode, User

pytestmark = pytest.mark.django_db
PHONE, OTHER = "9991110001", "9991110002"


def sign_up(browser: APIClient, phone: str = PHONE, **body: Any) -> dict[str, Any]:
    response = browser.post("/api/auth/signup", {"phone": phone, **body})
    assert response.status_code == 200
    return response.json()


def is_known(browser: APIClient, phone: str = PHONE, **body: Any) -> bool:
    """Whether the browser is a known device of this phone's user."""
    return challenge(sign_up(browser, phone, **body)["challenge_id"]).login_code.device_id is not None


def cookie_of_login(phone: str = PHONE) -> Morsel[str]:
    browser = client()
    return browser.post("/api/auth/login", {"code": sign_up(browser, phone)["code"]}).cookies["device"]


def test_login_sets_the_device_token_as_a_cookie_for_as_long_as_it_is_trusted() -> None:
    browser = client()
    response = browser.post("/api/auth/login", {"code": sign_up(browser)["code"]})

    cookie = response.cookies["device"]

    assert cookie.value == response.json()["device_token"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Strict", "/api/auth")
    assert cookie["max-age"] == 180 * 24 * 3600
    assert cookie["secure"] == ""
    assert cookie["domain"] == ""


def test_cookie_is_secure_if_the_site_is(settings: Any) -> None:
    settings.SESSION_COOKIE_SECURE = True

    assert cookie_of_login()["secure"] is True


def test_wrong_code_sets_no_device_cookie() -> None:
    browser = client()
    digits = int(sign_up(browser)["code"])

    response = browser.post("/api/auth/login", {"code": f"{(digits + 1) % 10000:04}"})

    assert response.status_code == 400
    assert "device" not in response.cookies


def test_browser_that_signed_in_once_is_known(alice: SignedInUser) -> None:
    assert is_known(alice.api)


def test_sign_in_by_cookie_reuses_the_device(alice: SignedInUser) -> None:
    before = Device.objects.get()

    again = alice.api.post("/api/auth/login", {"code": sign_up(alice.api)["code"]})

    assert again.json()["device_token"] == again.cookies["device"].value == alice.device_token
    assert Device.objects.get().pk == before.pk
    assert Device.objects.get().trusted_until > before.trusted_until


def test_token_in_the_body_takes_precedence_over_the_cookie(alice: SignedInUser) -> None:
    device_token = signed_in(OTHER).device_token

    assert is_known(alice.api, OTHER, device_token=device_token)
    assert not is_known(alice.api, device_token=device_token)


def test_null_or_empty_token_in_the_body_leaves_the_cookie_in_effect(alice: SignedInUser) -> None:
    assert is_known(alice.api, device_token=None)
    assert is_known(alice.api, device_token="")


def test_cookie_of_one_phone_is_unknown_to_another_and_no_response_reveals_it(
    alice: SignedInUser, bob: SignedInUser
) -> None:
    with_cookie_of_another = sign_up(alice.api, OTHER)
    LoginCode.objects.filter(user__phone=f"+7{OTHER}").delete()
    without = sign_up(client(), OTHER)

    code = LoginCode.objects.get(user__phone=f"+7{OTHER}")
    assert code.device is None
    assert with_cookie_of_another.keys() == without.keys()
    assert all(with_cookie_of_another[name] == without[name] for name in ("code_length", "expires_in", "sent"))


def test_browser_of_two_users_keeps_the_cookie_of_the_last_one(alice: SignedInUser) -> None:
    bob = alice.api.post("/api/auth/login", {"code": sign_up(alice.api, OTHER)["code"]})

    assert alice.api.cookies["device"].value == bob.json()["device_token"] != alice.device_token
    assert is_known(alice.api, OTHER)
    assert not is_known(alice.api)


@pytest.mark.parametrize(
    "sent", ["", "\0", r'"\000"', r'"a\000b"', "x" * 65, "é", '"a b"', '"', r'"\""', "../..", "x" * 4000, "null"]
)
def test_invalid_cookie_is_ignored(alice: SignedInUser, sent: str) -> None:
    assert not is_known(client(HTTP_COOKIE=f"device={sent}"))


def test_cookie_stays_after_signing_out(alice: SignedInUser) -> None:
    response = alice.api.post("/api/auth/logout", {"refresh": alice.refresh})

    assert "device" not in response.cookies
    assert is_known(alice.api)


@pytest.mark.parametrize("path", ["/api/v1/devices", "/api/v1/profiles/me"], ids=["ending the devices", "erasure"])
def test_cookie_has_no_effect_once_the_trust_has_ended(alice: SignedInUser, path: str) -> None:
    alice.api.delete(path)

    assert alice.api.cookies["device"].value == alice.device_token
    assert not is_known(alice.api)


def test_cookie_alone_opens_no_session(alice: SignedInUser) -> None:
    alice.api.credentials()

    assert alice.api.get("/api/v1/profiles/me").json()["code"] == "not_authenticated"
    assert User.objects.count() == 1
