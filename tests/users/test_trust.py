"""A device's session and its trust end separately: what ends one of them, and what ends both."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db.models import F

from tests.support.accounts import SignedInUser, client, signed_in
from tests.support.login_steps import challenge
from users import accounts
from users.models import Device

pytestmark = pytest.mark.django_db
ME = "/api/v1/profiles/me"
REFRESH = "/api/auth/refresh"


def log_out(person: SignedInUser) -> None:
    client().post("/api/auth/logout", {"refresh": person.refresh})


def let_expire(person: SignedInUser) -> None:
    """Let the session expire: no refresh for 30 days, no sign-in for 90."""
    Device.objects.update(
        refreshed_at=F("refreshed_at") - timedelta(days=31), signed_in_at=F("signed_in_at") - timedelta(days=91)
    )


def end_device(person: SignedInUser) -> None:
    person.api.delete(f"/api/v1/devices/{Device.objects.get().pk}")


def revoke_all(person: SignedInUser) -> None:
    person.api.delete("/api/v1/devices")


def disable(person: SignedInUser) -> None:
    accounts.disable(person.profile.user)
    accounts.enable(person.profile.user)


def reuse_refresh(person: SignedInUser) -> None:
    pair = client().post(REFRESH, {"refresh": person.refresh}).json()
    assert client(HTTP_AUTHORIZATION=f"Bearer {pair['token']}").get(ME).status_code == 200
    Device.objects.update(refreshed_at=F("refreshed_at") - timedelta(seconds=11))
    assert client().post(REFRESH, {"refresh": person.refresh}).json()["code"] == "token_revoked"


def erase(person: SignedInUser) -> None:
    person.api.delete(ME)


def is_known(person: SignedInUser) -> bool:
    asked = client().post("/api/auth/signup", {"phone": person.phone, "device_token": person.device_token}).json()
    return challenge(asked["challenge_id"]).login_code.device_id is not None


@pytest.mark.parametrize("end", [log_out, let_expire])
def test_session_ends_and_the_device_stays_known(alice: SignedInUser, end: Callable[[SignedInUser], None]) -> None:
    before = Device.objects.get()

    end(alice)

    again = signed_in(alice.phone, device_token=alice.device_token)
    assert client().post(REFRESH, {"refresh": alice.refresh}).status_code == 401
    assert again.device_token == alice.device_token
    assert Device.objects.get().pk == before.pk
    assert again.api.get(ME).status_code == 200


@pytest.mark.parametrize("end", [end_device, revoke_all, disable, reuse_refresh, erase])
def test_session_and_trust_end(alice: SignedInUser, end: Callable[[SignedInUser], None]) -> None:
    assert is_known(alice)

    end(alice)

    device = Device.objects.get()
    assert device.ended_at is not None
    assert (device.trust_hash, device.trusted_until) == (None, None)
    assert alice.api.get(ME).json()["code"] == "token_revoked"
    assert client().post(REFRESH, {"refresh": alice.refresh}).json()["code"] == "token_revoked"
    assert not is_known(alice)


def test_trust_ends_180_days_after_the_last_sign_in_and_not_before(alice: SignedInUser) -> None:
    device = Device.objects.get()
    assert device.trusted_until == device.signed_in_at + timedelta(days=180)

    Device.objects.update(trusted_until=F("trusted_until") - timedelta(days=180) + timedelta(minutes=1))
    assert is_known(alice)

    Device.objects.update(trusted_until=F("trusted_until") - timedelta(minutes=1))
    assert not is_known(alice)
    assert alice.api.get(ME).status_code == 200
