"""Jobs of the queue in the state that a test needs."""

from django.db import connection

from users.sms.tasks import count_site


def failed_jobs(number: int, lock: str | None = None) -> list[int]:
    """The ids of new failed jobs, with this queueing lock or one of their own each."""
    failed = []
    for each in range(number):
        failed.append(count_site.configure(queueing_lock=lock or f"{each}").defer(timestamp=each))
        with connection.cursor() as cursor:
            cursor.execute("UPDATE procrastinate_jobs SET status = 'failed' WHERE id = %s", failed[-1:])
    return failed
