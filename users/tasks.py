"""What the worker does. A task, like a view, makes one domain call."""

from __future__ import annotations

from django.db import InterfaceError, OperationalError
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from users import sms


@app.task(
    queue="sms", retry=RetryStrategy(wait=10, retry_exceptions={sms.GatewaysFailed, OperationalError, InterfaceError})
)
def send_sms(*, delivery_id: int) -> None:
    """Send one SMS; tried again until it is taken, or until its code is dead and it is dropped."""
    sms.deliver(delivery_id)
