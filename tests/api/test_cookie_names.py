"""Two instances on one host do not overwrite each other's cookies."""

from typing import Any

import pytest
from django.http import HttpResponse

from inviting_app.cookie_names import of_admin, suffix
from tests.support.accounts import client, signed_in
from tests.support.login_steps import challenge

KEY, OTHER = "k" * 50, "o" * 50


@pytest.mark.parametrize(
    "site",
    ["https://invite.example.org", "http://invite.example.org", "https://xn--e1afmkfd.xn--p1ai", "https://my.locale"],
)  # fmt: skip
def test_public_name_has_the_usual_names(site: str) -> None:
    assert suffix(site, KEY) == ""


@pytest.mark.parametrize(
    "site",
    ["http://localhost:8000", "http://127.0.0.1", "http://192.168.1.5:8000", "http://[::1]:8000", "https://203.0.113.7",
     "http://inviter", "http://a.localhost", "http://invite.example.org:8000", "http://my-mac.local:8000", "https://app.internal"],
)  # fmt: skip
def test_other_host_has_names_of_the_instance(site: str) -> None:
    own = suffix(site, KEY)

    assert own == suffix(site, KEY) and len(own) == 9
    assert own != suffix(site, OTHER)  # another clone, on the same port
    assert own != suffix(f"{site.removesuffix(':8000')}:8001", KEY)  # another port, with the same `.env`


@pytest.mark.parametrize(
    ("site", "names"),
    [
        ("https://invite.example.org", ("__Host-sessionid", "__Host-csrftoken")),
        ("http://invite.example.org", ("sessionid", "csrftoken")),
    ],
)
def test_no_other_host_can_set_a_cookie_of_the_admin_with_https(site: str, names: tuple[str, str]) -> None:
    assert of_admin(site, "") == names
    assert of_admin(site, "_a") == tuple(f"{name}_a" for name in names)


@pytest.mark.django_db
def test_cookies_of_another_instance_are_left_alone(settings: Any) -> None:
    browser = client()

    def sign_in(suffix: str) -> HttpResponse:
        settings.COOKIE_SUFFIX = suffix
        asked = browser.post("/api/auth/signup", {"phone": "9991234567"})
        assert list(asked.cookies) == [f"challenge{suffix}"]
        answer: HttpResponse = browser.post("/api/auth/login", {"code": asked.json()["code"]})
        assert set(answer.cookies) == {f"challenge{suffix}", f"device{suffix}"}
        return answer

    sign_in("_a")
    kept = browser.cookies["device_a"].value
    sign_in("_b")

    assert browser.cookies["device_a"].value == kept


@pytest.mark.django_db
def test_device_cookie_of_an_earlier_version_is_still_read(settings: Any) -> None:
    alice = signed_in("9991234567")
    settings.COOKIE_SUFFIX = "_a"

    asked = alice.api.post("/api/auth/signup", {"phone": "9991234567"}).json()

    assert "device_a" not in alice.api.cookies
    assert challenge(asked["challenge_id"]).login_code.device_id is not None
