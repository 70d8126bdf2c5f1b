"""A worker inside the tests' own process."""

from unittest.mock import patch

from asgiref.sync import async_to_sync
from django.db import connection, connections
from procrastinate.contrib.django import app


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


def retry_now() -> None:
    """Make the jobs due that wait for another try."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET scheduled_at = now()")
