"""Deliveries: signed, tried again, taken over, and recorded; one receiver does not hold up another."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now
from django.utils import timezone
from standardwebhooks import WebhookVerificationError

from profiles.models import WebhookDelivery, WebhookEndpoint
from profiles.webhooks import endpoints, posting, queries, sender
from profiles.webhooks.answers import Answer
from profiles.webhooks.sender import CLAIM_FOR, INTERVALS, MOST_AT_ONCE
from tests.support.webhooks import Receiver, deliver, endpoint, secret_of, verified
from users import events
from users.queries import database_now

pytestmark = pytest.mark.django_db


def happen(number: int = 1) -> None:
    for each in range(number):
        events.emit("user.verified", {"user_id": each})


def due_now() -> None:
    WebhookDelivery.objects.filter(state="queued").update(next_try_at=Now())


def test_event_arrives_signed_as_the_standard_says(receiver: Receiver) -> None:
    target = endpoint(f"{receiver.url}?from=here")
    happen()

    deliver()

    [message] = receiver.messages
    row = WebhookDelivery.objects.get()
    body = verified(secret_of(target), message)
    assert body == {"type": "user.verified", "timestamp": body["timestamp"], "sequence": row.pk, "data": {"user_id": 0}}
    assert body["timestamp"].endswith("Z")
    assert message["webhook-id"] == f"msg_{row.message_id.hex}"
    assert (message["path"], message["content-type"]) == ("/hook?from=here", "application/json")
    assert (row.state, row.attempts, row.status, row.error) == ("delivered", 1, 200, "")
    with pytest.raises(WebhookVerificationError):
        verified("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", message)


def test_secret_before_signs_beside_the_new_one_for_a_day(receiver: Receiver) -> None:
    target = endpoint(receiver.url)
    old, new = secret_of(target), endpoints.replace_secret(target)
    happen()
    deliver()
    WebhookEndpoint.objects.update(previous_until=Now())
    happen()
    deliver()

    both, one = receiver.messages
    assert old != new
    assert verified(old, both) == verified(new, both)
    assert verified(new, one)
    with pytest.raises(WebhookVerificationError):
        verified(old, one)


def test_secrets_of_an_old_key_sign_while_it_is_a_fallback(receiver: Receiver, settings: Any) -> None:
    target = endpoint(receiver.url)
    old = secret_of(target)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another key for the tests, which nobody uses"
    happen()
    deliver()

    assert secret_of(target) != old
    assert verified(old, receiver.messages[0]) == verified(secret_of(target), receiver.messages[0])


@pytest.mark.parametrize("status", [302, 400, 500])
def test_failed_try_is_repeated_later_with_the_same_id(receiver: Receiver, status: int) -> None:
    target = endpoint(receiver.url)
    receiver.status, receiver.headers = status, {"Location": receiver.url}
    happen()
    deliver()

    row = WebhookDelivery.objects.get()
    assert (row.state, row.attempts, row.status, row.error) == ("queued", 1, status, f"HTTP {status}")
    assert INTERVALS[0] <= row.next_try_at - database_now() + timedelta(seconds=2)
    target.refresh_from_db()
    assert (target.error, target.failing_since is not None) == (f"HTTP {status}", True)
    receiver.status = 204
    due_now()
    deliver()

    first, second = receiver.messages
    assert first["webhook-id"] == second["webhook-id"] and first["body"] == second["body"]
    assert WebhookDelivery.objects.get().state == "delivered"
    target.refresh_from_db()
    assert (target.error, target.failing_since) == ("", None)


def test_delivery_fails_after_three_days(receiver: Receiver) -> None:
    endpoint(receiver.url)
    receiver.status = 503
    happen()
    waited = timedelta()
    while (row := WebhookDelivery.objects.get()).state == "queued":
        due_now()
        before = timezone.now()
        deliver()
        waited += max(WebhookDelivery.objects.get().next_try_at - before, timedelta())

    assert (row.state, row.attempts, row.status) == ("failed", 9, 503)
    assert timedelta(days=3) < waited < timedelta(days=4)
    assert len(receiver.messages) == 9


def test_receiver_that_is_gone_gets_nothing_more(receiver: Receiver) -> None:
    target = endpoint(receiver.url)
    happen()
    receiver.status = 410
    deliver()
    happen()
    deliver()

    target.refresh_from_db()
    assert (target.is_enabled, target.disabled_reason) == (False, "HTTP 410 Gone")
    assert len(receiver.messages) == WebhookDelivery.objects.filter(state="failed").count() == 1
    assert [one.pk for one in endpoints.failing(database_now())] == [target.pk]


def test_slow_receiver_does_not_hold_up_another(receiver: Receiver, other_receiver: Receiver) -> None:
    slow = endpoint(receiver.url)
    receiver.answers.clear()
    happen(2 * MOST_AT_ONCE)
    endpoint(other_receiver.url)
    happen(MOST_AT_ONCE + 3)
    busy = sender.WebhookSender()

    while len(other_receiver.messages) < MOST_AT_ONCE + 3:
        busy._round()
        busy._wait(sender.POLL_SECONDS)

    assert len([one for one in busy._tries if one.delivery.endpoint_id == slow.pk]) == MOST_AT_ONCE
    receiver.answers.set()
    deliver(busy)
    assert set(WebhookDelivery.objects.values_list("state", flat=True)) == {"delivered"}


def test_delivery_of_a_dead_worker_is_taken_over_when_its_claim_ends(receiver: Receiver) -> None:
    endpoint(receiver.url)
    happen()
    assert len(queries.claim(MOST_AT_ONCE, {}, CLAIM_FOR)) == 1

    assert queries.claim(MOST_AT_ONCE, {}, CLAIM_FOR) == []
    deliver()
    assert receiver.messages == []
    due_now()  # the claim has ended
    deliver()

    row = WebhookDelivery.objects.get()
    assert (row.state, row.attempts) == ("delivered", 2)


def test_late_failure_of_a_worker_whose_claim_ended_does_not_count(receiver: Receiver) -> None:
    endpoint(receiver.url)
    happen()
    [claimed] = queries.claim(1, {}, timedelta(0))
    late = WebhookDelivery.objects.select_related("endpoint").get(pk=claimed)
    assert queries.claim(1, {}, CLAIM_FOR) == [claimed]

    endpoints.failed(late, late.next_try_at, Answer(500), None)
    assert WebhookDelivery.objects.get().state == "queued"
    endpoints.delivered(late, Answer(200))
    assert WebhookDelivery.objects.get().state == "delivered"


def test_claim_outlives_every_try() -> None:
    assert CLAIM_FOR.total_seconds() > posting.SECONDS + posting.BODY_SECONDS


def test_waiting_and_old_deliveries(receiver: Receiver) -> None:
    first, second = endpoint(receiver.url), endpoint(receiver.url, "user.erased")
    happen(2)
    WebhookDelivery.objects.filter(data={"user_id": 0}).update(created_at=Now() - timedelta(hours=1))

    waiting = queries.waiting()
    assert (round(waiting[first.pk]), waiting[second.pk]) == (3600, 0)

    endpoints.delete_old_deliveries(database_now() + endpoints.DELIVERIES_FOR - timedelta(minutes=1))
    assert WebhookDelivery.objects.get().data == {"user_id": 1}
