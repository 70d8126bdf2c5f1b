"""What a gateway refuses for the sake of one SMS is neither a failure of the gateway nor a success."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.users.test_breaker import FAULT, FIRST, fail, order, read_health, trial_is_due
from users.models import SmsGateway
from users.sms import breaker
from users.sms.answers import Answer, Reason

pytestmark = pytest.mark.django_db

REFUSALS = [Reason.NUMBER, Reason.REGION]


@pytest.mark.parametrize("reason", REFUSALS)
def test_refused_numbers_keep_no_failing_gateway_first(reason: Reason) -> None:
    """Clients choose the number. A gateway may refuse some at once, and let all other SMS wait."""
    for answer in [FAULT, Answer(reason)] * 3:
        read_health().count(FIRST, answer)

    assert SmsGateway.objects.get().failures == 3
    assert order() == ["2 webhook", "1 webhook"]


@pytest.mark.parametrize("reason", REFUSALS)
def test_gateway_that_refuses_its_trial_is_tried_again_soon(reason: Reason) -> None:
    fail(3)
    SmsGateway.objects.update(failures=10)
    trial_is_due()
    assert order() == ["1 webhook", "2 webhook"]  # a trial

    read_health().count(FIRST, Answer(reason))

    health = SmsGateway.objects.get()
    assert health.failures == 11 and health.circuit_open_until is not None
    assert timedelta(seconds=25) < health.circuit_open_until - timezone.now() <= breaker.FIRST_OPEN_FOR


def test_refusal_opens_no_circuit_that_a_success_has_closed() -> None:
    fail(3)
    refused = read_health()
    read_health().count(FIRST, Answer())

    refused.count(FIRST, Answer(Reason.NUMBER))

    assert SmsGateway.objects.get().circuit_open_until is None
