"""Change of phone: what it needs, what moves, what ends, and what it tells nobody."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db.models import F

from profiles import privacy
from tests.profiles.test_privacy import rows_that_hold
from tests.support.accounts import SignedInUser, client, in_session, registered, signed_in
from tests.support.login_steps import challenge, right, set_code, wrong
from tests.support.phone_changes import NEW, change, confirm, holder, request, requested
from users.login import devices
from users.login.tokens import REUSE_INTERVAL
from users.models import Device, LoginCode, User
from users.operators import history

pytestmark = pytest.mark.django_db
ME = "/api/v1/profiles/me"


@pytest.fixture
def enter(db: None) -> Any:
    return in_session


def code_of(answer: Any) -> str:
    return str(answer.json()["code"])


def test_phone_changes_and_all_else_stays(alice: SignedInUser, bob: SignedInUser) -> None:
    alice.activate(bob.code)
    bob.activate(alice.code)
    before = alice.me()

    answer = change(alice)

    assert answer.status_code == 200
    assert answer.json() == alice.me() == {**before, "phone": NEW}
    assert bob.me()["invitations"] == [NEW]
    assert holder(alice.phone) is None
    assert signed_in(NEW).me()["user_id"] == before["user_id"]


def test_phone_before_signs_up_as_a_new_user(alice: SignedInUser) -> None:
    before = alice.me()
    change(alice)

    me = signed_in(alice.phone).me()

    assert me["user_id"] != before["user_id"]
    assert me["activated_invite"] is None


def test_only_the_current_device_keeps_session_and_trust(alice: SignedInUser) -> None:
    other = in_session(alice.phone)

    change(other)

    assert other.me()["phone"] == NEW
    assert alice.api.get(ME).json()["code"] == "token_revoked"
    kept = [(device.ended_at is None, device.trust_hash is not None) for device in Device.objects.order_by("pk")]
    assert kept == [(False, False), (True, True)]
    sent = client().post("/api/auth/signup", {"phone": NEW, "device_token": other.device_token}).json()
    assert challenge(sent["challenge_id"]).login_code.device_id is not None


def test_request_needs_a_recent_sign_in(alice: SignedInUser) -> None:
    Device.objects.update(signed_in_at=F("signed_in_at") - devices.RECENT_FOR)

    assert code_of(request(alice)) == "fresh_sign_in_required"
    assert holder() is None


def test_correct_code_counts_after_the_sign_in_is_no_longer_recent(alice: SignedInUser) -> None:
    asked = requested(alice)
    Device.objects.update(signed_in_at=F("signed_in_at") - devices.RECENT_FOR)

    assert confirm(alice, asked).status_code == 200


@pytest.mark.parametrize("role", ["is_staff", "is_superuser"])
def test_phone_of_staff_does_not_change(alice: SignedInUser, role: str) -> None:
    asked = requested(alice)
    User.objects.filter(phone=f"+7{alice.phone}").update(**{role: True})

    answers = [request(alice), confirm(alice, asked)]

    assert [(answer.status_code, code_of(answer)) for answer in answers] == [(403, "staff_phone")] * 2
    assert holder(alice.phone) is not None


def test_own_phone_is_refused_without_an_sms(alice: SignedInUser) -> None:
    answer = request(alice, f"8{alice.phone}")

    assert answer.status_code == 400
    assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [("phone", "own")]
    assert not LoginCode.objects.exists()


def test_request_tells_nothing_about_the_number(alice: SignedInUser, bob: SignedInUser) -> None:
    registered("9992220001", is_active=False)
    client().post("/api/auth/signup", {"phone": "9992220002"})
    User.objects.filter(phone="+79992220002").update(verified_at=None)
    LoginCode.objects.update(sent_at=F("sent_at") - timedelta(hours=1), closed_at=F("sent_at"))
    LoginCode.objects.get().deliveries.update(created_at=F("created_at") - timedelta(hours=1))
    numbers = [bob.phone, "9992220001", "9992220003", NEW]

    answers = [request(alice, number) for number in numbers]

    told = [{**answer.json(), "challenge_id": "", "code": "", "sent_at": ""} for answer in answers]
    assert {answer.status_code for answer in answers} == {200}
    assert all(each == told[0] for each in told)


@pytest.mark.parametrize(
    "values",
    [{}, {"is_active": False}, {"is_active": False, "verified_at": None}, {"is_staff": True, "verified_at": None}],
)
def test_taken_number_is_told_by_the_correct_code_alone(alice: SignedInUser, values: dict[str, Any]) -> None:
    registered(NEW, **values)
    asked = requested(alice)

    assert code_of(confirm(alice, asked, wrong(asked))) == "invalid_code"
    answers = [confirm(alice, asked), confirm(alice, asked)]

    assert [(answer.status_code, code_of(answer)) for answer in answers] == [(409, "phone_taken")] * 2
    owner = holder()
    assert owner and owner.last_login is None and bool(owner.verified_at) == ("verified_at" not in values)
    assert alice.me()["phone"] == alice.phone


def test_three_wrong_codes_use_up_the_challenge(alice: SignedInUser) -> None:
    asked = requested(alice)

    left = [confirm(alice, asked, wrong(asked)).json()["attempts_left"] for _ in range(3)]

    assert left == [2, 1, 0]
    assert code_of(confirm(alice, asked)) == "invalid_code"
    assert challenge(asked).login_code.wrong == 3


def test_code_of_another_length_consumes_no_attempt(alice: SignedInUser) -> None:
    asked = requested(alice)

    errors = confirm(alice, asked, "12345").json()["errors"]

    assert [(error["field"], error["code"]) for error in errors] == [("code", "invalid")]
    assert challenge(asked).attempts == 0


def test_expired_code_and_unknown_challenge_are_invalid(alice: SignedInUser) -> None:
    asked = requested(alice)
    set_code(asked, expires_at=F("created_at"))

    assert code_of(confirm(alice, asked)) == code_of(confirm(alice, "x", "1234")) == "invalid_code"


@pytest.mark.usefixtures("unreachable_gateway")
def test_code_holds_for_the_account_that_requested_it(alice: SignedInUser, bob: SignedInUser) -> None:
    asked = requested(alice)
    other = requested(bob, challenge_id=asked)

    assert code_of(confirm(bob, asked)) == "invalid_code"
    assert challenge(asked).attempts == 0
    assert other != asked
    assert challenge(other).login_code_id != challenge(asked).login_code_id
    assert bob.me()["phone"] == bob.phone


def test_repeated_confirmation_gets_the_same_success_for_ten_seconds(alice: SignedInUser) -> None:
    asked = requested(alice)
    code = right(asked)
    first = confirm(alice, asked, code)

    again = confirm(alice, asked, code)
    set_code(asked, used_at=F("used_at") - REUSE_INTERVAL)
    late = confirm(alice, asked, code)

    assert (again.status_code, again.json()) == (200, first.json())
    assert code_of(late) == "invalid_code"
    assert LogEntry.objects.count() == 1


@pytest.mark.usefixtures("unreachable_gateway")
def test_codes_sent_to_either_number_before_the_change_are_invalid(alice: SignedInUser) -> None:
    browser = client()
    sent = [browser.post("/api/auth/signup", {"phone": phone}).json() for phone in (alice.phone, NEW)]
    known = browser.post("/api/auth/signup", {"phone": alice.phone, "device_token": alice.device_token}).json()
    change(alice)

    for asked in (*sent, known):
        body = {"code": right(asked["challenge_id"]), "challenge_id": asked["challenge_id"]}
        assert code_of(client().post("/api/auth/login", body)) == "invalid_code"
    assert not LoginCode.objects.filter(closed_at=None).exists()


def test_second_change_moves_on_and_ends_the_first_number(alice: SignedInUser) -> None:
    change(alice)
    LoginCode.objects.update(used_at=F("used_at") - timedelta(days=2))

    assert change(alice, "9992223355").json()["phone"] == "9992223355"
    assert change(alice, alice.phone).json()["phone"] == alice.phone
    assert (holder(), User.objects.filter(phone__isnull=False).count()) == (None, 1)


def test_holder_that_ends_or_signs_in_meanwhile_decides(alice: SignedInUser, bob: SignedInUser) -> None:
    first, second = requested(alice), requested(bob, "9992223355")
    found = holder()
    assert found
    privacy.erase_by_operator(found.pk)
    User.objects.filter(phone="+79992223355").update(verified_at=F("created_at"))

    assert code_of(confirm(alice, first)) == "invalid_code"
    assert code_of(confirm(bob, second)) == "phone_taken"


def test_history_shows_masks_until_an_erasure(alice: SignedInUser) -> None:
    change(alice)
    user = alice_now = User.objects.get(phone=f"+7{NEW}")
    entry = LogEntry.objects.get(object_id=str(alice_now.pk), user=user)
    assert history.in_words(entry) == f"Changed the phone from +7***{alice.phone[-4:]} to +7***{NEW[-4:]}."

    assert alice.api.delete(ME).status_code == 204

    traces = [alice.phone, NEW, f"***{alice.phone[-4:]}", f"***{NEW[-4:]}", "+7999222"]
    assert {trace: found for trace in traces if (found := rows_that_hold(trace))} == {}
    assert not LoginCode.objects.exclude(changing_user=None).exclude(changing_user=F("user")).exists()


def test_export_has_requests_for_other_numbers_and_the_change(alice: SignedInUser) -> None:
    requested(alice, "9992223355")
    change(alice)

    held = json.loads(alice.api.get(f"{ME}/export").getvalue())

    assert held["person"]["phone"] == f"+7{NEW}"
    assert len(held["login_codes"]) == len(held["challenges"]) == 2
    # Without that of the other number: an erasure by its user would empty it.
    assert sorted(sms["address"] for sms in held["sms"]) == ["", "+7***0001", "+7***3344"]
    assert [entry["change_message"][:17] for entry in held["changes_by_operators"]] == ["Changed the phone"]
    assert held["deeds_as_operator"] == []
