"""Change of phone beside test numbers, webhooks and the export of who has the number."""

import json
from typing import Any

import pytest

from profiles.webhooks.models import Kind, WebhookDelivery
from tests.support.accounts import SignedInUser, signed_in
from tests.support.login_steps import ask, right
from tests.support.phone_changes import NEW, change, confirm, request, requested
from tests.support.webhooks import endpoint
from users.login import codes
from users.models import LoginCode

pytestmark = pytest.mark.django_db


@pytest.fixture
def test_numbers(settings: Any) -> None:
    settings.SMS_TEST_NUMBERS = {"+79990000001": "4071"}


def test_test_users_keep_their_numbers(test_numbers: None, alice: SignedInUser) -> None:
    reviewer = signed_in("9990000001")

    for person, phone, refusal in ((reviewer, NEW, "staff_phone"), (alice, reviewer.phone, "invalid_phone")):
        assert request(person, phone).json()["code"] == refusal


def test_number_that_becomes_a_test_number_meanwhile_is_not_taken(alice: SignedInUser, settings: Any) -> None:
    challenge_id = requested(alice, "9990000001")
    code = right(challenge_id)
    settings.SMS_TEST_NUMBERS = {"+79990000001": "4071"}
    ask(phone="+79990000001")

    assert confirm(alice, challenge_id, code).json()["code"] == "invalid_code"


def test_other_systems_are_told(alice: SignedInUser) -> None:
    endpoint("https://hooks.example.org/", Kind.PHONE_CHANGED)

    me = change(alice).json()

    event = WebhookDelivery.objects.get()
    assert (event.kind, event.data) == (Kind.PHONE_CHANGED, {"user_id": me["user_id"]})


@pytest.mark.parametrize("has_the_code", [False, True])
def test_user_of_a_number_does_not_learn_from_where_another_wanted_it(
    alice: SignedInUser, bob: SignedInUser, has_the_code: bool
) -> None:
    me, somewhere = "/api/v1/profiles/me", "198.51.100.9"
    bob.api.defaults["REMOTE_ADDR"] = somewhere
    challenge_id = requested(bob, alice.phone)
    if has_the_code:
        assert confirm(bob, challenge_id, right(challenge_id)).json()["code"] == "phone_taken"
    exports = [alice.api.get(f"{me}/export").getvalue().decode()]
    assert somewhere in bob.api.get(f"{me}/export").getvalue().decode()
    assert bob.api.delete(me).status_code == 204
    exports.append(alice.api.get(f"{me}/export").getvalue().decode())

    assert not any(somewhere in text for text in exports)
    # But that there was such an SMS, which alice has got.
    assert [len(json.loads(text)["sms"]) for text in exports] == [2, 2]


@pytest.mark.parametrize("leave", ["erase", "move"])
def test_export_after_a_change_has_nothing_of_who_had_the_number(alice: SignedInUser, leave: str) -> None:
    me = "/api/v1/profiles/me"
    former = signed_in(NEW)
    signed_in(NEW)
    if leave == "erase":
        assert former.api.delete(me).status_code == 204
    else:
        assert change(former, "9992223355").status_code == 200

    assert change(alice).status_code == 200

    held = json.loads(alice.api.get(f"{me}/export").getvalue())
    assert [len(held[name]) for name in ("login_codes", "challenges")] == [1, 1]
    assert {sms["address"] for sms in held["sms"]} == {f"+7***{alice.phone[-4:]}", f"+7***{NEW[-4:]}"}


@pytest.mark.parametrize("leave", ["erase", "move"])
@pytest.mark.parametrize("length", [codes.SHORT, codes.LONG])
def test_export_does_not_tell_when_the_user_of_another_number_leaves(
    alice: SignedInUser, bob: SignedInUser, leave: str, length: int
) -> None:
    me = "/api/v1/profiles/me"
    requested(alice, bob.phone)
    LoginCode.objects.filter(changing_user__isnull=False).update(length=length)
    before = alice.api.get(f"{me}/export").getvalue()

    if leave == "erase":
        assert bob.api.delete(me).status_code == 204
    else:
        assert change(bob).status_code == 200

    assert alice.api.get(f"{me}/export").getvalue() == before
    assert len(json.loads(before)["challenges"]) == 2


def test_export_has_no_change_by_which_another_user_got_the_number_before(alice: SignedInUser) -> None:
    change(alice)
    change(alice, "9992223355")
    later = signed_in(NEW)

    assert alice.api.delete("/api/v1/profiles/me").status_code == 204

    held = json.loads(later.api.get("/api/v1/profiles/me/export").getvalue())
    assert [len(held[name]) for name in ("login_codes", "challenges", "sms")] == [1, 1, 1]
