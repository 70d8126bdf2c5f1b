"""Gateways on this machine that use their real protocols."""

import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from inviting_app.logs import Stderr
from inviting_app.management.commands import worker
from tests.support import smpp_server as smsc
from tests.support.http_gateway import SID, TOKEN, Twilio, running
from tests.support.http_gateway import Gateway as Webhook
from tests.support.login_steps import ask, right
from tests.support.smpp_server import Centre
from users.models import SmsDelivery, SmsGateway
from users.sms import delivery, gateways
from users.sms.gateways import Gateway, GatewayRejected

PHONE = "+79991234567"
TEXT = "1234 — код [входа]\n\n@example.org #1234"

pytestmark = [
    # Apprise looks for a module that Python will remove, and does not close a refused SMPP connection.
    pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"),
]

webhook = pytest.fixture(name="webhook")(running)


@pytest.fixture
def centre() -> Iterator[Centre]:
    yield from running(Centre)


@pytest.fixture
def twilio() -> Iterator[Webhook]:
    yield from running(Twilio)


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> StringIO:
    """The lines that the service's own handler writes."""
    [handler] = [handler for handler in logging.getLogger().handlers if isinstance(handler, Stderr)]
    written = StringIO()
    monkeypatch.setattr(handler, "write", written.write)
    return written


def refusal(url: str) -> str:
    with pytest.raises(GatewayRejected) as refused:
        Gateway("1 test", url).send(PHONE, TEXT)
    return str(refused.value)


def test_json_webhook_accepts_a_message(webhook: Webhook) -> None:
    Gateway("1 json", webhook.url).send(PHONE, TEXT)

    [message] = webhook.messages
    assert (message["to"], message["message"]) == (PHONE, TEXT)


def test_twilio_accepts_a_message(twilio: Twilio) -> None:
    Gateway("1 form", twilio.url).send(PHONE, TEXT)

    assert twilio.messages == [{"To": PHONE, "From": "+15005550006", "Body": TEXT}]


@pytest.mark.parametrize("text", [TEXT, "1234 is your [code]\n\n@example.org #1234"])
def test_smpp_server_accepts_a_message(centre: Centre, text: str) -> None:
    Gateway("1 smpp", centre.url).send(PHONE, text)

    assert centre.messages == [(PHONE[1:], text)]


def test_refusals_give_a_reason(webhook: Webhook, twilio: Twilio, centre: Centre) -> None:
    webhook.status = 500

    assert refusal(webhook.url) == "HTTP 500"
    assert refusal(twilio.url.replace(TOKEN, "wrong")) == "HTTP 401"
    assert refusal(centre.url.replace(smsc.PASSWORD, "wrong")) == "refused"
    assert refusal("nonsense://example.org/{phone}") == "not a URL that Apprise can use"
    assert centre.messages == []


@pytest.mark.parametrize(
    "url", ["json://127.0.0.1:{port}/?:to={{phone}}", "smpp://me:secret@127.0.0.1:{port}/15005550006/{{phone}}"]
)
def test_refused_connection_gives_a_reason(url: str) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]

    assert refusal(url.format(port=port)) == "no connection or no answer"


def test_silent_gateway_ends_after_the_timeout_of_its_url(webhook: Webhook) -> None:
    webhook.answers.clear()
    began = time.monotonic()

    assert refusal(f"{webhook.url}&rto=0.1") == "no connection or no answer"
    assert time.monotonic() - began < gateways.TIMEOUT


def test_redirect_is_not_a_success(webhook: Webhook) -> None:
    """Following it could lose the message, or send phone and code to another server."""
    webhook.status, webhook.location = 302, "/elsewhere"

    assert refusal(webhook.url) == "HTTP 302"
    assert len(webhook.messages) == 1


def test_no_gateway_takes_longer_than_its_timeout(
    webhook: Webhook, centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert gateways.TIMEOUT == 8
    monkeypatch.setattr(gateways, "TIMEOUT", 0.1)
    webhook.answers.clear()
    centre.answers.clear()
    began = time.monotonic()

    assert refusal(f"{webhook.url}&rto=9") == refusal(centre.url) == "no answer in 0.1 s"
    assert time.monotonic() - began < 9

    webhook.answers.set()
    centre.answers.set()
    for thread in threading.enumerate():
        if thread.name == "1 test":
            thread.join(10)


def test_name_and_repr_of_a_gateway_contain_nothing_of_its_url(settings: Any) -> None:
    settings.SMS_GATEWAYS = [f"twilio://{SID}:{TOKEN}@15005550006/{{phone}}", "json://me:hunter2@sms.example/{phone}"]

    shown = str(gateways.configured())

    assert [gateway.name for gateway in gateways.configured()] == ["1 twilio", "2 json"]
    for part in (SID, TOKEN, "15005550006", "hunter2", "sms.example"):
        assert part not in shown


def test_worker_does_not_start_with_a_gateway_that_apprise_cannot_use(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_address = "https://me:hunter2@api.46elks.com/a1/sms?to={phone}&from=Shop"  # which Apprise accepts as it is
    settings.SMS_GATEWAYS = [own_address, "https://me:hunter2@sms.example/{phone}", f"twilio://{SID}:short@1/{{phone}}"]
    monkeypatch.setattr(worker, "_lower_priority", pytest.fail)  # it would run for ever otherwise

    with pytest.raises(CommandError, match="SMS_GATEWAYS: Apprise cannot use 2 https, 3 twilio ") as refused:
        call_command("worker")

    assert "hunter2" not in str(refused.value)


@pytest.mark.django_db
def test_secrets_numbers_and_codes_stay_out_of_logs_records_and_errors(
    webhook: Webhook, twilio: Twilio, centre: Centre, settings: Any, log: StringIO
) -> None:
    webhook.status = 500
    settings.DEMO, settings.SMS_GATEWAYS = (
        False,
        [
            f"{webhook.url}&+X-Key=k3y-in-header&-token=t0ken-in-query&rto=1".replace("json://", "json://me:hunter2@"),
            twilio.url.replace(TOKEN, "n0t-the-token"),
            centre.url.replace(smsc.PASSWORD, "n0t-the"),
            f"twilio://{SID}:{TOKEN}@too-short/{{phone}}",
            "nonsense://me:hunter2@sms.example/{phone}",
        ],
    )
    asked = ask()

    with pytest.raises(delivery.GatewaysFailed) as failed:
        delivery.deliver(SmsDelivery.objects.get().pk)

    rows = [*SmsDelivery.objects.values(), *SmsGateway.objects.values()]
    shown = f"{log.getvalue()} {rows} {failed.value!r}"
    assert "gateway 1 json: HTTP 500" in log.getvalue()
    assert "2 form: HTTP 401" in shown and "3 smpp: refused" in shown
    assert len(SmsGateway.objects.all()) == 5
    secrets = ["hunter2", "k3y-in", "t0ken", "n0t-the", SID, TOKEN, smsc.USER, "127.0.0.1", "sms.example"]
    for secret in [
        *secrets,
        PHONE[2:],
        "sign-in code",
        f" {right(asked.challenge_id)}",
        f"#{right(asked.challenge_id)}",
    ]:
        assert secret not in shown
