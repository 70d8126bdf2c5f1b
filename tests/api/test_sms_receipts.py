"""Delivery receipts over HTTP: the token, the signature, forms of requests, and what is logged and counted."""

import io
import json
import logging
import re
from typing import Any

import pytest
from django.test import Client

from inviting_app.ops import metrics
from tests.support.receipts import SITE, path, sent
from users.models import SmsDelivery

pytestmark = pytest.mark.django_db

DELIVERED = {"id": "a-1", "status": "delivered"}
SMSRU = "smsru://D0A1B2C3-4E5F-6789-ABCD-EF0123456789@?sender=Shop"


@pytest.fixture(autouse=True)
def site(settings: Any) -> None:
    settings.SITE_URL, settings.ALLOWED_HOSTS = SITE, ["example.org"]
    settings.DEMO, settings.SMS_GATEWAYS = False, ["webhook://me:hunter2@127.0.0.1:9/sms"]
    settings.MIDDLEWARE = ["inviting_app.ops.metrics.requests", *settings.MIDDLEWARE]


@pytest.fixture
def provider() -> Client:
    """A program without cookies."""
    return Client(enforce_csrf_checks=True, headers={"Host": "example.org"}, raise_request_exception=False)


@pytest.fixture
def delivery() -> SmsDelivery:
    return sent("1 webhook", "a-1")


def is_delivered(delivery: SmsDelivery) -> bool:
    delivery.refresh_from_db()
    return delivery.delivered_at is not None


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("way", ["query", "form", "json", "json without a type", "get of a form"])
def test_receipt_is_taken_in_any_form(way: str, slash: str, provider: Client, delivery: SmsDelivery) -> None:
    at = path() + slash
    answer = {
        "query": lambda: provider.post(at, query_params=DELIVERED),
        "get of a form": lambda: provider.get(at, DELIVERED),
        "form": lambda: provider.post(at, "id=a-1&status=delivered", "application/x-www-form-urlencoded"),
        "json": lambda: provider.post(at, DELIVERED, "application/json; charset=utf-8"),
        "json without a type": lambda: provider.post(at, json.dumps(DELIVERED), ""),
    }[way]()

    assert (answer.status_code, answer.content, is_delivered(delivery)) == (200, b"", True)
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert not answer.cookies


def test_answer_is_what_the_provider_wants_to_read(provider: Client, settings: Any) -> None:
    settings.SMS_GATEWAYS = [SMSRU]
    record = "test\n1700000000"
    signed = "3546c6b2e0aedf48ba5e6c8093302887ac39012f8b2279c1d2748758ce15816a"

    for hashed, status in ((signed, 200), (signed[::-1], 403), ("", 403)):
        answer = provider.post(path(), {"data[0]": record, "hash": hashed}, query_params={})
        assert answer.status_code == 403  # multipart is not read
        form = f"data%5B0%5D={record.replace(chr(10), '%0A')}&hash={hashed}"
        answer = provider.post(path(), form, "application/x-www-form-urlencoded")
        assert answer.status_code == status
        assert (answer.content == b"100") == (status == 200)


@pytest.mark.parametrize("token", ["A" * 22, "A", "é" * 22, "%00", "%f0%9f%99%82", "..", "a" * 5000, "None", "%"])
def test_unknown_token_is_a_plain_404(token: str, provider: Client, delivery: SmsDelivery) -> None:
    answer = provider.post(f"/sms/receipts/{token}", DELIVERED, "application/json")

    assert (answer.status_code, is_delivered(delivery)) == (404, False)
    assert answer["Content-Type"] == "text/html; charset=utf-8"


def test_nobody_has_a_token_in_demo_mode(provider: Client, settings: Any) -> None:
    before = path()
    settings.DEMO, settings.SMS_GATEWAYS = True, []

    assert provider.post(before, DELIVERED, "application/json").status_code == 404


def test_other_methods_and_large_bodies_are_refused(provider: Client, delivery: SmsDelivery) -> None:
    for method in ("put", "patch", "delete", "options", "head"):
        assert getattr(provider, method)(path()).status_code == 405
    padded = json.dumps({**DELIVERED, "text": "x" * 65_536})
    assert provider.post(path(), padded, "application/json").status_code == 413
    assert not is_delivered(delivery)
    assert provider.post(path(), padded[:65_000], "application/json").status_code == 200


def test_token_and_phone_stay_out_of_the_log_and_the_metrics(
    provider: Client, delivery: SmsDelivery, log: io.StringIO, settings: Any
) -> None:
    token = path().rpartition("/")[2]
    query = {**DELIVERED, "phone": "79991234567"}
    for at in (path(), path() + "/", path() + "/more", f"/x//receipts//{token}", f"/SMS/receipts/{token}"):
        provider.post(at, query, "application/json", query_params=query)
    settings.SMS_GATEWAYS = [SMSRU]
    provider.post(path(), query, "application/json", query_params=query)
    logging.getLogger("django.request").error("Internal Server Error: %s", path(), exc_info=ValueError(path()))

    # Without ids of requests and values of counters, which may have the digits of a secret by chance.
    lines = re.sub(r"\[[0-9a-f]{32}\]", "", log.getvalue())
    counted = str([(one.name, one.labels) for family in metrics.registry.collect() for one in family.samples])
    assert lines.count("POST /sms/receipts/***") == 4
    assert "1 smsru does not have the provider's signature" in lines
    assert "sms/receipts/<str:token>" in counted
    for secret in (token, path().rpartition("/")[2], "79991234567", "999123", "a-1"):
        assert secret not in lines + counted


def test_receipts_are_counted_once(provider: Client, delivery: SmsDelivery) -> None:
    def counted() -> list[float]:
        labels = {"gateway": "1 webhook"}
        names = ("inviting_app_sms_receipts_total", "inviting_app_sms_arrival_seconds_count")
        more = ({**labels, "outcome": "delivered"}, labels)
        return [metrics.registry.get_sample_value(*one) or 0 for one in zip(names, more, strict=True)]

    before = counted()
    for _ in range(3):
        provider.post(path(), DELIVERED, "application/json")

    assert [now - then for now, then in zip(counted(), before, strict=True)] == [1, 1]


def test_receipts_are_no_operation_of_the_api(provider: Client) -> None:
    assert b"receipts" not in provider.get("/schema").content
