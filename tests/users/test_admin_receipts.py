"""What the admin shows of delivery receipts and of refusals, in the operator's language."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tests.support.operators import helper, page_of
from tests.support.receipts import sent
from users.admin.deliveries import OUTCOMES
from users.login.sms_limits import count_site
from users.models import LoginCode, SmsDelivery, SmsGateway, User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unreachable_gateway")]
SEEN = ("view_user", "view_smsdelivery", "view_smsgateway")


@pytest.fixture
def support(db: None) -> Client:
    return helper(*SEEN)


def read(support: Client, path: str, language: str) -> str:
    return support.get(path, headers={"Accept-Language": language}).content.decode()


@pytest.mark.parametrize(
    ("values", "english", "russian"),
    [
        (
            {"delivered_at": datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)},
            "The last SMS was delivered at 2026-02-03 04:05:06.",
            "Последнее SMS доставлено 03.02.2026 04:05:06.",
        ),
        (
            {"undelivered": "expired"},
            "The last SMS was not delivered: its time ran out.",
            "Последнее SMS не доставлено: истёк срок доставки.",
        ),
        (
            {"state": "failed", "error": "1 webhook: number 7"},
            "The number cannot be reached: No. 1 (webhook): no such number (7).",
            "Номер недоступен: № 1 (webhook): нет такого номера (7).",
        ),
        (
            {"state": "failed", "error": "1 webhook: credit 3"},
            "No. 1 (webhook): no credit (3)",
            "№ 1 (webhook): нет денег на счёте (3)",
        ),
        ({}, "The gateway accepted the last SMS; there is no receipt yet.", "Последнее SMS принял шлюз"),
        (
            {"state": "failed", "error": "1 webhook: HTTP 500"},
            "No gateway accepted the last SMS",
            "№ 1 (webhook): HTTP 500",
        ),
    ],
)
def test_diagnosis_says_what_became_of_the_sms(
    values: dict[str, Any], english: str, russian: str, support: Client
) -> None:
    user = sent("1 webhook", "a-1", **values).login_code.user

    assert english in read(support, page_of(user.pk, "diagnosis"), "en")
    assert russian in read(support, page_of(user.pk, "diagnosis"), "ru")


def test_lists_show_what_was_delivered(support: Client) -> None:
    hour_ago = timezone.now() - timedelta(hours=1)
    past = {"created_at": hour_ago, "finished_at": hour_ago}
    for _ in range(3):
        sent("1 webhook", "", **past, delivered_at=hour_ago + timedelta(seconds=5))
    sent("1 webhook", "", **past, undelivered="blocked")
    count_site(timezone.now())
    SmsGateway.objects.update(error="credit 3")

    deliveries, gateways = "/admin/users/smsdelivery/", "/admin/users/smsgateway/"
    listed = read(support, deliveries, "en")
    assert '<span class="outcome bad">not delivered: the recipient blocks SMS</span>' in listed
    assert listed.count('<span class="outcome good">delivered</span>') == 3
    assert "не доставлено: получатель не принимает SMS" in read(support, deliveries, "ru")
    assert "75% of 4 SMS, half within 5 s" in read(support, gateways, "en")
    assert "нет денег на счёте (3)" in read(support, gateways, "ru")
    for row in (f"{deliveries}{SmsDelivery.objects.latest('pk').pk}/change/", f"{gateways}1%20webhook/change/"):
        assert support.get(row).status_code == 200
    user = User.objects.get(phone="+79991234567")
    assert "the recipient blocks SMS" in read(support, page_of(user.pk), "en")


@pytest.mark.parametrize(
    ("values", "name", "todo"),
    [
        ({"delivered_at": datetime(2026, 2, 3, tzinfo=UTC)}, "delivered", "Nothing."),
        ({"undelivered": "blocked"}, "undelivered", "Ask the user to check the number"),
        ({"state": "failed", "error": "1 webhook: number"}, "failed", "Ask the user to check the number"),
        ({"state": "failed", "error": "1 webhook: credit"}, "failed", "See the SMS gateways"),
        ({"state": "queued", "valid": True}, "queued", "Wait"),
        ({"state": "queued"}, "queued", "No worker took it in time."),
        ({}, "sent", "with the reference"),
        ({"gateway": "demo"}, "demo", "Demo mode sent no SMS."),
    ],
)
def test_an_sms_is_found_by_its_outcome_and_says_what_to_do(
    values: dict[str, Any], name: str, todo: str, support: Client
) -> None:
    minutes = 5 if values.pop("valid", False) else -5
    sms = sent(values.pop("gateway", "1 webhook"), "a-1", **{"created_at": timezone.now(), **values})
    LoginCode.objects.update(expires_at=timezone.now() + timedelta(minutes=minutes))
    names = [one for one, _title, _condition in OUTCOMES]

    found = [
        one
        for one in names
        if support.get(f"/admin/users/smsdelivery/?lately={one}", follow=True).context["cl"].queryset
    ]

    assert found == [name]
    assert todo in read(support, f"/admin/users/smsdelivery/{sms.pk}/change/", "en")


@pytest.mark.parametrize(
    ("values", "tone", "said"),
    [
        ({}, "", "sent, no receipt"),
        ({"gateway": "demo"}, "", "not sent: demo mode"),
        ({"error": "1 twilio: no_answer"}, "", "sent, no receipt"),  # the gateway after it took the SMS
        ({"state": "queued"}, "open", "queued"),
        ({"state": "queued", "expires_at": datetime(2026, 2, 3, tzinfo=UTC)}, "bad", "not sent: its code expired"),
        (
            {"state": "queued", "notice_phone": "+79991234567", "expires_at": datetime(2026, 2, 3, tzinfo=UTC)},
            "open",
            "queued",
        ),
        ({"state": "queued", "error": "1 webhook: credit 3"}, "open", "queued: No. 1 (webhook): no credit (3)"),
        ({"state": "failed", "error": "1 webhook: number"}, "bad", "not sent: No. 1 (webhook): no such number"),
        ({"state": "dropped", "erased_at": datetime(2026, 2, 3, tzinfo=UTC)}, "bad", "dropped: the user was erased"),
        ({"state": "dropped", "expires_at": datetime(2026, 2, 3, tzinfo=UTC)}, "bad", "dropped: its code expired"),
        ({"state": "dropped", "used_at": datetime(2026, 2, 3, tzinfo=UTC)}, "bad", "dropped: the code was used first"),
        ({"undelivered": "expired"}, "bad", "not delivered: its time ran out"),
        ({"undelivered": "expired", "delivered_at": datetime(2026, 2, 3, tzinfo=UTC)}, "good", "delivered"),
    ],
)
def test_outcome_of_an_sms_is_told_in_words_and_by_a_mark(values: dict[str, Any], tone: str, said: str) -> None:
    values, soon = {**values}, timezone.now() + timedelta(minutes=5)
    user = User(pk=1, erased_at=values.pop("erased_at", None))
    code = LoginCode(user=user, expires_at=values.pop("expires_at", soon), used_at=values.pop("used_at", None))
    sms = SmsDelivery(
        **{
            "created_at": datetime(2026, 2, 2, tzinfo=UTC),
            "login_code": code,
            "state": "sent",
            "undelivered": "",
            **values,
        }
    )

    assert (sms.tone, sms.outcome) == (tone, said)
