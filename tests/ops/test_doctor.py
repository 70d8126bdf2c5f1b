"""`manage.py doctor` finds each problem, says how to fix it, and returns a status."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.checks import ERROR, run_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db.models import Value

from inviting_app import probes
from inviting_app.ops import checks_service
from tests.support.doctor import doctor, only, sql
from tests.support.http_gateway import Gateway, Webhook, running
from tests.support.login_steps import ask
from tests.support.ports import free_port
from users.clock import StatementTimestamp
from users.models import SmsDelivery

SECRET = "hunter2"


class Site(Gateway):
    """A web server whose database answers."""

    def __init__(self) -> None:
        super().__init__(Ready)


class Ready(Webhook):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/readyz" else 404)
        self.end_headers()


@pytest.fixture
def web(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(probes, "READY_SECONDS", 30.0)  # a busy machine may need more than half a second
    for server in running(Site):
        settings.PORT = server.server_port
        yield


@pytest.fixture
def idle(db: None) -> None:
    """No jobs and no workers."""
    sql("DELETE FROM procrastinate_jobs")
    sql("DELETE FROM procrastinate_workers")


@pytest.fixture
def well(idle: None, web: None) -> None:
    """A healthy service: the rows that its worker writes, and a web server that answers."""
    sql("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (clock_timestamp() - interval '2 seconds')")
    counted("20 seconds")


def counted(ago: str) -> None:
    sql(
        "INSERT INTO users_sitetotals (id, counted_at, people_a_day, sms_in_a_day, suspect_countries, suspect_prefixes)"
        f" VALUES (1, clock_timestamp() - interval '{ago}', 0, 0, '[]', '[]')"
    )


def job() -> None:
    sql("INSERT INTO procrastinate_jobs (queue_name, task_name) VALUES ('upkeep', 'test')")


@pytest.mark.usefixtures("well")
def test_healthy_service_has_no_findings() -> None:
    assert doctor() == (0, "All is well.\n")


@pytest.mark.usefixtures("idle", "web")
def test_check_reports_the_same_findings(capsys: pytest.CaptureFixture[str]) -> None:
    counted("20 seconds")

    with pytest.raises(SystemCheckError, match=r"inviting_app\.E021\) No worker is alive"):
        call_command("check", deploy=True, tags=["service"], databases=["default"])
    call_command("check", deploy=True)

    assert "System check identified no issues" in capsys.readouterr().out


@pytest.mark.usefixtures("idle", "web")
def test_dead_worker_is_reported_with_advice_and_status_1() -> None:
    counted("20 seconds")
    sql("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (clock_timestamp() - interval '11 seconds')")

    status, said = doctor()

    assert status == 1
    shown = re.sub("0:00:1[2-9]", "TIME", said)  # however long the test takes on a busy machine
    assert "ERROR No worker is alive (the last heartbeat is TIME old): no SMS is sent. (inviting_app.E021)" in shown
    assert "\n    Stop and start the service" in said or "\n    Start one with `manage.py worker`" in said
    assert said.endswith("\nErrors: 1, warnings: 0\n")


@pytest.mark.skipif(not django_settings.EMBEDDED_POSTGRES, reason="the web server may run on another host")
def test_web_server_that_does_not_answer_is_reported(settings: Any) -> None:
    settings.PORT = free_port()

    assert only(checks_service.web()).level == ERROR


@pytest.mark.usefixtures("idle")
def test_worker_that_never_started_is_reported() -> None:
    assert only(checks_service.worker()).msg == "No worker is alive (none yet): no SMS is sent."


@pytest.mark.usefixtures("well")
def test_warnings_alone_end_with_status_0(settings: Any) -> None:
    settings.SMS_TEXT = {"en": "a" * 200 + " {code}"}

    status, said = doctor()

    assert status == 0
    assert "WARNING The SMS with the code does not fit one part (en, " in said
    assert "\n    Shorten SMS_TEXT" in said


@pytest.mark.usefixtures("idle")
@pytest.mark.parametrize(("seconds", "late"), [(-20, False), (25, False), (40, True)])
def test_due_sms_may_wait_half_a_minute(seconds: int, late: bool) -> None:
    ask()
    SmsDelivery.objects.update(next_try_at=StatementTimestamp() - Value(timedelta(seconds=seconds)))

    found = checks_service.queue()

    told = [(message.level, re.sub("0:00:4[1-9]", "TIME", message.msg)) for message in found]
    assert told == late * [(ERROR, "1 SMS wait, the first one for TIME: they arrive late, or too late.")]


@pytest.mark.usefixtures("idle")
def test_failed_jobs_of_the_last_day_are_reported() -> None:
    job()
    for status in ("doing", "failed"):
        sql(f"UPDATE procrastinate_jobs SET status = '{status}'")

    assert only(checks_service.failed_jobs()).msg == "Jobs that failed for good in the last day: 1."

    sql("UPDATE procrastinate_events SET at = at - interval '25 hours'")

    assert list(checks_service.failed_jobs()) == []


@pytest.mark.django_db
def test_old_totals_of_the_site_are_reported() -> None:
    assert "have not been counted yet" in only(checks_service.totals()).msg

    counted("4 minutes")

    assert re.search(r"were counted 0:04:0\d ago", only(checks_service.totals()).msg)


HTTPS = "https://invite.example.org"


@pytest.mark.parametrize(
    ("changed", "id", "words"),
    [
        ({"SITE_URL": "http://invite.example.org", "DEMO": False}, "inviting_app.E001", "SITE_URL is http://"),
        ({"SITE_URL": HTTPS, "DEMO": False}, "inviting_app.W002", "TRUSTED_PROXIES is 0, but SITE_URL is https"),
        ({"TRUSTED_PROXIES": 1}, "inviting_app.W001", "TRUSTED_PROXIES is 1, but SITE_URL is local"),
        ({"SITE_URL": HTTPS, "TRUSTED_PROXIES": 1}, "inviting_app.W003", "Others can reach the demo mode"),
        ({"HOST": "0.0.0.0"}, "inviting_app.W003", "Others can reach the demo mode"),
        ({"EXTRA_HOSTS": ["10.0.2.2"]}, "inviting_app.W003", "Others can reach the demo mode"),
        (
            {"SITE_URL": HTTPS, "TRUSTED_PROXIES": 1, "DEMO": False, "CONTACT_URL": ""},
            "inviting_app.I001",
            "The page asks",
        ),
        ({"SECRET_KEY": SECRET}, "users.E001", "SECRET_KEY has fewer than 32 characters, or fewer than 5"),
        ({"SECRET_KEY": f"{SECRET} and not yet fifty characters"}, "security.W009", "Your SECRET_KEY has less than 50"),
        ({"X_FRAME_OPTIONS": "SAMEORIGIN"}, "security.W019", "You have "),
    ],
)
def test_wrong_settings_are_reported(changed: dict[str, Any], id: str, words: str, settings: Any) -> None:
    settings.SITE_URL = "http://localhost:8000"
    settings.OPERATOR_NAME, settings.PRIVACY_URL, settings.CONTACT_URL = "Acme", HTTPS, "tel:+79991234567"
    for name, value in changed.items():
        setattr(settings, name, value)

    found = [message for message in run_checks(include_deployment_checks=True) if not message.is_silenced()]

    assert {message.id for message in found} - {"security.W009"} == {id} - {"security.W009"}
    assert any(message.id == id and message.msg.startswith(words) for message in found)
    assert SECRET not in str(found)


@pytest.mark.usefixtures("well")
def test_rows_write_no_control_characters_to_the_terminal(settings: Any) -> None:
    settings.SMS_GATEWAYS = ["webhook+http://127.0.0.1/"]
    sql(
        "INSERT INTO users_smsgateway (name, failures, error, failed_at) VALUES"
        " ('1 webhook', 3, E'\\x1b]0;owned\\x07', '2026-01-02 03:04:05Z')"
    )

    _status, said = doctor()

    assert "Gateway 1 webhook failed 3 times in a row" in said
    assert said.replace("\n", "").isprintable()


@pytest.mark.django_db
def test_failing_gateway_is_reported(settings: Any) -> None:
    settings.SMS_GATEWAYS = ["webhook+http://127.0.0.1/", "smpp://a:b@127.0.0.1"]
    sql(
        "INSERT INTO users_smsgateway (name, failures, error, failed_at, skipped_until) VALUES"
        " ('1 webhook', 3, 'credentials HTTP 401', '2026-01-02 03:04:05Z', clock_timestamp() + interval '1 minute'),"
        " ('2 smpp', 0, 'refused', '2026-01-02 03:04:05Z', NULL), ('9 form', 9, 'of the past', NULL, NULL)"
    )

    found = only(checks_service.gateways())

    assert found.level == ERROR
    assert (
        "Gateway 1 webhook refused the account, last at 2026-01-02 03:04:05 UTC (wrong credentials (HTTP 401))"
        in found.msg
    )
    assert "; it is asked last until " in found.msg
