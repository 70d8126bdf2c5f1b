"""Checks of a running service: web, worker, queue and gateways."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning
from django.db.models import Count, Max, Min
from django.db.models.functions import Coalesce
from procrastinate.contrib.django.models import ProcrastinateEvent, ProcrastinateJob

from inviting_app.ops.checks_database import Found, answers, run_each, unapplied_migrations
from inviting_app.probes import READY_SECONDS, web_is_ready
from users.clock import DAY, database_now
from users.models import SiteTotals, SmsGateway
from users.sms.breaker import FAILURES
from users.sms.gateways import configured
from users.sms.queue import look

LONGEST_WAIT = timedelta(seconds=30)
# The worker counts them every minute.
OLDEST_TOTALS = timedelta(minutes=3)


def check_service(app_configs: Any, databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Check nothing without `databases` or without their tables. `check_database` reports missing tables."""
    if not databases or any(answers()) or run_each([unapplied_migrations]):
        return []
    return run_each([web, worker, queue, failed_jobs, totals, gateways])


def web() -> Found:
    """The web process of `serve`. With a DATABASE_URL it may run on another host."""
    if settings.EMBEDDED_POSTGRES and not web_is_ready():
        what = f"/readyz does not answer 200 on {settings.HOST}:{settings.PORT} within {READY_SECONDS} s."
        hint = (
            "If the service was started with another HOST or PORT, give them to this command too. If it has just "
            "started, try again. Otherwise start it again (`make run`) and see its log."
        )
        yield Error(what, hint=hint, id="inviting_app.E020")


def worker() -> Found:
    now = database_now()
    known = look(now)
    if known.workers:
        return
    seen = f"the last heartbeat is {_duration(now - known.last_heartbeat)} old" if known.last_heartbeat else "none yet"
    hint = "Start one with `manage.py worker`. Its log tells why the last one ended."
    if settings.EMBEDDED_POSTGRES:
        hint = "Stop and start the service: it restarts a worker that ends, but not one that hangs. See its log."
    yield Error(f"No worker is alive ({seen}): no SMS is sent.", hint=hint, id="inviting_app.E021")


def queue() -> Found:
    now = database_now()
    # A job to be repeated is due at scheduled_at, and any other since it was deferred.
    due = Coalesce("scheduled_at", Max("procrastinateevent__at"))
    jobs = ProcrastinateJob.objects.filter(status="todo").annotate(due=due).filter(due__lte=now)
    waiting = jobs.aggregate(count=Count("pk"), oldest=Min("due"))
    wait = now - (waiting["oldest"] or now)
    if wait > LONGEST_WAIT:
        what = f"{waiting['count']} jobs wait, the oldest for {_duration(wait)}: SMS arrive late, or too late."
        hint = "If a worker is alive, it cannot keep up: fix slow gateways, or start more workers: `manage.py worker`."
        yield Error(what, hint=hint, id="inviting_app.E022")


def failed_jobs() -> Found:
    recent = ProcrastinateEvent.objects.filter(type="failed", job__status="failed", at__gt=database_now() - DAY)
    if failed := recent.values("job").distinct().count():
        hint = "Look for “job … failed” in the worker's log."
        yield Warning(f"Jobs that failed for good in the last day: {failed}.", hint=hint, id="inviting_app.W020")


def totals() -> Found:
    counted_at = SiteTotals.objects.values_list("counted_at", flat=True).first()
    age = database_now() - counted_at if counted_at else None
    if not age or age > OLDEST_TOTALS:
        seen = f"were counted {_duration(age)} ago" if age else "have not been counted yet"
        hint = "A worker counts them every minute, first within a minute of its start."
        yield Warning(f"The totals of the site {seen}: limits use old numbers.", hint=hint, id="inviting_app.W021")


def gateways() -> Found:
    """The gateways' health as the workers wrote it down."""
    names = [gateway.name for gateway in configured()]
    for row in SmsGateway.objects.filter(name__in=names, failures__gt=0).order_by("name"):
        seen = f"Gateway {row.name} failed {row.failures} times in a row"
        if row.failed_at:
            seen += f", last at {row.failed_at:%F %T} UTC ({row.error or 'no reason given'})"
        if row.circuit_open_until and row.circuit_open_until > database_now():
            seen += f"; it goes last until {row.circuit_open_until:%T} UTC"
        hint = (
            "HTTP 401 or 403: check the account in its URL. 402: pay. No connection: check host, port and firewall. "
            "Otherwise ask the provider. The worker tries the gateway again by itself."
        )
        if row.failures >= FAILURES:
            yield Error(f"{seen}.", hint=hint, id="inviting_app.E023")
        else:
            yield Warning(f"{seen}.", hint=hint, id="inviting_app.W022")


def _duration(duration: timedelta) -> str:
    seconds = duration.total_seconds()
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
