"""A new SECRET_KEY, with the old one in SECRET_KEY_FALLBACKS for a while, signs nobody out.

Without the old one every token of before is refused, and that is all that happens.
"""

import os
import subprocess
import sys
from typing import Any

import pytest
from django.conf import settings as site
from django.test import Client

from profiles import signup
from tests.api.test_forged_tokens import refused
from tests.api.test_tokens import is_401, logout, me, refresh
from tests.support.accounts import SignedInUser, client
from tests.support.login_steps import challenge, right, set_code
from users.models import Device

NEW = "a newer key, just as known"
PASSWORD = "long enough to be a password"


def change_key(settings: Any, key: str = NEW) -> None:
    settings.SECRET_KEY_FALLBACKS = [site.SECRET_KEY, *site.SECRET_KEY_FALLBACKS]
    settings.SECRET_KEY = key


def drop_old_keys(settings: Any) -> None:
    settings.SECRET_KEY_FALLBACKS = []


def known_again(person: SignedInUser, token: str) -> tuple[int | None, str]:
    """The device that the service finds by this token, and the token that it returns at sign-in."""
    browser = client()
    asked = browser.post("/api/auth/signup", {"phone": person.phone, "device_token": token}).json()["challenge_id"]
    device = challenge(asked).login_code.device_id
    answer = browser.post("/api/auth/login", {"code": right(asked)})
    assert answer.status_code == 200
    return device, answer.json()["device_token"]


@pytest.mark.django_db
def test_old_tokens_stay_valid_and_their_successors_use_the_new_key(alice: SignedInUser, settings: Any) -> None:
    change_key(settings)
    assert me(alice.token).status_code == 200
    swapped = refresh(alice.refresh).json()

    drop_old_keys(settings)

    assert me(swapped["token"]).status_code == 200
    assert refresh(swapped["refresh"]).status_code == 200


@pytest.mark.django_db
def test_refresh_is_repeated_across_a_key_change(alice: SignedInUser, settings: Any) -> None:
    refresh(alice.refresh)  # lost

    change_key(settings)

    again = refresh(alice.refresh)
    assert again.status_code == 200
    assert refresh(again.json()["refresh"]).status_code == 200


@pytest.mark.django_db
def test_key_may_change_again_before_the_first_is_dropped(alice: SignedInUser, settings: Any) -> None:
    change_key(settings)
    change_key(settings, "the newest key")

    assert me(alice.token).status_code == 200
    assert logout(alice.refresh).status_code == 204
    is_401(me(alice.token), "token_revoked")


@pytest.mark.django_db
def test_hosts_that_know_both_keys_accept_each_other(alice: SignedInUser, settings: Any) -> None:
    """Each request comes to the other one of two hosts, of which only one has exchanged the keys."""
    signup.make_operator("+79991119997", PASSWORD)
    browser = Client()
    browser.post("/admin/login/", {"username": "+79991119997", "password": PASSWORD})
    orders = [(site.SECRET_KEY, NEW), (NEW, site.SECRET_KEY)]
    token, newest = alice.token, alice.refresh

    for key, other in orders * 2:
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = key, [other]
        assert me(token).status_code == 200
        pair = refresh(newest).json()
        token, newest = pair["token"], pair["refresh"]
        assert browser.get("/admin/").status_code == 200


@pytest.mark.django_db
def test_tokens_of_a_dropped_key_are_refused(alice: SignedInUser, settings: Any) -> None:
    change_key(settings)
    drop_old_keys(settings)

    refused(alice.token)
    refused(alice.refresh)
    assert Device.objects.get().ended_at is None


@pytest.mark.django_db
def test_known_device_stays_known_and_keeps_its_token_while_its_key_is_kept(alice: SignedInUser, settings: Any) -> None:
    device = Device.objects.get().pk
    change_key(settings)

    assert known_again(alice, alice.device_token) == (device, alice.device_token)


@pytest.mark.django_db
def test_known_device_of_a_dropped_key_stays_known_and_gets_a_new_token(alice: SignedInUser, settings: Any) -> None:
    device = Device.objects.get().pk
    change_key(settings)
    drop_old_keys(settings)

    known, token = known_again(alice, alice.device_token)

    assert known == device
    assert token != alice.device_token
    assert known_again(alice, token) == (device, token)


@pytest.mark.django_db
def test_sent_code_is_invalid_under_the_new_key(settings: Any) -> None:
    api = client()
    asked = api.post("/api/auth/signup", {"phone": "9991110004"}).json()["challenge_id"]
    set_code(asked, nonce=bytes(16))  # until the two keys give different digits
    sent = right(asked)

    change_key(settings)

    answer = api.post("/api/auth/login", {"code": sent})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_code")
    assert api.post("/api/auth/login", {"code": right(asked)}).status_code == 200


@pytest.mark.django_db
def test_operator_stays_logged_in_until_the_old_key_is_dropped(settings: Any) -> None:
    signup.make_operator("+79991119998", PASSWORD)
    browser, idle = Client(), Client()
    for session in (browser, idle):
        session.post("/admin/login/", {"username": "+79991119998", "password": PASSWORD})

    change_key(settings)
    assert browser.get("/admin/").status_code == 200
    drop_old_keys(settings)

    assert browser.get("/admin/").status_code == 200  # its session took the new key
    assert idle.get("/admin/").status_code == 302


@pytest.mark.django_db
def test_all_tabs_of_an_operator_stay_logged_in(settings: Any) -> None:
    """The requests of two tabs have the same cookie: neither has seen the answer to the other."""
    signup.make_operator("+79991119996", PASSWORD)
    tabs = Client(), Client()
    tabs[0].post("/admin/login/", {"username": "+79991119996", "password": PASSWORD})
    tabs[1].cookies.load(tabs[0].cookies.output(header=""))
    assert tabs[1].get("/admin/").status_code == 200

    change_key(settings)

    assert [tab.get("/admin/").status_code for tab in tabs] == [200, 200]
    drop_old_keys(settings)
    assert [tab.get("/admin/").status_code for tab in tabs] == [200, 200]


PROCESS = """
import sys, uuid, django
django.setup()
from users.login import tokens
from users.models import Device
session = uuid.UUID(int=7)
for text in sys.argv[1:]:
    assert tokens.AccessToken.parse(text).session_id == session
print(tokens.AccessToken.for_device(Device(user_id=1, session_id=session)))
"""


def process(*tokens: str, key: str, fallbacks: str = "") -> str:
    """A process of the service with these keys. It must accept these tokens, and returns one of its own."""
    variables = {
        "SECRET_KEY": key,
        "SECRET_KEY_FALLBACKS": fallbacks,
        "DJANGO_SETTINGS_MODULE": "inviting_app.settings",
    }
    command = [sys.executable, "-c", PROCESS, *tokens]
    done = subprocess.run(command, cwd=site.BASE_DIR, env=os.environ | variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.long
def test_processes_with_the_new_key_accept_tokens_of_the_old_one() -> None:
    before = process(key="old")

    after = process(before, key=NEW, fallbacks="another, old")

    process(after, key=NEW)
    with pytest.raises(AssertionError, match="TokenInvalid"):
        process(before, key=NEW)
