"""A gateway that refuses every SMS, one by one, is no failing one. Operators see it nevertheless."""

from typing import Any

import pytest
from django.db.models.functions import Now

from inviting_app.ops import attention, checks_service
from tests.support import run_worker
from tests.support.http_gateway import Gateway as Webhook
from tests.support.http_gateway import running
from tests.support.login_steps import ask, diagnosed
from tests.support.races import race
from users.models import SmsDelivery, SmsGateway
from users.queries import database_now
from users.sms import breaker, gateways
from users.sms.answers import Answer, Reason
from users.sms.breaker import Breaker
from users.sms.models import MANY_REFUSALS

preferred = pytest.fixture(name="preferred")(running)

FIRST = gateways.parse("1 webhook", "webhook+http://127.0.0.1:9/", "")
MOVED = Answer(Reason.REJECTED, code="HTTP 301")


def read_health() -> Breaker:
    read = Breaker()
    read.refresh()
    return read


def count(*answers: Answer) -> SmsGateway:
    for answer in answers:
        read_health().count(FIRST, answer)
    return SmsGateway.objects.get(name=FIRST.name)


@pytest.mark.django_db
def test_gateway_whose_url_has_moved_is_told_to_operators(preferred: Webhook, spare: Webhook, settings: Any) -> None:
    settings.DEMO, settings.SMS_GATEWAYS = False, [preferred.url, spare.url]
    preferred.status = 404
    ask()
    for _ in range(MANY_REFUSALS):
        assert not list(checks_service.gateways())
        SmsDelivery.objects.update(state="queued", next_try_at=Now())
        run_worker.send()

    [warning] = checks_service.gateways()
    [notice] = [one for one in attention.notices(database_now()) if "Gateway" in one.what]
    (seen, *_), _ = diagnosed(1).gateways

    assert "Gateway 1 webhook refused the last 10 SMS, last at " in warning.msg
    assert warning.msg.endswith(" UTC (rejected (HTTP 404)).")
    assert notice.what == "Gateway No. 1 (webhook) refused the last 10 SMS: rejected (HTTP 404)."
    assert seen.refuses_all and seen.failures == 0
    assert len(preferred.messages) == MANY_REFUSALS  # it is still asked first

    preferred.status = 200
    SmsDelivery.objects.update(state="queued", next_try_at=Now())
    run_worker.send()

    assert SmsGateway.objects.get().refusals == 0
    assert not list(checks_service.gateways())


@pytest.mark.django_db
@pytest.mark.parametrize("reason", ["number", "blocked", "region", "text", "number_limit", "rejected"])
def test_every_kind_of_refusal_counts_until_a_success(reason: str) -> None:
    refused = Answer(Reason(reason))

    assert count(refused, refused).refusals == 2
    assert count(Answer()).refusals == 0


@pytest.mark.django_db
def test_sms_that_is_tried_again_counts_once(preferred: Webhook, settings: Any) -> None:
    settings.DEMO, settings.SMS_GATEWAYS = False, [preferred.url]
    preferred.status = 404
    ask(now=database_now())
    for _ in range(3):
        run_worker.send()
        run_worker.retry_now()

    assert len(preferred.messages) == 3
    assert SmsGateway.objects.get().refusals == 1


@pytest.mark.django_db
def test_failures_stay_visible_beside_refusals() -> None:
    credit = Answer(Reason.CREDIT, code="3")

    row = count(credit, MOVED)

    assert (row.refuses_account, row.error, row.refusals) == (True, "credit 3", 1)
    assert count(Answer(), MOVED).error == "rejected HTTP 301"


@pytest.mark.django_db(transaction=True)
def test_refusals_of_many_workers_at_once_are_all_counted() -> None:
    race([lambda: breaker.Breaker().count(FIRST, MOVED)] * 6)

    assert SmsGateway.objects.get().refusals == 6
