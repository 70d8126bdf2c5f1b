"""Which events are stored, with what in them, and that they share the fate of what they tell about."""

import json
from typing import Any

import pytest
from django.db import transaction

from profiles import activation, privacy, results, voting
from profiles.models import Profile, WebhookDelivery
from tests.support.accounts import SignedInUser, registered, signed_in
from tests.support.many_users import nobodys_code
from tests.support.webhooks import endpoint, stored
from users import events
from users.queries import database_now

pytestmark = pytest.mark.django_db
URL = "https://receiver.example.org/"


def kinds() -> list[str]:
    return [kind for kind, _ in stored()]


def test_first_sign_in_verifies_the_user_and_the_second_does_not() -> None:
    endpoint(URL)
    alice = signed_in("9991110001")
    signed_in("9991110001")

    assert stored() == [("user.verified", {"user_id": alice.profile.pk})]
    assert WebhookDelivery.objects.get().user_id == alice.profile.pk


def test_votes_tell_both_users_and_the_votes_of_the_inviter(alice: SignedInUser, bob: SignedInUser) -> None:
    endpoint(URL)
    inviter, invitee = alice.profile.pk, bob.profile.pk

    bob.activate(alice.code)
    bob.activate(alice.code)
    assert activation.release(invitee) == inviter
    assert activation.release(invitee) is None

    about = {"invitee_id": invitee, "inviter_id": inviter}
    assert stored() == [("activation.created", {**about, "votes": 1}), ("activation.released", {**about, "votes": 0})]


def test_erasure_tells_of_the_user_and_the_vote(alice: SignedInUser, bob: SignedInUser) -> None:
    bob.activate(alice.code)
    endpoint(URL)
    user_id = bob.profile.pk

    assert bob.api.delete("/api/v1/profiles/me").status_code == 204

    about = {"invitee_id": user_id, "inviter_id": alice.profile.pk, "votes": 0}
    assert stored() == [("activation.released", about), ("user.erased", {"user_id": user_id})]


def test_results_tell_the_hash_of_the_file(alice: SignedInUser, bob: SignedInUser) -> None:
    bob.activate(alice.code)
    endpoint(URL)
    voting.change(None, database_now())

    period = results.publish()

    told = {"period": period.results_period, "votes": 1, "sha256": period.results_sha256}
    assert stored() == [("results.published", told)]


def test_each_endpoint_gets_what_it_wants() -> None:
    verified, erased = endpoint(URL, "user.verified"), endpoint(URL, "user.erased", "user.phone_changed")
    endpoint(URL, is_enabled=False, disabled_reason="not now")

    alice = signed_in("9991110001")
    privacy.erase_by_operator(alice.profile.pk)

    found = WebhookDelivery.objects.order_by("pk").values_list("endpoint", "kind")
    assert list(found) == [(verified.pk, "user.verified"), (erased.pk, "user.erased")]


def test_event_rolls_back_with_what_it_tells_about(alice: SignedInUser) -> None:
    endpoint(URL)

    with transaction.atomic():
        events.emit("user.phone_changed", {"user_id": alice.profile.pk}, user_id=alice.profile.pk)
        transaction.set_rollback(True)
    with pytest.raises(activation.InviteCodeNotFound):
        activation.activate(alice.profile.pk, nobodys_code())

    assert stored() == []


def test_unknown_kind_is_an_error_even_without_endpoints() -> None:
    with pytest.raises(ValueError, match=r"user\.renamed"):
        events.emit("user.renamed", {})


def test_no_event_contains_a_phone_or_a_code(alice: SignedInUser) -> None:
    endpoint(URL)
    bob = signed_in("9991110002")
    codes = list(Profile.objects.values_list("invite_code", flat=True))
    bob.activate(alice.code)
    privacy.erase_by_operator(bob.profile.pk)
    voting.change(None, database_now())
    results.publish()

    text = json.dumps(stored())

    assert kinds() == ["user.verified", "activation.created", "activation.released", "user.erased", "results.published"]
    assert not any(secret in text for secret in (*codes, "999111", "+7"))


def test_export_has_what_others_were_told_of_the_user(alice: SignedInUser, bob: SignedInUser) -> None:
    endpoint(URL)
    bob.activate(alice.code)

    def told(user: SignedInUser) -> Any:
        return json.loads(user.api.get("/api/v1/profiles/me/export").getvalue())["webhooks"]

    assert [event["kind"] for event in told(bob)] == ["activation.created"]
    assert told(alice) == []


def test_repeated_erasure_tells_it_again() -> None:
    endpoint(URL)
    profile = registered("9991110001")

    assert privacy.repeat_erasure(profile.pk, database_now())

    assert kinds() == ["user.erased"]
