"""What the worker does by the clock."""

from __future__ import annotations

from procrastinate.contrib.django import app

from profiles import retention


@app.periodic(cron="17 * * * *")
@app.task(queue="upkeep", priority=1, queueing_lock="purge")
def purge(timestamp: int) -> None:
    """Delete, every hour, what is kept no longer."""
    retention.purge()
