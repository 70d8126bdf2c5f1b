"""The SMS queue: SMS wait in rows that commit with their codes. Jobs are for what is due by the clock."""

import subprocess
import sys

import psycopg
import pytest
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from procrastinate.contrib.django import connector_params
from procrastinate.contrib.django.models import ProcrastinateJob

from tests.support.http_gateway import Gateway
from tests.support.login_steps import answer, ask, someone
from tests.support.run_worker import send, work
from users.models import LoginCode, SiteTotals, SmsDelivery, User
from users.queries import DEAD_AFTER
from users.sms import queries, tasks
from users.sms.delivery import CLAIM_FOR
from users.sms.tasks import send_sms


class Mishap(Exception):
    """An error late in a transaction."""


def execute(statement: str, *values: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


@pytest.mark.django_db(transaction=True)
def test_sms_waits_if_its_code_commits_and_workers_hear_of_it_afterwards() -> None:
    with psycopg.connect(**connector_params(), autocommit=True) as listening:
        listening.execute(f"LISTEN {queries.CHANNEL}")
        with pytest.raises(Mishap), transaction.atomic():
            ask(now=timezone.now())
            assert SmsDelivery.objects.count() == 1
            raise Mishap
        assert not any(model.objects.exists() for model in (User, LoginCode, SmsDelivery))
        assert [*listening.notifies(timeout=0.1)] == []

        with transaction.atomic():
            ask(now=timezone.now())
            assert [*listening.notifies(timeout=0.1)] == []

        assert [*listening.notifies(timeout=10, stop_after=1)]
        assert SmsDelivery.objects.get().state == "queued"


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("empty_queue")
def test_sms_of_a_job_of_an_earlier_version_is_sent_once(gateway: Gateway) -> None:
    """A job of such a process comes with a row that has no next try, so a worker of its version may send it, too."""
    ask(now=timezone.now())
    SmsDelivery.objects.update(next_try_at=None)
    sms = SmsDelivery.objects.get()
    send()
    assert gateway.messages == []

    for _ in range(2):  # the second one finds nothing to do, as it does when the other version has sent the SMS
        send_sms.defer(delivery_id=sms.pk, asked_by="a-request")
        work("sms")
        send()

    assert len(gateway.messages) == 1
    sms.refresh_from_db()
    assert (sms.state, sms.request_id) == ("sent", "a-request")


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


def claimed_phones(most: int) -> list[str]:
    return [one.code.user.phone or "" for one in queries.claim(most, None, 2, CLAIM_FOR)]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("empty_queue", "gateway")
def test_networks_take_turns() -> None:
    """The many addresses of one client do not hold up the SMS of all others."""
    known = answer(ask(phone=someone(0), now=timezone.now())).device_token
    SmsDelivery.objects.all().delete()
    crowd = [someone(number) for number in range(1, 31)]
    for number, phone in enumerate(crowd):
        half = number // 2
        ask(phone=phone, address=f"2001:db8:0:{half}::1" if number % 2 else f"192.0.2.{half}", now=timezone.now())
    for phone, address in ((someone(31), "198.51.100.1"), (someone(32), "2001:db8:1::1")):
        ask(phone=phone, address=address, now=timezone.now())
    ask(phone=someone(0), device_token=known, now=timezone.now())

    def next_phones(number: int) -> list[str]:
        return sorted(phone for _ in range(number) for phone in claimed_phones(1))

    # The first of each network and that to the known device; then the second ones.
    assert next_phones(5) == sorted([*crowd[:2], someone(31), someone(32), someone(0)])
    assert next_phones(4) == sorted(crowd[2:6])
    ask(phone=someone(33), address="203.0.113.1", now=timezone.now())
    assert next_phones(1) == [someone(33)]
    assert sorted(claimed_phones(100)) == sorted(crowd[6:])


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("empty_queue", "gateway")
def test_newest_sms_takes_its_turn_behind_any_number_of_others() -> None:
    for number in range(3):
        ask(phone=someone(number), now=timezone.now())
    [one] = SmsDelivery.objects.filter(login_code__user__phone=someone(0))
    SmsDelivery.objects.bulk_create(
        SmsDelivery(
            login_code_id=one.login_code_id,
            client_address="192.0.2.9",
            next_try_at=one.next_try_at,
            created_at=one.created_at,
        )
        for _ in range(2_500)
    )
    ask(phone=someone(3), address="198.51.100.1", now=timezone.now())

    assert [claimed_phones(1) for _ in range(2)] == [[someone(0)], [someone(3)]]
