"""A worker whose jobs fail ends. If its database is away, it still records what its gateways have taken."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from django.db import connection, connections
from django.utils import timezone
from procrastinate.contrib.django import app
from procrastinate.exceptions import ConnectorException

from inviting_app.management.commands import worker
from profiles.webhooks import endpoints, posting
from profiles.webhooks.models import WebhookDelivery
from profiles.webhooks.sender import WebhookSender
from tests.support.http_gateway import Gateway, running
from tests.support.login_steps import ask
from tests.support.webhooks import Receiver, endpoint
from users.models import SmsDelivery
from users.sms import queries, tasks
from users.sms.sender import Sender


@pytest.fixture
def gateway(settings: Any) -> Iterator[Gateway]:
    for server in running():
        settings.DEMO, settings.SMS_GATEWAYS = False, [server.url]
        yield server


def work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the parts of a worker until one of them ends, for half a minute at most."""
    with closing(Sender()) as sender, app.replace_connector(app.connector.get_worker_connector()):
        monkeypatch.setattr(worker, "_measured", lambda: (sender, WebhookSender(), {}))
        asyncio.run(asyncio.wait_for(worker._work(), 30))


@pytest.mark.django_db(transaction=True)
def test_worker_whose_jobs_fail_records_the_sms_that_it_was_sending(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway.answers.clear()
    ask(now=timezone.now())

    async def lose_the_database(**_: Any) -> None:
        await asyncio.to_thread(gateway.asked.wait, 10)
        asyncio.get_running_loop().call_later(0.1, gateway.answers.set)
        raise ConnectorException

    monkeypatch.setattr(app, "run_worker_async", lose_the_database)
    with pytest.raises(ConnectorException):
        work(monkeypatch)

    assert SmsDelivery.objects.get().state == "sent"
    assert len(gateway.messages) == 1


@pytest.mark.django_db(transaction=True)
def test_receiver_that_hangs_does_not_hold_up_the_end_of_the_worker(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SMS of everybody wait for the next worker."""
    receiver.answers.clear()
    endpoints.send_test(endpoint(receiver.url))

    async def lose_the_database(**_: Any) -> None:
        await asyncio.to_thread(receiver.asked.wait, 10)
        raise ConnectorException

    monkeypatch.setattr(app, "run_worker_async", lose_the_database)
    with pytest.raises(ConnectorException):
        work(monkeypatch)

    [webhooks] = [thread for thread in threading.enumerate() if thread.name == "webhooks"]
    receiver.answers.set()
    webhooks.join(posting.SECONDS)
    assert WebhookDelivery.objects.get().state == "delivered"


@pytest.mark.usefixtures("empty_queue")
def test_job_whose_end_cannot_be_written_ends_the_worker(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """procrastinate goes on, and the job would stay `doing` as long as this worker gives heartbeats."""

    def lose_the_job(*_: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM procrastinate_jobs")

    monkeypatch.setitem(connections.settings["default"], "CONN_MAX_AGE", 0)  # threads of jobs keep no connection
    monkeypatch.setattr(queries, "queue_sms_of_old_job", lose_the_job)
    tasks.send_sms.defer(delivery_id=1)
    with pytest.raises(asyncio.CancelledError):
        work(monkeypatch)

    assert "a job was left unfinished: ConnectorException" in caplog.text
