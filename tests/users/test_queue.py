"""The SMS queue: jobs commit with their rows, and no job is lost."""

import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob
from procrastinate.jobs import Job
from rest_framework.test import APIClient

from tests.support.login_steps import ask
from tests.support.run_worker import work
from users.models import LoginCode, SiteTotals, SmsDelivery, User
from users.queries import DEAD_AFTER
from users.sms import delivery, tasks
from users.sms.tasks import ATTEMPTS, Backoff, send_sms


class Mishap(Exception):
    """An error late in a transaction."""


@pytest.fixture
def broken_queue(transactional_db: None) -> Iterator[None]:
    execute("ALTER TABLE procrastinate_jobs RENAME TO away")
    yield
    execute("ALTER TABLE away RENAME TO procrastinate_jobs")


def execute(statement: str, *values: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def nothing_is_kept() -> bool:
    return not any(model.objects.exists() for model in (User, LoginCode, SmsDelivery, ProcrastinateJob))


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("empty_queue")
def test_code_delivery_and_job_commit_or_roll_back_together() -> None:
    with pytest.raises(Mishap), transaction.atomic():
        ask(now=timezone.now())
        assert ProcrastinateJob.objects.count() == 1
        raise Mishap

    assert nothing_is_kept()


@pytest.mark.usefixtures("empty_queue")
def test_sign_up_fails_without_a_queue(broken_queue: None, api: APIClient) -> None:
    answer = api.post("/api/auth/signup", {"phone": "9991234567"})

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert not any(model.objects.exists() for model in (User, LoginCode, SmsDelivery))


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("empty_queue")
def test_only_jobs_of_dead_workers_are_taken_over() -> None:
    jobs = [send_sms.defer(delivery_id=number) for number in (1, 2, 3, 4)]
    dead, alive = (worker(seconds) for seconds in (DEAD_AFTER.total_seconds() + 1, DEAD_AFTER.total_seconds() - 2))
    # The worker of the last job is deleted already. The job before waits.
    for job, status, doer in zip(jobs, ["doing", "doing", "todo", "doing"], [dead, alive, None, None], strict=True):
        execute("UPDATE procrastinate_jobs SET status = %s, worker_id = %s WHERE id = %s", status, doer, job)

    tasks.retry_stalled_jobs.defer(timestamp=0)
    work("upkeep")

    states = dict(ProcrastinateJob.objects.values_list("id", "status"))
    assert [states[job] for job in jobs] == ["todo", "doing", "todo", "todo"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("empty_queue")
def test_stalled_periodic_job_does_not_stop_other_retries() -> None:
    dead = worker(DEAD_AFTER.total_seconds() + 1)
    stalled = [tasks.count_site.configure(queueing_lock=None).defer(timestamp=0), send_sms.defer(delivery_id=1)]
    execute("UPDATE procrastinate_jobs SET status = 'doing', worker_id = %s WHERE id = ANY(%s)", dead, stalled)
    execute("UPDATE procrastinate_jobs SET queueing_lock = 'count_site' WHERE id = %s", stalled[0])
    waiting = tasks.count_site.configure(queue="later").defer(timestamp=60)
    tasks.retry_stalled_jobs.defer(timestamp=0)

    work("upkeep")

    states = dict(ProcrastinateJob.objects.values_list("id", "status"))
    assert [states[job] for job in (*stalled, waiting)] == ["doing", "todo", "todo"]


def worker(silent_for: float) -> int:
    """A worker whose last heartbeat is this many seconds old."""
    register = (
        "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - make_interval(secs => %s)) RETURNING id"
    )
    with connection.cursor() as cursor:
        cursor.execute(register, [silent_for])
        return int(cursor.fetchone()[0])


@pytest.mark.parametrize("error", [delivery.GatewaysFailed(), Mishap()])
def test_intervals_between_attempts_grow_and_end(error: Exception) -> None:
    gaps = [gap(attempts, error) for attempts in range(ATTEMPTS)]

    assert gaps == [2, 4, 8, 16, 32, *[60] * 74, None]


def gap(attempts: int, error: Exception) -> int | None:
    """Whole seconds until the next attempt of a job with this many attempts."""
    job = Job(id=1, queue="sms", lock=None, queueing_lock=None, task_name="send_sms", attempts=attempts)
    before = timezone.now()
    decision = Backoff().get_retry_decision(exception=error, job=job)
    return round((decision.retry_at - before).total_seconds()) if decision else None


def test_unexpected_failure_is_logged_as_an_error(caplog: pytest.LogCaptureFixture) -> None:
    gap(0, delivery.GatewaysFailed())
    gap(0, Mishap())

    assert [(record.levelno, record.name) for record in caplog.records] == [(logging.ERROR, "users.sms.tasks")]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("empty_queue")
def test_failed_jobs_are_deleted_after_a_week() -> None:
    old, new, waiting = (send_sms.defer(delivery_id=number) for number in (1, 2, 3))
    execute("UPDATE procrastinate_jobs SET status = 'failed' WHERE id = ANY(%s)", [old, new])
    execute("UPDATE procrastinate_events SET at = now() - interval '169 hours' WHERE job_id = ANY(%s)", [old, waiting])
    tasks.delete_old_jobs.defer(timestamp=0)

    work("upkeep")

    # The worker may have queued the periodic tasks of this minute.
    assert set(ProcrastinateJob.objects.filter(queue_name="sms").values_list("id", flat=True)) == {new, waiting}


def test_only_the_worker_bypasses_the_connection_pooler() -> None:
    program = (
        "from inviting_app import settings as s; "
        "print(s.DATABASES['default']['HOST'], s.DATABASES[s.DIRECT_DATABASE]['HOST'])"
    )
    urls = {"DATABASE_URL": "postgresql://pool/invites", "WORKER_DATABASE_URL": "postgresql://direct/invites"}

    made = subprocess.run(
        [sys.executable, "-c", program],
        cwd=settings.BASE_DIR,
        env={**urls, "SECRET_KEY": "a key"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert made.stdout.strip() == "pool direct"


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("empty_queue")
def test_site_is_counted_by_the_worker() -> None:
    tasks.count_site.defer(timestamp=0)

    work("upkeep")

    assert SiteTotals.objects.count() == 1
