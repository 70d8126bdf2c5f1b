"""What the sender of SMS records while other transactions lock its rows, and when the database takes no writes."""

import time
from collections.abc import Callable
from contextlib import closing

import pytest
from django.db import connection
from django.utils import timezone

from profiles import privacy
from tests.support.http_gateway import Gateway
from tests.support.login_steps import ask
from tests.support.run_worker import at_work
from users.models import SmsDelivery, User

pytestmark = pytest.mark.django_db(transaction=True)


def test_row_that_another_transaction_keeps_locked_holds_up_no_other_sms(gateway: Gateway) -> None:
    """Otherwise the claims of the others end meanwhile, and another worker sends again what gateways took."""
    gateway.answers.clear()
    for phone in ("+79990000001", "+79990000002"):
        ask(phone=phone, now=timezone.now())
    kept, other = SmsDelivery.objects.order_by("pk")
    with at_work():
        wait_for(lambda: len(gateway.messages) == 2)
        with closing(connection.copy()) as another, another.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT FROM users_smsdelivery WHERE id = %s FOR UPDATE", [kept.pk])
            gateway.answers.set()
            wait_until_recorded(other)
            ask(now=timezone.now())
            wait_for(lambda: len(gateway.messages) == 3)

    assert set(SmsDelivery.objects.values_list("state", flat=True)) == {"sent"}
    assert len(gateway.messages) == 3


def wait_until_recorded(delivery: SmsDelivery) -> None:
    wait_for(lambda: SmsDelivery.objects.get(pk=delivery.pk).state == "sent")


def wait_for(holds: Callable[[], bool]) -> None:
    latest = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < latest
        time.sleep(0.02)


def test_success_is_recorded_when_the_database_takes_writes_again(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    """As after a switch to another server, while the connection is to the former primary."""
    gateway.answers.clear()
    ask(now=timezone.now())
    name = connection.settings_dict["NAME"]
    with at_work(), connection.cursor() as cursor:
        assert gateway.asked.wait(10)
        cursor.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        try:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
            gateway.answers.set()
            wait_for(lambda: "InternalError" in caplog.text)
        finally:
            cursor.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')

    assert SmsDelivery.objects.get().state == "sent"
    assert len(gateway.messages) == 1


def test_reference_of_an_erased_users_sms_is_not_stored(gateway: Gateway) -> None:
    gateway.answers.clear()
    ask(now=timezone.now())
    with at_work():
        assert gateway.asked.wait(10)
        privacy.erase_by_operator(User.objects.get().pk)
        gateway.answers.set()

    delivery = SmsDelivery.objects.get()
    assert (delivery.state, delivery.gateway_ref) == ("sent", "")
