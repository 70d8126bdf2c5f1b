"""Workers share the deliveries, and sequence numbers follow the counts that they tell, under any race."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from profiles import activation
from profiles.models import Activation, WebhookDelivery
from tests.profiles.test_voting_races import wait_until
from tests.support.accounts import registered
from tests.support.backups import another_session
from tests.support.races import race
from tests.support.webhooks import Receiver, delivering, endpoint, stored
from users import events

pytestmark = pytest.mark.django_db(transaction=True)
VOTERS, EVENTS = 8, 40


def test_later_votes_for_an_inviter_have_higher_numbers() -> None:
    endpoint("https://receiver.example.org/", "activation.created")
    inviter = registered("9991110000")
    voters = [registered(f"999111000{number}").pk for number in range(1, VOTERS + 1)]

    outcomes = race(partial(activation.activate, voter, inviter.invite_code) for voter in voters)

    assert outcomes == [None] * VOTERS
    assert [data["votes"] for _, data in stored()] == [*range(1, VOTERS + 1)]
    assert {data["invitee_id"] for _, data in stored()} == {*voters}


def test_endpoint_that_is_deleted_while_a_vote_waits_does_not_fail_it() -> None:
    target = endpoint("https://receiver.example.org/", "activation.created")
    inviter, voter = registered("9991110000"), registered("9991110001")

    with another_session() as held, another_session() as watching, ThreadPoolExecutor(1) as pool:
        held.execute("SELECT FROM profiles_profile WHERE user_id = %s FOR UPDATE", [inviter.pk])
        voted = pool.submit(race, [partial(activation.activate, voter.pk, inviter.invite_code)])
        wait_until(watching, 1)
        target.delete()
        held.rollback()
        assert voted.result() == [None]

    assert Activation.objects.get().invitee_id == voter.pk
    assert stored() == []


def test_two_workers_share_the_events_and_stop_when_told(receiver: Receiver) -> None:
    endpoint(receiver.url)
    for number in range(EVENTS):
        events.emit("user.verified", {"user_id": number})

    with delivering(), delivering():
        while len(receiver.messages) < EVENTS:
            assert receiver.asked.wait(10)
            receiver.asked.clear()

    assert set(WebhookDelivery.objects.values_list("state", "attempts")) == {("delivered", 1)}
    assert len({message["webhook-id"] for message in receiver.messages}) == len(receiver.messages) == EVENTS


def test_answer_that_comes_after_the_stop_is_recorded(receiver: Receiver) -> None:
    endpoint(receiver.url)
    events.emit("user.verified", {"user_id": 1})
    receiver.answers.clear()
    with delivering() as sender:
        assert receiver.asked.wait(10)
        sender.stop()
        receiver.answers.set()

    assert WebhookDelivery.objects.get().state == "delivered"
