"""The periodic tasks of this app."""

from procrastinate.contrib.django import app

from profiles import daily_counts, privacy
from users.queries import database_now


@app.periodic(cron="17 * * * *")
@app.task(queue="upkeep", priority=1, queueing_lock="purge")
def purge(timestamp: int) -> None:
    """Delete, every hour, data whose retention has ended."""
    privacy.purge(database_now())


@app.periodic(cron="5 * * * *")
@app.task(queue="upkeep", priority=1, queueing_lock="store_days")
def store_days(timestamp: int) -> None:
    """Store the statistics of finished days for the home page of the admin."""
    daily_counts.store(database_now())
