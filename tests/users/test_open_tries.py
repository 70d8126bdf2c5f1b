"""Tries whose outcome is not known: the SMS may have been sent and paid, so there are at most two at a gateway."""

from typing import Any

import pytest
from django.utils import timezone

from tests.support.http_gateway import Gateway
from tests.support.login_steps import ask
from tests.support.run_worker import retry_now, send
from users.models import SmsDelivery, SmsGateway
from users.sms import delivery as sms_delivery
from users.sms import queries

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("empty_queue")]


def claim() -> None:
    """Claim all SMS that are due, as a worker does that dies then."""
    for one in queries.claim(100, "1 webhook", sms_delivery.MOST_OPEN_TRIES, sms_delivery.CLAIM_FOR):
        assert one.open_tries["1 webhook"] > 0


def test_gateway_without_a_clear_answer_gets_two_tries_and_the_next_one_takes_over(
    gateway: Gateway, spare: Gateway, settings: Any
) -> None:
    gateway.answer, spare.status = b"", 503
    settings.SMS_GATEWAYS = [gateway.url, spare.url]
    ask(now=timezone.now())
    for _ in range(4):
        send()
        retry_now()

    assert (len(gateway.messages), len(spare.messages)) == (2, 4)
    assert len({message["id"] for message in gateway.messages}) == 1
    delivery = SmsDelivery.objects.get()
    assert delivery.error == "1 webhook: tried_twice; 2 webhook: fault HTTP 503"

    spare.status = 200
    send()

    delivery.refresh_from_db()
    assert (delivery.state, delivery.gateway) == ("sent", "2 webhook")


def test_sms_without_a_clear_answer_anywhere_is_given_up_after_two_tries(gateway: Gateway) -> None:
    gateway.answer = b"<html>"
    ask(now=timezone.now())
    for _ in range(3):
        send()
        retry_now()

    assert len(gateway.messages) == 2
    delivery = SmsDelivery.objects.get()
    assert (delivery.state, delivery.error) == ("failed", "1 webhook: unreadable HTTP 200")


def test_worker_that_dies_during_a_try_has_used_it(gateway: Gateway) -> None:
    ask(now=timezone.now())
    for _ in range(2):
        claim()
        retry_now()

    send()

    assert gateway.messages == []
    delivery = SmsDelivery.objects.get()
    assert (delivery.state, delivery.open_tries) == ("failed", {"1 webhook": 2})


def test_gateway_whose_tries_are_used_up_keeps_its_one_trial(gateway: Gateway, spare: Gateway, settings: Any) -> None:
    settings.SMS_GATEWAYS = [gateway.url, spare.url]
    ask(now=timezone.now())
    SmsDelivery.objects.update(open_tries={"1 webhook": 2})
    SmsGateway.objects.create(name="1 webhook", failures=3, circuit_open_until=timezone.now())  # a trial is due

    send()

    assert (len(gateway.messages), len(spare.messages)) == (0, 1)
    assert SmsGateway.objects.get().failures == 3


def test_definite_refusals_are_tried_again_without_a_limit(gateway: Gateway) -> None:
    gateway.status = 503
    ask(now=timezone.now())
    for _ in range(5):
        send()
        retry_now()

    assert len(gateway.messages) == 5
