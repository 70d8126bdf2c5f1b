"""An erasure does not reset limits: the new user of the phone continues with them."""

import json
from datetime import timedelta
from typing import Any

import pytest

from profiles import privacy
from profiles import signup as profiles_people
from profiles.models import FailedActivation
from tests.support.accounts import SignedInUser, signed_in
from tests.support.login_steps import PHONE, answer, ask, at, challenge, use_up_devices, wrong
from tests.support.many_users import nobodys_code
from users import accounts, retention
from users.login import codes, signin
from users.models import Challenge, Device, LoginCode, User

pytestmark = pytest.mark.django_db
DAY = 24 * 3600


def erase(person: SignedInUser) -> None:
    assert person.api.delete("/api/v1/profiles/me").status_code == 204


def reborn(person: SignedInUser) -> SignedInUser:
    erase(person)
    return signed_in(person.phone)


def test_wrong_invite_codes_still_count(alice: SignedInUser) -> None:
    for _ in range(6):
        alice.activate(nobodys_code())
    second = reborn(alice)
    for _ in range(3):
        second.activate(nobodys_code())

    third = reborn(second)

    assert [third.activate(nobodys_code()).status_code for _ in range(2)] == [404, 429]


def test_sends_and_wrong_guesses_still_count(alice: SignedInUser) -> None:
    other = alice.api.post("/api/auth/signup", {"phone": alice.phone, "device_token": "x"}).json()
    with pytest.raises(signin.InvalidCode):
        signin.sign_in(wrong(other["challenge_id"]), challenge_id=other["challenge_id"])
    erase(alice)

    early = alice.api.post("/api/auth/signup", {"phone": alice.phone})

    assert early.status_code == 429
    assert not User.objects.filter(phone=f"+7{alice.phone}").exists()
    LoginCode.objects.filter(used_at=None).update(created_at=at(0) - timedelta(hours=2))
    LoginCode.objects.get(used_at=None).deliveries.update(created_at=at(0) - timedelta(hours=2))
    asked = ask(1, f"+7{alice.phone}")
    codes = LoginCode.objects.filter(user__phone=f"+7{alice.phone}")
    assert codes.count() == 3
    assert sum(codes.values_list("wrong", flat=True)) == 1
    # The SMS of two hours ago lengthens the interval before the next.
    assert (asked.sent, asked.resend_in) == (True, 60)


def test_codes_of_a_known_device_are_carried_over_because_their_sms_count_for_the_phone(alice: SignedInUser) -> None:
    """Otherwise the devices of each new account would have all SMS of known devices again."""
    known = alice.api.post("/api/auth/signup", {"phone": alice.phone}).json()["challenge_id"]
    device = challenge(known).login_code.device_id
    LoginCode.objects.update(wrong=3)

    second = reborn(alice)

    code = challenge(known).login_code
    assert (code.user_id, code.device_id) == (second.profile.pk, device)
    assert device and not second.profile.user.devices.filter(pk=device).exists()
    assert code.closed_at and code.expires_at == code.closed_at


def test_sms_to_known_devices_count_after_an_erasure(alice: SignedInUser) -> None:
    use_up_devices(Device.objects.get())
    second = reborn(alice)

    asked = second.api.post("/api/auth/signup", {"phone": alice.phone}).json()

    assert asked["sent"]
    assert challenge(asked["challenge_id"]).login_code.device is None


def test_open_codes_of_erased_users_do_not_block_a_new_one() -> None:
    """Two users with this phone may have been erased under different keys."""
    for phone in ("+79990000001", "+79990000002"):
        answer(ask(-900, phone), -900)
        ask(-800, phone)
        privacy.repeat_erasure(User.objects.get(phone=phone).pk, erased_at=at(DAY))
    User.objects.update(erased_phone_hash=accounts.phone_hash(PHONE))

    ask(3600)

    assert LoginCode.objects.filter(user__phone=PHONE).count() == 5


def test_challenges_of_long_codes_are_deleted_because_there_may_be_a_million(alice: SignedInUser) -> None:
    short = LoginCode.objects.get()
    long = LoginCode.objects.create(
        user=short.user,
        length=codes.LONG,
        challenges=3,
        created_at=at(0),
        sent_at=at(0),
        expires_at=at(1),
        open_until=at(1),
    )
    Challenge.objects.bulk_create(Challenge(login_code=long, address="192.0.2.1", created_at=at(0)) for _ in range(3))

    erase(alice)

    assert [(one.login_code, one.address) for one in Challenge.objects.all()] == [(short, None)]
    assert LoginCode.objects.get(pk=long.pk).challenges == 3


def test_hash_differs_by_phone_and_by_key(settings: Any) -> None:
    trace = accounts.phone_hash(PHONE)

    assert len(trace) == 32 and PHONE.encode() not in trace
    assert trace == accounts.phone_hash(PHONE) != accounts.phone_hash("+79991234568")
    settings.SECRET_KEY = "another"
    assert trace != accounts.phone_hash(PHONE)


def test_limits_are_not_carried_over_to_other_phones(alice: SignedInUser) -> None:
    alice.activate(nobodys_code())
    erase(alice)

    other = signed_in("9991110002")

    assert not FailedActivation.objects.filter(user=other.profile.user).exists()
    assert LoginCode.objects.filter(user=other.profile.user).count() == 1


def test_export_contains_nothing_of_the_phones_earlier_user(alice: SignedInUser) -> None:
    alice.activate(nobodys_code())

    held = json.loads(reborn(alice).api.get("/api/v1/profiles/me/export").getvalue())

    assert held["wrong_invite_codes"] == []
    assert len(held["login_codes"]) == len(held["challenges"]) == len(held["sms"]) == 1


def test_hash_is_kept_until_the_next_sign_up_or_for_31_days(alice: SignedInUser, bob: SignedInUser) -> None:
    erase(alice)
    erase(bob)
    signed_in(bob.phone)
    gone = User.objects.filter(erased_at__isnull=False)
    assert [bytes(trace) for trace in gone.values_list("erased_phone_hash", flat=True) if trace] == [
        accounts.phone_hash(f"+7{alice.phone}")
    ]

    retention.delete_expired(at(0) + timedelta(days=30.9))
    assert gone.filter(erased_phone_hash__isnull=False).exists()

    retention.delete_expired(at(0) + timedelta(days=31.1))
    assert not gone.filter(erased_phone_hash__isnull=False).exists()


def test_limits_are_carried_over_to_a_new_operator_too(alice: SignedInUser) -> None:
    alice.activate(nobodys_code())
    erase(alice)

    operator = profiles_people.make_operator(f"+7{alice.phone}", "a long password")

    assert FailedActivation.objects.filter(user=operator).count() == 1
