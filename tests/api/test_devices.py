"""The user's devices: the list, revoking them, and how a device stays known."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone

from tests.support.accounts import SignedInUser, client, signed_in
from tests.support.login_steps import answer, ask, at, challenge, right
from users.login import devices
from users.models import Device, User

pytestmark = pytest.mark.django_db
PHONE = "9991110001"


def list_of(person: SignedInUser) -> list[dict[str, Any]]:
    response = person.api.get("/api/v1/devices")
    assert response.status_code == 200
    return response.json()


def sign_in(device_token: str = "", **headers: Any) -> dict[str, Any]:
    browser = client(**headers)
    body = {"phone": PHONE, **({"device_token": device_token} if device_token else {})}
    asked = browser.post("/api/auth/signup", body).json()["challenge_id"]
    return browser.post("/api/auth/login", {"code": right(asked)}).json()


def is_known(device_token: str) -> bool:
    """Whether the next sign-up with this token is that of a known device."""
    asked = client().post("/api/auth/signup", {"phone": PHONE, "device_token": device_token}).json()
    return challenge(asked["challenge_id"]).login_code.device_id is not None


def test_list_shows_every_device_newest_first_and_marks_the_current_one(alice: SignedInUser) -> None:
    sign_in(HTTP_USER_AGENT="Phone é\x07 1.0 " + "x" * 300)

    newest, own = list_of(alice)

    assert set(own) == {"id", "user_agent", "signed_in_at", "refreshed_at", "ended_at", "trusted_until", "current"}
    assert (newest["current"], own["current"]) == (False, True)
    assert newest["signed_in_at"] > own["signed_in_at"]
    assert newest["user_agent"] == ("Phone é 1.0 " + "x" * 300)[:200]
    assert own["ended_at"] is None


def test_known_device_keeps_its_row_and_its_token() -> None:
    first = sign_in()
    row = Device.objects.get()

    second = sign_in(first["device_token"], HTTP_USER_AGENT="Updated")

    assert second["device_token"] == first["device_token"]
    assert second["created"] is False
    taken_up = Device.objects.get()
    assert (taken_up.pk, taken_up.created_at, taken_up.user_agent) == (row.pk, row.created_at, "Updated")
    assert taken_up.session_id != row.session_id
    assert taken_up.trusted_until > row.trusted_until


def test_device_tokens_stay_valid_while_the_old_secret_key_is_kept(settings: Any) -> None:
    token = sign_in()["device_token"]
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "a newer key"
    assert sign_in(token)["device_token"] == token

    settings.SECRET_KEY_FALLBACKS = []
    renewed = sign_in(token)["device_token"]

    assert renewed != token
    assert Device.objects.count() == 1
    assert is_known(renewed)
    assert not is_known(token)


def test_device_that_logged_out_is_still_known(alice: SignedInUser) -> None:
    client().post("/api/auth/logout", {"refresh": alice.refresh})

    assert sign_in(alice.device_token)["device_token"] == alice.device_token
    assert Device.objects.get().ended_at is None


def test_only_the_five_latest_devices_are_known() -> None:
    tokens = [answer(ask(second), second).device_token for second in range(7)]

    trusted = Device.objects.filter(trust_hash__isnull=False).order_by("created_at")

    assert [device.created_at for device in trusted] == [at(second) for second in range(2, 7)]
    assert Device.objects.filter(ended_at=None).count() == 7
    user = User.objects.get()
    assert [devices.find_trusted(user, token, at(7)) is not None for token in tokens] == [False, False] + [True] * 5


def test_device_token_is_not_in_the_database(alice: SignedInUser) -> None:
    row = str(Device.objects.values().get())

    assert alice.device_token not in row
    assert len(alice.device_token) == 43


def test_revoking_one_device_ends_its_session_and_its_trust(alice: SignedInUser) -> None:
    other = sign_in()
    device_id = list_of(alice)[0]["id"]

    response = alice.api.delete(f"/api/v1/devices/{device_id}")

    assert (response.status_code, response.content) == (204, b"")
    assert (
        client(HTTP_AUTHORIZATION=f"Bearer {other['token']}").get("/api/v1/devices").json()["code"] == "token_revoked"
    )
    refreshed = client().post("/api/auth/refresh", {"refresh": other["refresh"]})
    assert (refreshed.status_code, refreshed.json()["code"]) == (401, "token_revoked")
    assert [device["current"] for device in list_of(alice)] == [True]
    assert not is_known(other["device_token"])


def test_revoked_device_is_not_found(alice: SignedInUser) -> None:
    sign_in()
    address = f"/api/v1/devices/{list_of(alice)[0]['id']}"
    alice.api.delete(address)

    again = alice.api.delete(address)

    assert (again.status_code, again.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("device_id", ["0", "9" * 30, "-1", "x"])
def test_unknown_device_is_not_found(alice: SignedInUser, device_id: str) -> None:
    response = alice.api.delete(f"/api/v1/devices/{device_id}")

    assert (response.status_code, response.json()["code"]) == (404, "not_found")


def test_devices_of_others_are_neither_shown_nor_revoked(alice: SignedInUser, bob: SignedInUser) -> None:
    theirs = list_of(bob)[0]["id"]

    response = alice.api.delete(f"/api/v1/devices/{theirs}")

    assert (response.status_code, response.json()["code"]) == (404, "not_found")
    assert [device["id"] for device in list_of(alice)] != [theirs]
    assert list_of(bob)[0]["ended_at"] is None


def test_revoking_all_devices_includes_the_current_one_and_no_other_users(
    alice: SignedInUser, bob: SignedInUser
) -> None:
    other = sign_in()

    response = alice.api.delete("/api/v1/devices")

    assert (response.status_code, response.content) == (204, b"")
    assert alice.api.get("/api/v1/devices").status_code == 401
    own = Device.objects.filter(user__phone=f"+7{PHONE}")
    assert not own.filter(ended_at=None).exists()
    assert not own.filter(trust_hash__isnull=False).exists()
    assert not is_known(other["device_token"])
    assert len(list_of(bob)) == 1


def test_device_without_session_and_trust_is_not_listed(alice: SignedInUser) -> None:
    for token in (sign_in()["refresh"], sign_in()["refresh"]):
        client().post("/api/auth/logout", {"refresh": token})
    assert [device["ended_at"] is None for device in list_of(alice)] == [False, False, True]

    Device.objects.filter(ended_at__isnull=False).update(trusted_until=timezone.now())

    assert [device["current"] for device in list_of(alice)] == [True]


def test_sign_in_is_recent_for_ten_minutes(alice: SignedInUser) -> None:
    device = Device.objects.get()

    assert devices.is_recent(device, device.signed_in_at + timedelta(seconds=599))
    assert not devices.is_recent(device, device.signed_in_at + timedelta(seconds=600))


def test_refresh_prolongs_neither_a_recent_sign_in_nor_the_trust(alice: SignedInUser) -> None:
    Device.objects.update(signed_in_at=F("signed_in_at") - timedelta(days=1))
    before = Device.objects.get()

    client().post("/api/auth/refresh", {"refresh": alice.refresh})

    after = Device.objects.get()
    assert (after.signed_in_at, after.trusted_until) == (before.signed_in_at, before.trusted_until)


def test_sign_in_after_the_device_was_revoked_creates_another_device() -> None:
    """The code was requested on a known device, which was revoked before the log-in."""
    person = signed_in(PHONE)
    asked = client().post("/api/auth/signup", {"phone": PHONE, "device_token": person.device_token}).json()
    person.api.delete("/api/v1/devices")

    response = client().post("/api/auth/login", {"code": asked["code"], "challenge_id": asked["challenge_id"]})

    assert response.status_code == 200
    assert response.json()["device_token"] != person.device_token
    assert Device.objects.filter(ended_at=None).count() == 1


def test_device_with_an_expired_session_and_without_trust_is_not_listed(alice: SignedInUser) -> None:
    idle = signed_in(alice.phone)
    Device.objects.filter(pk=Device.objects.latest("pk").pk).update(
        refreshed_at=F("refreshed_at") - timedelta(days=31), trust_hash=None, trusted_until=None
    )

    listed = alice.api.get("/api/v1/devices").json()

    assert [device["current"] for device in listed] == [True]
    assert idle.api.get("/api/v1/devices").status_code == 200


def test_hundred_devices_that_signed_in_last_stay_signed_in(alice: SignedInUser, bob: SignedInUser) -> None:
    """Otherwise one phone could have thousands of sessions, and each look at its list would hold everybody up."""
    user = alice.profile.user
    for minute in range(1, devices.SIGNED_IN_DEVICES):
        devices.start_session(user, None, "", at(60 * minute))
    assert len(list_of(alice)) == devices.SIGNED_IN_DEVICES

    newest, _ = devices.start_session(user, None, "", at(60 * devices.SIGNED_IN_DEVICES))

    assert alice.api.get("/api/v1/devices").json()["code"] == "token_revoked"
    live = Device.objects.filter(user=user, ended_at=None)
    assert live.count() == devices.SIGNED_IN_DEVICES and newest in live
    assert len(list_of(bob)) == 1
