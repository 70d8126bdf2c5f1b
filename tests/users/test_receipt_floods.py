"""Delivery receipts that are very many, repeated, or of SMS that this service did not send."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from procrastinate.contrib.django.models import ProcrastinateJob

from tests.support.login_steps import ask, at
from tests.support.receipts import inbound, receiving, say, sent, take, url
from users.models import SmsDelivery
from users.sms import receipts
from users.sms.answers import Outcome
from users.sms.gateways import configured, parse

pytestmark = pytest.mark.django_db
site = pytest.fixture(autouse=True)(receiving)


def test_receipts_of_another_program_make_no_jobs() -> None:
    sent("1 webhook", "a-1")

    assert take(say("delivered", "its-own")) == []

    assert not ProcrastinateJob.objects.filter(task_name=receipts.TASK).exists()


def test_many_unknown_receipts_in_one_request_make_one_small_job() -> None:
    ask(now=at(0))
    SmsDelivery.objects.update(open_tries={"1 webhook": 1})
    gateway = configured()[0]
    early = [Outcome(f"its-{number}", None) for number in range(1000)]

    receipts.look_again(gateway, early)

    [job] = ProcrastinateJob.objects.filter(task_name=receipts.TASK)
    assert len(job.args["receipts"]) == receipts.MOST_EARLY


def test_jobs_for_unknown_receipts_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipts, "MOST_JOBS", 3)
    ask(now=at(0))
    SmsDelivery.objects.update(open_tries={"1 webhook": 1})

    for number in range(5):
        assert take(say("delivered", f"its-{number}")) == []

    assert ProcrastinateJob.objects.filter(task_name=receipts.TASK, status="todo").count() == 3


def test_receipts_that_say_nothing_new_take_no_statement(django_assert_num_queries: Any) -> None:
    """Otherwise a provider could hold all threads by very many of them."""
    sent("1 webhook", "a-1")
    sent("1 webhook", "b-2")
    for said in (say("delivered"), say("failed", "b-2", reason="expired")):
        take(said)

    with django_assert_num_queries(3):
        take(say("delivered"))
        take(say("failed", reason="number"))
        take(say("failed", "b-2", reason="number"))


def test_no_more_than_a_thousand_receipts_of_a_request_are_read() -> None:
    table = parse("1 infobip", url("infobip://key@?sender=Shop"), "").provider.receipt
    assert table
    one = {"messageId": "a-1", "status": {"name": "DELIVERED_TO_HANDSET"}}

    read = receipts.read(table, inbound({"json": {"results": [*[1] * (receipts.MOST_ITEMS - 1), one, one]}}, "/"))

    assert read == [Outcome("a-1", None)]


def test_receipt_that_a_request_repeats_is_stored_once(settings: Any) -> None:
    settings.SMS_GATEWAYS = [url("infobip://key@?sender=Shop")]
    sent("1 infobip", "a-1")
    one = {"messageId": "a-1", "status": {"name": "DELIVERED_TO_HANDSET"}}

    with CaptureQueriesContext(connection) as queries:
        assert take({"json": {"results": [one] * 5}}) == [("1 infobip", "delivered")]

    assert len([query for query in queries if query["sql"].startswith("UPDATE")]) == 1


def test_few_sms_with_one_reference_are_read(django_assert_num_queries: Any) -> None:
    """A provider could give one to all."""
    sent("1 webhook", "a-1")

    with django_assert_num_queries(2) as found:
        assert receipts.record(configured()[0], Outcome("a-1", None))

    assert found[0]["sql"].endswith(f"LIMIT {receipts.MOST_ALIKE}")
