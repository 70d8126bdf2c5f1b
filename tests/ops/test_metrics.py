"""The states that Prometheus reads from the database, and labels without client input."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from prometheus_client.core import CollectorRegistry

from inviting_app.ops import certificate, metrics
from inviting_app.ops.certificate import Certificate
from inviting_app.ops.metrics_states import States
from tests.support.accounts import client, in_session
from tests.support.login_steps import ask
from tests.support.receipts import sent
from users.login.sms_limits import count_site
from users.models import SiteTotals
from users.sms import breaker, gateways
from users.sms.answers import Answer, Reason

pytestmark = pytest.mark.django_db


@pytest.fixture
def states(monkeypatch: pytest.MonkeyPatch) -> CollectorRegistry:
    """The states as a scrape reads them, without closing the tests' connection."""
    monkeypatch.setattr(connection, "close", lambda: None)
    registry = CollectorRegistry()
    registry.register(States())
    return registry


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(f"inviting_app_{name}", labels)


def test_states_show_the_queue_the_limits_and_the_gateways(states: CollectorRegistry, settings: Any) -> None:
    settings.DEMO, settings.SMS_GATEWAYS, settings.SMS_PER_DAY = False, ["webhook+http://127.0.0.1:9/"], 50
    ask(now=timezone.now())
    (gateway,) = gateways.configured()
    for _ in range(breaker.FAILURES):
        breaker.failed(gateway, Answer(Reason.FAULT))

    assert value(states, "database_up") == 1
    assert value(states, "queue_jobs", state="due") == 1
    assert (value(states, "sms_day"), value(states, "sms_day_limit")) == (1, 50)
    assert (value(states, "site_weight"), value(states, "site_weight_limit")) == (3, 497)
    assert value(states, "gateway_failures", gateway="1 webhook") == breaker.FAILURES
    assert value(states, "gateway_skipped", gateway="1 webhook") == 1
    assert value(states, "gateway_account_refused", gateway="1 webhook") == 0

    breaker.failed(gateway, Answer(Reason.CREDIT))
    assert value(states, "gateway_account_refused", gateway="1 webhook") == 1

    assert value(states, "gateway_refusals", gateway="1 webhook") == 0
    breaker.Breaker().count(gateway, Answer(Reason.REGION))
    assert value(states, "gateway_refusals", gateway="1 webhook") == 1


def test_states_show_what_arrives(states: CollectorRegistry) -> None:
    now, labels = timezone.now(), {"gateway": "1 webhook", "prefix": ""}
    taken = now - timedelta(hours=1)
    for _ in range(15):
        sent("1 webhook", "", created_at=taken, finished_at=taken, delivered_at=taken + timedelta(seconds=4))
    for _ in range(5):
        sent("1 webhook", "", "+79261234567", created_at=taken, finished_at=taken)
    count_site(now)

    assert (value(states, "sms_delivered_share", **labels), value(states, "sms_delivered_seconds", **labels)) == (
        0.75,
        4,
    )
    labels["prefix"] = "+7926"
    assert value(states, "sms_delivered_share", **labels) is None
    assert value(states, "sms_undelivered_prefixes", **labels) == 5
    labels["prefix"] = "+7999"
    assert value(states, "sms_delivered_share", **labels) == 1
    assert value(states, "sms_undelivered_prefixes", **labels) is None


def test_states_show_the_backup_and_the_certificate(states: CollectorRegistry) -> None:
    now = timezone.now()
    SiteTotals.objects.create(counted_at=now, people_a_day=0, sms_in_a_day=0)
    assert value(states, "checked_backup_age_seconds") is None
    assert value(states, "certificate_problem", problem="late") is None

    SiteTotals.objects.update(checked_backup_at=now - timedelta(hours=2))
    certificate.remember(Certificate("localhost", now - timedelta(days=80), now + timedelta(days=10)))

    assert 7200 <= (value(states, "checked_backup_age_seconds") or 0) < 7300
    assert value(states, "certificate_problem", problem="late") == 1
    assert value(states, "certificate_problem", problem="refused") == 0


def test_scrape_without_a_database_shows_no_old_state(
    states: CollectorRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE users_sitetotals RENAME TO away")

    assert value(states, "database_up") == 0
    assert value(states, "workers") is None


def test_client_input_never_becomes_a_label(settings: Any) -> None:
    settings.MIDDLEWARE = ["inviting_app.ops.metrics.requests", *settings.MIDDLEWARE]

    for typed in ("/api/v1/profiles/9991234567", "/i/ABC234", "/static/9991234567", "/9991234567"):
        client().generic("9991234567", typed, HTTP_X_REQUEST_ID="9991234567")

    shown = str(list(metrics.registry.collect()))
    assert "/api/v1/profiles/<int:user_id>" in shown
    assert not any(typed in shown for typed in ("9991234567", "ABC234"))


def test_events_are_counted_once_if_a_lost_response_is_asked_for_again(settings: Any) -> None:
    settings.MIDDLEWARE = ["inviting_app.ops.metrics.requests", *settings.MIDDLEWARE]
    events = ("codes_asked", "codes_verified", "sign_ups", "activations")
    before = [value(metrics.registry, f"{name}_total") or 0 for name in events]
    inviter, api = in_session("9991234568"), client()

    asked = api.post("/api/auth/signup", {"phone": "9991234567"}).json()
    log_in = {"code": asked["code"], "challenge_id": asked["challenge_id"]}
    answers = [api.post("/api/auth/login", log_in).json() for _ in range(2)]
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {answers[1]['token']}")
    votes = [api.post("/api/v1/profiles/me", {"activated_invite": inviter.code}).status_code for _ in range(2)]

    assert [answer["created"] for answer in answers] == [True, True]
    assert votes == [200, 409]
    after = [value(metrics.registry, f"{name}_total") or 0 for name in events]
    assert [now - then for now, then in zip(after, before, strict=True)] == [1, 1, 1, 1]


def test_refusal_of_a_head_request_is_counted_by_its_code(settings: Any) -> None:
    settings.MIDDLEWARE = ["inviting_app.ops.metrics.requests", *settings.MIDDLEWARE]
    labels = {"route": "/api/v1/profiles/me", "method": "HEAD", "status": "401", "code": "not_authenticated"}
    before = value(metrics.registry, "requests_total", **labels) or 0

    assert client().head("/api/v1/profiles/me").status_code == 401
    assert value(metrics.registry, "requests_total", **labels) == before + 1
