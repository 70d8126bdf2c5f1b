"""The circuit breaker: failing gateways go last for a while, in all workers."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from tests.support import run_worker
from tests.support.http_gateway import Gateway as Webhook
from tests.support.http_gateway import running
from tests.support.login_steps import ask
from tests.support.races import race
from users.models import LoginCode, SmsDelivery, SmsGateway
from users.sms import breaker, gateways
from users.sms.answers import Answer, Reason
from users.sms.breaker import Breaker
from users.sms.gateways import Gateway

pytestmark = pytest.mark.django_db

FIRST, SECOND = (gateways.parse(name, "webhook+http://127.0.0.1:9/", "") for name in ("1 webhook", "2 webhook"))
FAULT, CREDENTIALS = Answer(Reason.FAULT, code="HTTP 500"), Answer(Reason.CREDENTIALS)

preferred = pytest.fixture(name="preferred")(running)


@pytest.fixture
def delivery(preferred: Webhook, spare: Webhook, settings: Any) -> int:
    settings.DEMO, settings.SMS_GATEWAYS = False, [preferred.url, spare.url]
    ask()
    return SmsDelivery.objects.get().pk


def send(delivery: int) -> str:
    """Send this delivery as if it was new. Returns the gateway that accepted it."""
    SmsDelivery.objects.update(state="queued", gateway="", next_try_at=Now())
    run_worker.send()
    return SmsDelivery.objects.get(pk=delivery).gateway


def fail(times: int, gateway: Gateway = FIRST) -> SmsGateway:
    for _ in range(times):
        breaker.failed(gateway, FAULT)
    return SmsGateway.objects.get(name=gateway.name)


def trial_is_due() -> None:
    SmsGateway.objects.update(circuit_open_until=F("circuit_open_until") - breaker.LONGEST_OPEN_FOR)


def read_health() -> Breaker:
    read = Breaker()
    read.refresh()
    return read


def order() -> list[str]:
    return [gateway.name for gateway in read_health().in_turn([FIRST, SECOND])]


def test_circuit_opens_after_three_failures_in_a_row(delivery: int, preferred: Webhook) -> None:
    preferred.status = 503

    taken_by = [send(delivery) for _ in range(5)]

    assert taken_by == ["2 webhook"] * 5
    assert len(preferred.messages) == 3
    health = SmsGateway.objects.get()
    assert (health.name, health.failures, health.error) == ("1 webhook", 3, "fault HTTP 503")
    assert health.failed_at is not None and health.circuit_open_until is not None
    assert timedelta(seconds=25) < health.circuit_open_until - timezone.now() <= breaker.FIRST_OPEN_FOR


def test_failure_that_is_about_the_account_opens_the_circuit_at_once() -> None:
    breaker.failed(FIRST, CREDENTIALS)

    health = SmsGateway.objects.get()
    assert (health.failures, health.error) == (breaker.FAILURES, "credentials")
    assert order() == ["2 webhook", "1 webhook"]

    trial_is_due()
    assert order() == ["1 webhook", "2 webhook"]


def test_account_that_fails_after_other_failures_opens_the_circuit_at_once() -> None:
    fail(2)

    breaker.failed(FIRST, CREDENTIALS)

    assert order() == ["2 webhook", "1 webhook"]


@pytest.mark.parametrize("reason", ["region", "number_limit", "text"])
def test_refusals_of_one_sms_are_no_failures_of_the_gateway(reason: str, delivery: int, preferred: Webhook) -> None:
    """Clients choose the number, the country and the language, so they could put a gateway out of use."""
    preferred.status, preferred.answer = 400, f'{{"error": "{reason}"}}'.encode()

    assert [send(delivery) for _ in range(4)] == ["2 webhook"] * 4

    assert len(preferred.messages) == 4
    assert order() == ["1 webhook", "2 webhook"] and SmsGateway.objects.get().failures == 0


def test_number_that_is_refused_does_not_hide_that_the_account_is(delivery: int, preferred: Webhook) -> None:
    breaker.failed(FIRST, Answer(Reason.CREDIT))
    trial_is_due()
    preferred.status, preferred.answer = 400, b'{"error": "number"}'

    send(delivery)

    assert SmsGateway.objects.get().refuses_account


def test_recovered_gateway_is_preferred_again(delivery: int, preferred: Webhook) -> None:
    fail(3)
    trial_is_due()

    taken_by = [send(delivery) for _ in range(2)]

    assert taken_by == ["1 webhook"] * 2
    health = SmsGateway.objects.get()
    assert (health.failures, health.circuit_open_until) == (0, None)


def test_circuit_stays_open_longer_after_a_failed_trial(delivery: int, preferred: Webhook) -> None:
    preferred.status = 503
    fail(3)
    trial_is_due()

    taken_by = [send(delivery) for _ in range(3)]

    assert taken_by == ["2 webhook"] * 3
    assert len(preferred.messages) == 1
    health = SmsGateway.objects.get()
    assert health.failures == 4 and health.circuit_open_until is not None
    assert timedelta(seconds=55) < health.circuit_open_until - timezone.now() <= 2 * breaker.FIRST_OPEN_FOR


def test_open_time_doubles_up_to_ten_minutes() -> None:
    waits = [breaker.open_for(failures).total_seconds() for failures in (3, 4, 5, 6, 7, 8, 9, 10_000)]

    assert waits == [30, 60, 120, 240, 480, 600, 600, 600]


def test_gateways_with_an_open_circuit_are_asked_before_giving_up(
    delivery: int, preferred: Webhook, spare: Webhook
) -> None:
    fail(3, FIRST)
    fail(3, SECOND)

    assert send(delivery) == "1 webhook"

    preferred.status = spare.status = 503
    fail(3, FIRST)
    assert send(delivery) == ""
    assert SmsDelivery.objects.get().error == "1 webhook: fault HTTP 503; 2 webhook: fault HTTP 503"
    assert (len(preferred.messages), len(spare.messages)) == (2, 1)


def test_gateway_with_an_open_circuit_goes_last() -> None:
    fail(3, FIRST)

    assert order() == ["2 webhook", "1 webhook"]


def test_failures_that_are_not_in_a_row_do_not_add_up(delivery: int, preferred: Webhook) -> None:
    for status in (503, 503, 200, 503, 503):
        preferred.status = status
        send(delivery)

    health = SmsGateway.objects.get()
    assert (health.failures, health.circuit_open_until) == (2, None)


def test_sends_in_flight_do_not_lengthen_the_open_time() -> None:
    broken = fail(3)

    later = fail(20)

    assert (later.failures, later.circuit_open_until) == (3, broken.circuit_open_until)


def test_only_one_of_many_sends_is_the_trial() -> None:
    fail(3)
    trial_is_due()
    workers = [read_health() for _ in range(5)]

    firsts = [next(worker.in_turn([FIRST, SECOND])).name for worker in workers]

    assert firsts == ["1 webhook"] + ["2 webhook"] * 4


def test_success_of_a_healthy_gateway_writes_and_reads_nothing(django_assert_num_queries: Any) -> None:
    read = read_health()
    with django_assert_num_queries(0):
        read.count(FIRST, Answer())
        read.refresh()


def test_answer_that_changes_the_health_is_seen_at_once_and_others_after_a_while() -> None:
    worker, other = read_health(), read_health()
    for answer, is_degraded in ((CREDENTIALS, True), (Answer(), False)):
        worker.count(FIRST, answer)
        worker.refresh()
        other.refresh()
        assert (worker.degraded, other.degraded) == (is_degraded, False)


def test_expired_code_does_not_use_up_the_trial(delivery: int) -> None:
    fail(3)
    trial_is_due()
    LoginCode.objects.update(expires_at=timezone.now())

    run_worker.send()

    assert SmsDelivery.objects.get(pk=delivery).state == "dropped"
    assert SmsGateway.objects.get().failures == 3


@pytest.mark.django_db(transaction=True)
def test_failures_of_many_workers_at_once_are_all_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breaker, "FAILURES", 100)

    race([lambda: breaker.failed(FIRST, FAULT)] * 6)

    assert SmsGateway.objects.get().failures == 6


@pytest.mark.django_db(transaction=True)
def test_only_one_of_many_workers_makes_the_trial() -> None:
    fail(3)
    trial_is_due()
    workers = [read_health() for _ in range(6)]

    firsts = race([lambda worker=worker: next(worker.in_turn([FIRST, SECOND])).name for worker in workers])

    assert sorted(firsts) == ["1 webhook"] + ["2 webhook"] * 5
