"""What the worker does. Like views: each loads nothing itself and makes one domain call."""

from __future__ import annotations

from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from users import retention, sms


@app.task(queue="sms", retry=RetryStrategy(wait=10, retry_exceptions={sms.GatewaysFailed}))
def send_sms(*, delivery_id: int) -> None:
    """Send one SMS; tried again until it is taken, or until its code is dead and it is dropped."""
    sms.deliver(delivery_id)


@app.periodic(cron="17 * * * *")
@app.task(queue="upkeep", queueing_lock="purge")
def purge(timestamp: int) -> None:
    """Delete, every hour, what is kept no longer."""
    retention.purge()
