"""Sending a code with a real queue, a real worker, and a gateway on this machine."""

import logging
from typing import Any

import pytest
from django.utils import timezone

from tests.support.http_gateway import Gateway
from tests.support.login_steps import PHONE, answer, ask, challenge, right, set_code
from tests.support.run_worker import retry_now, send
from users.models import SmsDelivery, SmsGateway, User

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("empty_queue"),
]


def test_code_is_delivered_to_its_phone(gateway: Gateway) -> None:
    asked = ask(now=timezone.now())

    send()

    [message] = gateway.messages
    assert message["to"] == PHONE
    code = right(asked.challenge_id)
    assert message["text"] == f"{code} is your sign-in code. Never share it.\n\n@localhost #{code}"
    delivery = SmsDelivery.objects.get()
    assert (delivery.state, delivery.gateway, delivery.gateway_ref, delivery.error) == (
        "sent",
        "1 webhook",
        "ref-1",
        "",
    )
    assert delivery.finished_at is not None


def test_failed_gateway_is_tried_again(gateway: Gateway) -> None:
    ask(now=timezone.now())
    gateway.status = 503
    send()

    assert len(gateway.messages) == 1
    delivery = SmsDelivery.objects.get()
    assert (delivery.state, delivery.error, delivery.failed_rounds) == ("queued", "1 webhook: fault HTTP 503", 1)
    assert delivery.next_try_at is not None and delivery.next_try_at > timezone.now()
    send()
    assert len(gateway.messages) == 1

    gateway.status = 200
    retry_now()
    send()

    assert [message["to"] for message in gateway.messages] == [PHONE, PHONE]
    delivery.refresh_from_db()
    assert (delivery.state, delivery.error) == ("sent", "")


def test_next_gateway_is_asked_after_a_rejection(gateway: Gateway, spare: Gateway, settings: Any) -> None:
    gateway.status = 503
    settings.SMS_GATEWAYS = [gateway.url, spare.url]
    ask(now=timezone.now())

    send()

    assert len(gateway.messages) == len(spare.messages) == 1
    assert SmsDelivery.objects.get().gateway == "2 webhook"


def test_number_that_cannot_be_reached_is_given_up_at_once(gateway: Gateway, spare: Gateway, settings: Any) -> None:
    gateway.status, gateway.answer = 400, b'{"error": "number"}'
    settings.SMS_GATEWAYS = [gateway.url, spare.url]
    ask(now=timezone.now())

    send()

    assert (len(gateway.messages), len(spare.messages)) == (1, 0)
    delivery = SmsDelivery.objects.get()
    assert (delivery.state, delivery.error) == ("failed", "1 webhook: number")
    assert SmsGateway.objects.get().failures == 0


def test_code_that_expired_while_gateways_failed_is_failed(gateway: Gateway) -> None:
    asked = ask(now=timezone.now())
    gateway.status = 503
    send()
    set_code(asked.challenge_id, expires_at=timezone.now())
    retry_now()

    send()

    assert len(gateway.messages) == 1
    delivery = SmsDelivery.objects.get()
    assert (delivery.state, delivery.gateway, delivery.error) == ("failed", "", "1 webhook: fault HTTP 503")
    assert delivery.finished_at is not None


def test_code_that_expired_before_any_gateway_was_asked_is_dropped(gateway: Gateway) -> None:
    asked = ask(now=timezone.now())
    set_code(asked.challenge_id, expires_at=timezone.now())

    send()

    assert gateway.messages == []
    assert SmsDelivery.objects.get().state == "dropped"


def test_used_code_is_not_sent(gateway: Gateway) -> None:
    asked = ask(now=timezone.now())
    answer(asked, now=timezone.now())

    send()

    assert gateway.messages == []
    assert SmsDelivery.objects.get().state == "dropped"


def test_code_used_while_the_gateway_was_down_is_dropped(gateway: Gateway) -> None:
    asked = ask(now=timezone.now())
    gateway.status = 503
    send()
    answer(asked, now=timezone.now())
    retry_now()

    send()

    assert len(gateway.messages) == 1
    assert SmsDelivery.objects.get().state == "dropped"


def test_code_of_an_erased_user_is_not_sent(gateway: Gateway) -> None:
    ask(now=timezone.now())
    User.objects.update(phone=None, erased_at=timezone.now())

    send()

    assert gateway.messages == []
    assert SmsDelivery.objects.get().state == "dropped"


def test_recorded_delivery_is_never_sent_again(gateway: Gateway) -> None:
    ask(now=timezone.now())
    send()

    retry_now()
    send()

    assert len(gateway.messages) == 1


def test_no_phone_and_no_code_in_rows_and_logs(gateway: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    asked = ask(now=timezone.now())
    waiting = str(SmsDelivery.objects.values())
    gateway.status = 503
    send()
    gateway.status = 200
    retry_now()
    send()

    said = "\n".join(f"{record.getMessage()} {record.__dict__} {record.exc_text}" for record in caplog.records)
    assert "was not taken by gateway 1 webhook: fault HTTP 503" in said
    assert challenge(asked.challenge_id).login_code.nonce.hex() not in said
    for secret in (PHONE, PHONE[2:], f"#{right(asked.challenge_id)}", "sign-in code"):
        assert secret not in waiting
        assert secret not in said


def test_demo_mode_sends_nothing_and_says_so_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    asked = ask(now=timezone.now())

    send()

    delivery = SmsDelivery.objects.get()
    assert (delivery.state, delivery.gateway) == ("sent", "demo")
    assert f"DEMO MODE, no SMS is sent to +7***4567: {asked.code} is your" in caplog.text
    assert PHONE[2:] not in caplog.text
