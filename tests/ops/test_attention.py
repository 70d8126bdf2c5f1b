"""What the admin's home says needs attention."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from inviting_app.ops import attention, certificate
from inviting_app.ops.certificate import Certificate
from profiles.webhooks.endpoints import GONE
from tests.support.accounts import registered
from tests.support.operators import at_work, operator
from tests.support.webhooks import endpoint
from users.clock import DAY, HOUR
from users.models import LoginCode, SiteTotals, SmsDelivery, SmsGateway
from users.queries import database_now
from users.sms.answers import Reason

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fine(settings: Any) -> None:
    """A service that lacks nothing."""
    settings.DEMO, settings.SMS_GATEWAYS = False, ["webhook://127.0.0.1:9/", "webhook://127.0.0.1:9/other"]
    now = database_now()
    SiteTotals.objects.create(counted_at=now, people_a_day=1, sms_in_a_day=1, backed_up_at=now, checked_backup_at=now)
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (clock_timestamp())")


def home(*sees: str) -> str:
    found = at_work(operator("9991119997", "view_user", *sees)).get("/admin/").text
    return found.partition('class="attention"')[2].partition("</section>")[0]


def test_nothing_needs_attention() -> None:
    assert "Nothing now: a worker runs, and the gateways take SMS." in home()


@pytest.mark.parametrize(
    ("beat", "said"),
    [
        ("interval '5 minutes'", "one is 5\xa0minutes old"),
        ("interval '55 seconds'", "no SMS is sent.</strong>"),
        (None, "no SMS is sent.</strong>"),
    ],
)
def test_silent_worker(beat: str | None, said: str) -> None:
    with connection.cursor() as cursor:
        old = f"UPDATE procrastinate_workers SET last_heartbeat = clock_timestamp() - {beat}"
        cursor.execute(old if beat else "DELETE FROM procrastinate_workers")

    found = home("view_sitetotals")
    assert said in found and "manage.py worker" in found and 'class="urgent"' in found
    assert said in (found := home()) and "manage.py" not in found and "Tell a superuser." in found


def test_late_sms() -> None:
    due = database_now() - HOUR
    times = dict.fromkeys(("created_at", "sent_at", "open_until", "expires_at"), due)
    code = LoginCode.objects.create(user=registered("9991110001").user, length=4, nonce=b"", language="en", **times)
    SmsDelivery.objects.create(login_code=code, state="queued", created_at=due, next_try_at=due, country="", prefix="")

    assert "SMS are late: 1 wait for a worker, the first one for 1\xa0hour" in home()


@pytest.mark.parametrize(
    ("error", "failures", "said"),
    [
        (f"{Reason.CREDIT} 402", 3, "Gateway No. 1 (webhook) takes no SMS: no credit (402).</strong></a> Add credit"),
        (Reason.CREDENTIALS, 3, "takes no SMS: wrong credentials.</strong></a> Check the account"),
        (
            Reason.NO_ANSWER,
            4,
            "Gateway No. 1 (webhook) failed 4 times in a row: no answer.</strong></a> Ask its provider",
        ),
        (f"{Reason.NO_CONNECTION} refused", 3, "no connection (refused).</strong></a> Check HOST in its URL"),
        (Reason.NO_ANSWER, 2, "Nothing now"),
    ],
)
def test_gateway_in_trouble(error: str, failures: int, said: str) -> None:
    now = database_now()
    until = now + HOUR
    SmsGateway.objects.create(name="1 webhook", failures=failures, error=error, failed_at=now, circuit_open_until=until)

    assert said in home("view_smsgateway")


def test_other_gateways_are_named_only_if_there_are_any(settings: Any) -> None:
    SmsGateway.objects.create(name="1 webhook", failures=3, error=Reason.FAULT)
    said = "Ask its provider whether there is a fault."
    assert f"{said} The other gateways are asked first meanwhile." in home("view_smsgateway")

    settings.SMS_GATEWAYS = settings.SMS_GATEWAYS[:1]

    assert said in (found := home("view_smsgateway")) and "other gateways" not in found


def test_prefix_without_deliveries() -> None:
    row = {"gateway": "1 webhook", "prefix": "+7999", "accepted": 12, "delivered": 0, "seconds": None}
    SiteTotals.objects.update(arrivals=[row])

    assert "took 12 SMS to +7999… in 24 hours, and none was delivered." in home()


def test_webhooks_in_trouble() -> None:
    url, now = "https://receiver.example.org/", database_now()
    endpoint(url, failing_since=now - HOUR / 12, error="HTTP 500")
    endpoint(url, is_enabled=False, disabled_reason="moves", failing_since=now - HOUR)
    failing = endpoint(url, failing_since=now - HOUR, error="timeout")
    gone = endpoint(url, is_enabled=False, disabled_reason=GONE)

    found, other = home("change_webhookendpoint", "view_webhookendpoint"), home("view_webhookendpoint")

    assert f"Webhook {failing.pk}. receiver.example.org has failed for 1\xa0hour: no answer in time." in found
    assert f"Webhook {gone.pk}. receiver.example.org is disabled: its receiver answered 410 Gone." in found
    assert "write that on the webhook&#x27;s page in “Why it is disabled” and save" in found
    assert found.count("<li") == other.count("<li") == 2
    assert "Ask whoever runs the receiver." in other
    assert other.count("Tell a superuser.") == 1 and "on the webhook&#x27;s page" not in other
    assert home().count("Tell a superuser.") == 2


def test_notice_leads_to_where_the_operator_may_look() -> None:
    now = database_now()
    failing = endpoint("https://receiver.example.org/", failing_since=now - HOUR, error="timeout")
    SmsGateway.objects.create(name="1 webhook", failures=4, error=Reason.NO_ANSWER, failed_at=now)

    assert "<a " not in home()
    found = home("view_smsgateway", "view_webhookendpoint")
    assert f'href="/admin/profiles/webhookendpoint/{failing.pk}/change/"' in found
    assert 'href="/admin/users/smsgateway/1%20webhook/change/"' in found
    assert found.count("<a ") == 2


def test_limit_of_a_day(settings: Any) -> None:
    settings.SMS_PER_DAY = 100
    SiteTotals.objects.update(sms_in_a_day=80)

    assert "80 SMS were sent in 24 hours, and SMS_PER_DAY allows 100." in home()


@pytest.mark.long
def test_backup(settings: Any) -> None:
    SiteTotals.objects.update(backed_up_at=database_now() - 2 * DAY)
    assert "The last backup is 2\xa0days old." in (found := home()) and 'class="soon"' in found

    SiteTotals.objects.update(backed_up_at=None)
    assert "No backup was made yet." in home()

    settings.EMBEDDED_POSTGRES = False  # others may back it up
    assert "No backup was made yet." not in home()


@pytest.mark.long
def test_backup_that_was_not_checked() -> None:
    SiteTotals.objects.update(checked_backup_at=database_now() - 3 * DAY)
    assert "The last backup that a restore has checked is 3\xa0days old." in (found := home("view_sitetotals"))
    assert "manage.py check_backup FILE" in found

    SiteTotals.objects.update(checked_backup_at=None)
    assert "No backup has been checked by a restore yet." in home()


@pytest.mark.parametrize(
    ("error", "left", "said", "how"),
    [
        ("", 30 * DAY, "Nothing now", ""),
        ("", 10 * DAY, "The certificate of localhost ends in 1\xa0week, 2\xa0days, and was not renewed.", "soon"),
        ("", -HOUR, "The certificate of localhost has ended.", "urgent"),
        ("self-signed certificate", None, "Clients refuse the certificate of localhost: self-signed", "urgent"),
    ],
)
def test_certificate(error: str, left: timedelta | None, said: str, how: str) -> None:
    end = database_now() + left if left else None
    begin = end and end - 90 * DAY
    certificate.remember(Certificate("localhost", begin, end, error))

    assert said in (found := home()) and f'class="{how}"' in (found if how else 'class=""')


def test_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attention, "free_bytes", lambda: 5_000_000)

    assert "Only 5 MB are free" in home()


def test_demo(settings: Any) -> None:
    settings.DEMO = True

    assert "Demo mode" in home()


def test_only_who_sees_the_numbers_sees_it() -> None:
    assert "attention" not in at_work(operator("9991119997", "view_smsgateway")).get("/admin/").text


@pytest.mark.django_db(transaction=True)
def test_backup_is_remembered(tmp_path: Path) -> None:
    SiteTotals.objects.update(backed_up_at=None)

    call_command("backup", str(tmp_path / "a.backup"))

    assert database_now() - SiteTotals.objects.get().backed_up_at < HOUR  # type: ignore[operator]
