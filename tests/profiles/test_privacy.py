"""Erasure: what it deletes, what stays, and what it needs."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import connection
from django.db.models import F

from profiles import phone_change, privacy
from profiles.models import Activation, Profile
from tests.support import phone_changes
from tests.support.accounts import SignedInUser, client, signed_in
from tests.support.many_users import nobodys_code
from users import accounts
from users.login import devices
from users.models import Device, LoginCode, SmsDelivery, User

pytestmark = pytest.mark.django_db

ME = "/api/v1/profiles/me"


def erase(person: SignedInUser) -> Any:
    return person.api.delete(ME)


def rows_that_hold(text: str) -> list[str]:
    """All tables of the database that contain this text in any column."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
        tables = [name for (name,) in cursor.fetchall()]
        found = []
        for table in tables:
            cursor.execute(f'SELECT EXISTS (SELECT 1 FROM "{table}" AS t WHERE t::text LIKE %s)', [f"%{text}%"])
            found += [table] if cursor.fetchone()[0] else []
        return found


def age(person: SignedInUser, by: timedelta) -> None:
    """Move the user's sign-in into the past by this much."""
    Device.objects.filter(user=person.profile.user).update(signed_in_at=F("signed_in_at") - by)


def test_erased_person_leaves_a_tombstone(alice: SignedInUser) -> None:
    profile = alice.profile

    answer = erase(alice)

    user = User.objects.get(pk=profile.pk)
    assert answer.status_code == 204
    assert answer.content == b""
    assert user.phone is None and user.erased_at is not None
    assert not user.is_active and not user.has_usable_password()
    assert Profile.objects.get(pk=profile.pk).invite_code == profile.invite_code


def test_no_phone_address_or_client_stays_after_an_erasure(bob: SignedInUser) -> None:
    carol = signed_in("9265550199")
    user = carol.profile.user
    carol.activate(nobodys_code())
    carol.api.post("/api/auth/signup", {"phone": carol.phone}, REMOTE_ADDR="198.51.100.7", HTTP_USER_AGENT="My phone")
    Device.objects.filter(user=user).update(user_agent="My phone")
    SmsDelivery.objects.filter(login_code__user=user).update(client_address="2001:db8::7", gateway_ref="SM-4711")
    LogEntry.objects.log_actions(bob.profile.user.pk, [user], CHANGE, "disabled")
    # The phone, without its country, masked, the block of numbers it is in, and what leads to it elsewhere.
    traces = ("79265550199", "9265550199", "***0199", "+7926555", "198.51.100.7", "2001:db8::7", "My phone", "SM-4711")
    held = [rows_that_hold(trace) for trace in traces]

    erase(carol)

    assert all(held)
    assert {trace: found for trace in traces if (found := rows_that_hold(trace))} == {}
    assert LogEntry.objects.get().object_repr == f"erased user, ID {user.pk}"


def test_erasure_ends_every_session_and_trust_at_once(alice: SignedInUser) -> None:
    other = signed_in(alice.phone, device_token=alice.device_token)
    second = signed_in(alice.phone)

    erase(second)

    answers = [person.api.get(ME) for person in (alice, other, second)]
    refreshed = client().post("/api/auth/refresh", {"refresh": second.refresh})
    assert {answer.json()["code"] for answer in answers} == {"token_revoked"}
    assert refreshed.json()["code"] == "token_revoked"
    assert not Device.objects.filter(ended_at=None).exists()
    assert not Device.objects.filter(trust_hash__isnull=False).exists()


def test_erasure_deletes_the_own_vote(alice: SignedInUser, bob: SignedInUser) -> None:
    bob.activate(alice.code)

    erase(bob)

    assert alice.me()["invitations"] == []
    assert alice.me()["invitations_count"] == 0
    assert not Activation.objects.exists()


def test_invitees_of_an_erased_user_keep_their_vote(alice: SignedInUser, bob: SignedInUser) -> None:
    code, profile_id = alice.code, alice.profile.pk
    bob.activate(code)

    erase(alice)
    again = bob.activate(bob.code)

    assert bob.me()["activated_invite"] == code
    assert again.status_code == 409
    assert again.json()["activated_invite"] == code
    assert Profile.objects.get(pk=profile_id).invitations_count == 1


def test_code_of_an_erased_user_stops_working(alice: SignedInUser, bob: SignedInUser) -> None:
    code = alice.code
    erase(alice)

    answer = bob.activate(code)

    assert answer.status_code == 404
    assert answer.json()["code"] == "invite_code_not_found"


def test_erased_person_is_in_no_list(alice: SignedInUser, bob: SignedInUser, staff: SignedInUser) -> None:
    profile_id, code = alice.profile.pk, alice.code
    alice.activate(bob.code)
    erase(alice)

    by_code = staff.api.get("/api/v1/profiles", {"invite_code": code})
    by_id = staff.api.get(f"/api/v1/profiles/{profile_id}")
    invitations = bob.api.get(f"{ME}/invitations")

    assert by_code.json()["results"] == []
    assert by_id.status_code == 404
    assert invitations.json()["results"] == []


def test_phone_of_an_erased_user_creates_a_new_user(alice: SignedInUser, bob: SignedInUser) -> None:
    before = alice.me()
    alice.activate(bob.code)
    erase(alice)

    reborn = signed_in(alice.phone)

    me = reborn.me()
    assert me["user_id"] != before["user_id"]
    assert me["invite_code"] != before["invite_code"]
    assert me["activated_invite"] is None
    assert reborn.activate(bob.code).status_code == 200
    assert bob.me()["invitations_count"] == 1


def test_code_requested_before_the_erasure_is_invalid(alice: SignedInUser) -> None:
    browser = client()
    asked = browser.post("/api/auth/signup", {"phone": alice.phone}).json()
    erase(alice)

    answer = browser.post("/api/auth/login", {"code": asked["code"], "challenge_id": asked["challenge_id"]})

    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid_code"


def test_device_of_an_erased_user_is_unknown_for_the_next_user(alice: SignedInUser) -> None:
    erase(alice)

    signed_in(alice.phone, device_token=alice.device_token)

    assert Device.objects.filter(user__phone=f"+7{alice.phone}").get().login_codes.count() == 0


def test_erasure_needs_a_recent_sign_in(alice: SignedInUser, bob: SignedInUser) -> None:
    alice.activate(bob.code)
    age(alice, devices.RECENT_FOR)

    answer = erase(alice)

    assert answer.status_code == 403
    assert answer.json()["code"] == "fresh_sign_in_required"
    assert alice.me()["activated_invite"] == bob.code


def test_refresh_does_not_make_a_sign_in_recent(alice: SignedInUser) -> None:
    age(alice, devices.RECENT_FOR)
    pair = client().post("/api/auth/refresh", {"refresh": alice.refresh}).json()
    alice.api.credentials(HTTP_AUTHORIZATION=f"Bearer {pair['token']}")

    assert erase(alice).json()["code"] == "fresh_sign_in_required"


def test_sign_in_of_nine_minutes_ago_is_recent(alice: SignedInUser) -> None:
    age(alice, devices.RECENT_FOR - timedelta(minutes=1))

    assert erase(alice).status_code == 204


def test_erased_person_is_not_enabled_again(alice: SignedInUser) -> None:
    user = alice.profile.user
    erase(alice)

    accounts.enable(user)

    assert not User.objects.get(pk=user.pk).is_active


def test_erased_operator_has_no_rights(staff: SignedInUser) -> None:
    user = staff.profile.user
    User.objects.filter(pk=user.pk).update(is_superuser=True)

    erase(staff)

    user.refresh_from_db()
    assert not (user.is_staff or user.is_superuser or user.is_active)


def test_request_for_a_change_during_an_erasure_loses_its_reference_to_the_user(alice: SignedInUser) -> None:
    device = Device.objects.select_related("user").get()
    now = device.refreshed_at
    assert erase(alice).status_code == 204
    phone_change.request_code(device, f"+7{phone_changes.NEW}", now=now, address="192.0.2.1", language="en")

    privacy.purge(now)

    code = LoginCode.objects.exclude(changing_user=None).get()
    assert code.changing_user == code.user == phone_changes.holder()
    assert code.closed_at and code.expires_at <= now
