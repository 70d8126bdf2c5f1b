"""Sending a code with a real queue, a real worker, and a gateway on this machine."""

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from tests.support.http_gateway import Gateway
from tests.support.login_steps import PHONE, answer, ask, challenge, right, set_code
from tests.support.run_worker import retry_now, work
from users.models import SmsDelivery, SmsGateway, User
from users.sms import delivery as sms_delivery

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("empty_queue"),
]


def test_code_is_delivered_to_its_phone(gateway: Gateway) -> None:
    asked = ask(now=timezone.now())

    work()

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
    assert not ProcrastinateJob.objects.exists()


def test_failed_gateway_is_tried_again(gateway: Gateway) -> None:
    ask(now=timezone.now())
    gateway.status = 503
    work()

    assert len(gateway.messages) == 1
    delivery = SmsDelivery.objects.get()
    assert (delivery.state, delivery.error) == ("queued", "1 webhook: fault HTTP 503")
    job = ProcrastinateJob.objects.get()
    assert (job.status, job.attempts) == ("todo", 1)
    assert job.scheduled_at > timezone.now()

    gateway.status = 200
    retry_now()
    work()

    assert [message["to"] for message in gateway.messages] == [PHONE, PHONE]
    delivery.refresh_from_db()
    assert (delivery.state, delivery.error) == ("sent", "")
    assert not ProcrastinateJob.objects.exists()


def test_next_gateway_is_asked_after_a_rejection(gateway: Gateway, spare: Gateway, settings: Any) -> None:
    gateway.status = 503
    settings.SMS_GATEWAYS = [gateway.url, spare.url]
    ask(now=timezone.now())

    work()

    assert len(gateway.messages) == len(spare.messages) == 1
    assert SmsDelivery.objects.get().gateway == "2 webhook"


def test_number_that_cannot_be_reached_is_given_up_at_once(gateway: Gateway, spare: Gateway, settings: Any) -> None:
    gateway.status, gateway.answer = 400, b'{"error": "number"}'
    settings.SMS_GATEWAYS = [gateway.url, spare.url]
    ask(now=timezone.now())

    work()

    assert (len(gateway.messages), len(spare.messages)) == (1, 0)
    delivery = SmsDelivery.objects.get()
    assert (delivery.state, delivery.error) == ("failed", "1 webhook: number")
    assert not ProcrastinateJob.objects.exists() and not SmsGateway.objects.exists()


def test_code_that_expired_while_gateways_failed_is_failed(gateway: Gateway) -> None:
    asked = ask(now=timezone.now())
    gateway.status = 503
    work()
    set_code(asked.challenge_id, expires_at=timezone.now())
    retry_now()

    work()

    assert len(gateway.messages) == 1
    delivery = SmsDelivery.objects.get()
    assert (delivery.state, delivery.gateway, delivery.error) == ("failed", "", "1 webhook: fault HTTP 503")
    assert delivery.finished_at is not None
    assert not ProcrastinateJob.objects.exists()


def test_code_that_expired_before_any_gateway_was_asked_is_dropped(gateway: Gateway) -> None:
    asked = ask(now=timezone.now())
    set_code(asked.challenge_id, expires_at=timezone.now())

    work()

    assert gateway.messages == []
    assert SmsDelivery.objects.get().state == "dropped"
    assert not ProcrastinateJob.objects.exists()


def test_used_code_is_not_sent(gateway: Gateway) -> None:
    asked = ask(now=timezone.now())
    answer(asked, now=timezone.now())

    work()

    assert gateway.messages == []
    assert SmsDelivery.objects.get().state == "dropped"


def test_code_used_while_the_gateway_was_down_is_dropped(gateway: Gateway) -> None:
    asked = ask(now=timezone.now())
    gateway.status = 503
    work()
    answer(asked, now=timezone.now())
    retry_now()

    work()

    assert len(gateway.messages) == 1
    assert SmsDelivery.objects.get().state == "dropped"


def test_code_of_an_erased_user_is_not_sent(gateway: Gateway) -> None:
    ask(now=timezone.now())
    User.objects.update(phone=None, erased_at=timezone.now())

    work()

    assert gateway.messages == []
    assert SmsDelivery.objects.get().state == "dropped"


def test_recorded_delivery_is_never_sent_again(gateway: Gateway) -> None:
    ask(now=timezone.now())
    work()

    sms_delivery.deliver(SmsDelivery.objects.get().pk)
    sms_delivery.deliver(0)

    assert len(gateway.messages) == 1


def test_only_one_of_two_workers_with_the_same_job_sends(gateway: Gateway) -> None:
    ask(now=timezone.now())
    delivery = SmsDelivery.objects.get().pk
    gateway.answers.clear()
    with ThreadPoolExecutor(1) as first, connection.cursor() as cursor:
        sending = first.submit(in_a_worker, delivery)
        assert gateway.asked.wait(10)
        cursor.execute("SET lock_timeout = '50ms'")

        with pytest.raises(sms_delivery.BeingSent):
            sms_delivery.deliver(delivery)
        SmsDelivery.objects.update(address="")  # as an erasure does
        gateway.answers.set()
        sending.result()
        sms_delivery.deliver(delivery)
        cursor.execute("SET lock_timeout = '2s'")

    assert len(gateway.messages) == 1
    assert SmsDelivery.objects.get().state == "sent"


def in_a_worker(delivery: int) -> None:
    try:
        sms_delivery.deliver(delivery)
    finally:
        connection.close()


def test_no_phone_and_no_code_in_jobs_and_logs(gateway: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    caplog.set_level(logging.INFO, logger="procrastinate")
    asked = ask(now=timezone.now())
    jobs = str(list(ProcrastinateJob.objects.values()))
    gateway.status = 503
    work()
    gateway.status = 200
    retry_now()
    work()

    said = "\n".join(f"{record.getMessage()} {record.__dict__} {record.exc_text}" for record in caplog.records)
    assert "users.tasks.send_sms" in jobs and "Error, to retry" in said
    assert challenge(asked.challenge_id).login_code.nonce.hex() not in said
    for secret in (PHONE, PHONE[2:], f"#{right(asked.challenge_id)}", "sign-in code"):
        assert secret not in jobs
        assert secret not in said


def test_demo_mode_sends_nothing_and_says_so_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    asked = ask(now=timezone.now())

    work()

    delivery = SmsDelivery.objects.get()
    assert (delivery.state, delivery.gateway) == ("sent", "demo")
    assert f"DEMO MODE, no SMS is sent to +7***4567: {asked.code} is your" in caplog.text
    assert PHONE[2:] not in caplog.text
