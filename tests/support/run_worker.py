"""A worker inside the tests' own process."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from threading import Thread
from typing import Any
from unittest.mock import patch

from asgiref.sync import async_to_sync
from django.db import connection, connections
from django.db.models.functions import Now
from procrastinate.contrib.django import app

from profiles.webhooks.sender import WebhookSender
from users.models import SmsDelivery
from users.sms import queries
from users.sms.answers import Answer
from users.sms.breaker import Breaker
from users.sms.delivery import CLAIM_FOR, MOST_OPEN_TRIES, Sms
from users.sms.sender import Sender


def work(*queues: str) -> None:
    """Run the waiting jobs of these queues, or of all, and end."""

    async def run() -> None:
        with app.replace_connector(app.connector.get_worker_connector()):
            async with app.open_async():
                await app.run_worker_async(
                    queues=list(queues) or None, wait=False, listen_notify=False, install_signal_handlers=False
                )

    # The worker's threads end with it, so they keep no connection for the next task.
    with patch.dict(connections.settings["default"], CONN_MAX_AGE=0):
        async_to_sync(run)()


def send() -> None:
    """Send the SMS that are due, and what follows from them at once, as the worker does."""
    with closing(Sender()) as sender:
        sender._due = True
        while sender._due or sender._tries.number or sender._changes:
            sender._wait()
            sender._round()


@contextmanager
def at_work(**watched: Any) -> Iterator[Sender]:
    """A sender in a thread of its own, as in the worker."""
    with closing(Sender(**watched)) as sender, running(sender):
        yield sender


@contextmanager
def running(sender: Sender | WebhookSender) -> Iterator[None]:
    """Run this sender in a thread of its own."""
    thread = Thread(target=sender.run)
    thread.start()
    try:
        yield
    finally:
        sender.stop()
        thread.join()


def claim_and_record(most: int) -> int:
    """Claim SMS that are due, and record that they were sent. Returns how many were claimed."""
    claimed = [Sms(one, Breaker(), [], None) for one in queries.claim(most, "1 webhook", MOST_OPEN_TRIES, CLAIM_FOR)]
    queries.record([sms.sent("1 webhook", Answer()).values() for sms in claimed])
    return len(claimed)


def retry_now() -> None:
    """Make the SMS and jobs due that wait for another try, or whose claim lives."""
    SmsDelivery.objects.filter(state="queued").update(next_try_at=Now())
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET scheduled_at = now()")
