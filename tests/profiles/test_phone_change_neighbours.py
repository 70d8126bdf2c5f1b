"""Change of phone beside test numbers and webhooks."""

from typing import Any

import pytest

from profiles.webhooks.models import Kind, WebhookDelivery
from tests.support.accounts import SignedInUser, signed_in
from tests.support.login_steps import ask, right
from tests.support.phone_changes import NEW, change, confirm, request, requested
from tests.support.webhooks import endpoint

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
