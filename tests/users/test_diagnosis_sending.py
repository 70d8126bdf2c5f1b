"""The diagnosis of a missing code: the last SMS, the gateways and the queue."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from tests.support.accounts import registered
from tests.support.login_steps import ask, at, diagnosed
from users.models import LoginCode, SmsDelivery, SmsGateway

pytestmark = pytest.mark.django_db
HOUR = 3600


@pytest.fixture(autouse=True)
def gateways(settings: Any) -> None:
    settings.DEMO, settings.SMS_GATEWAYS = False, ["webhook+http://127.0.0.1:9/", "webhook+http://127.0.0.1:9/"]


@pytest.fixture
def queue(db: None) -> None:
    """No workers."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE procrastinate_workers CASCADE")


def works(seconds: float) -> None:
    """A worker with a heartbeat of now."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (%s)", [at(seconds)])


def test_last_sends_come_newest_first() -> None:
    user = registered("9991234567").user
    for hour in range(25):
        time = at(-hour * HOUR)
        times = dict.fromkeys(["created_at", "sent_at", "open_until", "expires_at", "closed_at"], time)
        code = LoginCode.objects.create(user=user, length=4, nonce=b"n", language="en", **times)
        SmsDelivery.objects.create(login_code=code, created_at=time)
    ask(1, phone="+79991230000")

    assert [send.created_at for send in diagnosed().sends] == [at(-hour * HOUR) for hour in range(20)]


def test_health_of_each_configured_gateway_is_shown() -> None:
    ask()
    SmsGateway.objects.create(name="1 webhook", failures=4, error="fault", failed_at=at(0), circuit_open_until=at(60))
    SmsGateway.objects.create(name="9 twilio", failures=4, circuit_open_until=at(60))

    (first, *_), (second, *_) = diagnosed(1).gateways

    assert (first.name, first.failures, first.error, first.circuit_open_until) == ("1 webhook", 4, "fault", at(60))
    assert (second.name, second.failures, second.circuit_open_until) == ("2 webhook", 0, None)


def test_workers_without_a_heartbeat_are_not_alive(queue: None) -> None:
    ask()
    assert (diagnosed().queue.workers, diagnosed().queue.last_heartbeat) == (0, None)

    works(0)
    works(5)

    assert (diagnosed(9).queue.workers, diagnosed(9).queue.last_heartbeat) == (2, at(5))
    assert [diagnosed(seconds).queue.workers for seconds in (12, 20)] == [1, 0]


def test_oldest_waiting_sms_is_shown(queue: None) -> None:
    registered("9991234567")
    SmsDelivery.objects.update(state="sent")
    assert diagnosed().queue.waited == timedelta(0)

    ask()

    assert diagnosed(90).queue.waited == timedelta(seconds=90)


def test_sms_to_be_retried_waits_from_its_due_time(queue: None) -> None:
    ask()
    SmsDelivery.objects.update(next_try_at=at(60), failed_rounds=1)
    assert [diagnosed(seconds).queue.waited.total_seconds() for seconds in (50, 75)] == [0, 15]

    ask(phone="+79991230000")

    assert [diagnosed(seconds).queue.waited.total_seconds() for seconds in (50, 75)] == [50, 75]
