"""The limits of a change of phone, and that its codes and those of a sign-in never stand for each other."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from tests.profiles.test_privacy import rows_that_hold
from tests.support.accounts import SignedInUser, client, in_session
from tests.support.login_steps import (
    answer,
    ask,
    at,
    challenge,
    refused,
    right,
    set_code,
    someone,
    use_up_devices,
    weigh,
    wrong,
)
from tests.support.phone_changes import NEW, change, confirm, request, requested
from users import accounts, login_queries
from users.login import codes, networks, signin
from users.models import Device, LoginCode, User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unreachable_gateway")]
PHONE = f"+7{NEW}"


@pytest.fixture
def enter(db: None) -> Any:
    return in_session


@pytest.fixture
def asker(alice: SignedInUser) -> int:
    """The id of a user who changes to PHONE."""
    return alice.profile.pk


def test_limits_stay_with_the_number_before(alice: SignedInUser) -> None:
    asked = client().post("/api/auth/signup", {"phone": alice.phone}, REMOTE_ADDR="198.51.100.7").json()
    client().post("/api/auth/login", {"code": wrong(asked["challenge_id"]), "challenge_id": asked["challenge_id"]})
    change(alice)
    [tombstone] = User.objects.filter(erased_at__isnull=False)
    assert bytes(tombstone.erased_phone_hash or b"") == accounts.phone_hash(f"+7{alice.phone}")
    assert rows_that_hold("198.51.100.7") == []
    LoginCode.objects.get(wrong=1).deliveries.update(created_at=F("created_at") - timedelta(hours=1))

    again = client().post("/api/auth/signup", {"phone": alice.phone}).json()

    reborn = challenge(again["challenge_id"]).login_code.user
    assert reborn.phone == f"+7{alice.phone}"
    assert sorted(reborn.login_codes.values_list("wrong", flat=True)) == [0, 1]
    assert again["resend_in"] == 60


def test_sms_to_known_devices_stay_with_the_number_before(alice: SignedInUser) -> None:
    use_up_devices(Device.objects.get())
    asked = client().post("/api/auth/signup", {"phone": alice.phone, "device_token": alice.device_token}).json()
    assert challenge(asked["challenge_id"]).login_code.device is None
    change(alice)

    own = client().post("/api/auth/signup", {"phone": NEW, "device_token": alice.device_token}).json()
    assert challenge(own["challenge_id"]).login_code.device is not None
    other = in_session(alice.phone)
    asked = other.api.post("/api/auth/signup", {"phone": alice.phone, "challenge_id": ""}).json()
    assert challenge(asked["challenge_id"]).login_code.device is None


def test_limits_of_the_new_number_come_with_it(alice: SignedInUser) -> None:
    stranger = client().post("/api/auth/signup", {"phone": NEW}).json()
    client().post(
        "/api/auth/login", {"code": wrong(stranger["challenge_id"]), "challenge_id": stranger["challenge_id"]}
    )

    change(alice)

    own = alice.me()["user_id"]
    assert sorted(LoginCode.objects.filter(user=own).values_list("length", "wrong")) == [(4, 1), (codes.LONG, 0)]


def test_sms_of_changes_never_make_a_sign_in_wait(asker: int) -> None:
    for seconds in (0, 1):
        assert ask(seconds, PHONE, changing_user_id=asker + seconds).sent
    assert refused(2, PHONE, changing_user_id=asker + 2) == 29

    assert ask(2, PHONE).sent


def test_sms_of_changes_by_erased_users_never_make_a_sign_in_wait(alice: SignedInUser) -> None:
    weigh(PHONE, 4, ended=-1)
    assert ask(0, PHONE, changing_user_id=alice.profile.pk).code_length == codes.LONG

    alice.api.delete("/api/v1/profiles/me")

    assert ask(1, PHONE).sent


def test_change_waits_for_the_sms_of_sign_ups(asker: int) -> None:
    ask(0, PHONE)

    assert ask(1, PHONE, changing_user_id=asker).code_length == codes.LONG
    assert refused(2, PHONE, changing_user_id=asker + 1000) == 29
    assert ask(31, PHONE, changing_user_id=asker + 1000).sent


def test_codes_of_changes_and_sign_ups_share_the_risk_weight_of_the_number(asker: int) -> None:
    lengths = [ask(seconds, PHONE, changing_user_id=asker + seconds).code_length for seconds in (0, 40)]

    assert lengths == [codes.SHORT, codes.SHORT]
    assert ask(80, PHONE).code_length == codes.LONG


def test_repeated_request_keeps_its_challenge_and_sends_the_code_again(asker: int) -> None:
    first = ask(0, PHONE, changing_user_id=asker)

    early = ask(5, PHONE, changing_user_id=asker, challenge_id=first.challenge_id)
    late = ask(30, PHONE, changing_user_id=asker, challenge_id=first.challenge_id)

    assert (early.sent, early.resend_in, late.sent) == (False, 25, True)
    assert {early.challenge_id, late.challenge_id} == {first.challenge_id}


def test_network_pays_for_changes_as_for_sign_ups(asker: int) -> None:
    for number in range(10):
        assert ask(number, someone(number), changing_user_id=asker if number % 2 else None).sent

    assert refused(600, someone(10), changing_user_id=asker) == refused(600, someone(10)) > 60
    assert not User.objects.filter(phone=someone(10)).exists()


def test_sms_per_day_holds_for_changes(asker: int, settings: Any) -> None:
    settings.SMS_PER_DAY = 2
    for number in range(2):
        ask(number, someone(number), changing_user_id=asker, address=f"198.51.100.{number}")

    assert refused(2, someone(2), changing_user_id=asker) == 60


def test_change_counts_as_one_verified_phone_and_not_as_a_sign_in(alice: SignedInUser) -> None:
    before = alice.profile.user
    change(alice)

    after = alice_now = User.objects.get(phone=PHONE)
    assert (after.last_login, after.verified_at) == (before.last_login, before.verified_at)
    assert LoginCode.objects.filter(user=alice_now, used_at__isnull=False).count() == 1


def test_code_of_a_change_does_not_sign_in(alice: SignedInUser, bob: SignedInUser) -> None:
    """Neither for the number's user nor for the one who changes, whatever its holder does."""
    asked = requested(alice, bob.phone)
    code = challenge(asked).login_code
    digits = {codes.derive(code.nonce, code.length, user_id) for user_id in (None, alice.profile.pk, bob.profile.pk)}
    bodies: list[dict[str, str]] = [{"challenge_id": asked}, {"phone": bob.phone}, {"phone": alice.phone}]

    answers = [client().post("/api/auth/login", {"code": each, **body}) for each in digits for body in bodies]

    assert {answer.json()["code"] for answer in answers} == {"invalid_code"}
    assert (challenge(asked).attempts, challenge(asked).login_code.used_at) == (0, None)


def test_code_of_a_sign_in_does_not_change_a_phone(alice: SignedInUser) -> None:
    asked = ask(0, PHONE)

    answer = confirm(alice, asked.challenge_id)

    assert answer.json()["code"] == "invalid_code"
    assert challenge(asked.challenge_id).attempts == 0


def test_codes_differ_even_if_a_row_changes_its_purpose(alice: SignedInUser, bob: SignedInUser) -> None:
    """The digits in the SMS hold for one purpose and one user, not only the row."""
    asked = requested(alice)
    set_code(asked, length=codes.LONG)  # codes of four digits may be equal by chance
    digits = right(asked)

    set_code(asked, changing_user=bob.profile.pk)
    stolen = confirm(bob, asked, digits)
    set_code(asked, changing_user=None)
    with pytest.raises(signin.InvalidCode):
        signin.sign_in(digits, challenge_id=asked)

    assert stolen.json()["code"] == "invalid_code"
    assert LoginCode.objects.get(attached__public_id=asked).wrong == 2


def test_sign_in_does_not_find_the_open_code_of_a_change(asker: int) -> None:
    change_asked = ask(0, PHONE, changing_user_id=asker)

    sign_in_asked = ask(2, PHONE, challenge_id=change_asked.challenge_id)

    assert challenge(sign_in_asked.challenge_id).login_code.changing_user_id is None
    assert login_queries.challenge_with_phone(change_asked.challenge_id) is None
    assert login_queries.challenge_with_phone(change_asked.challenge_id, asker) is not None


def test_sign_in_ends_no_code_of_a_change(asker: int) -> None:
    change_asked = ask(0, PHONE, changing_user_id=asker)

    answer(ask(1, PHONE), 2)

    code = challenge(change_asked.challenge_id).login_code
    assert (code.closed_at, code.expires_at > at(2)) == (None, True)
    assert not LoginCode.objects.filter(user__phone=f"+7{NEW}", changing_user=None, closed_at=None).exists()


def test_erasure_does_not_reset_the_limits_of_the_network(alice: SignedInUser) -> None:
    for number in range(networks.UNUSED_SMS_IN_AN_HOUR):
        requested(alice, f"99922200{number:02}")
    assert request(alice).status_code == 429

    assert alice.api.delete("/api/v1/profiles/me").status_code == 204

    assert request(in_session(alice.phone)).status_code == 429


def test_request_of_an_erased_user_refers_to_the_next_user_of_the_number_only(
    alice: SignedInUser, bob: SignedInUser
) -> None:
    requested(alice, bob.phone)
    for leaver in (alice, bob):
        assert leaver.api.delete("/api/v1/profiles/me").status_code == 204

    assert client().post("/api/auth/signup", {"phone": bob.phone}).status_code == 200

    [changing] = LoginCode.objects.exclude(changing_user=None)
    assert changing.changing_user_id == changing.user_id == User.objects.get(phone=f"+7{bob.phone}").pk
