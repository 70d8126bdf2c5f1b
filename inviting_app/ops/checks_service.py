"""Checks of a running service: web, worker, queue and gateways."""

from collections.abc import Sequence
from datetime import timedelta
from ipaddress import ip_address
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Warning
from django.db.models import Count
from procrastinate.contrib.django.models import ProcrastinateEvent

from inviting_app.ops.checks_database import Found, has_no_tables, run_each
from inviting_app.probes import READY_SECONDS, web_is_ready
from inviting_app.values import is_local
from users import queries
from users.clock import DAY, rounded_up
from users.login import test_numbers
from users.models import SiteTotals, SmsDelivery
from users.sms import breaker
from users.sms.answers import Verdict, describe
from users.sms.gateways import configured, error

LONGEST_WAIT = timedelta(seconds=30)
# The worker counts them every minute.
OLDEST_TOTALS = timedelta(minutes=3)
# Phones for which one machine of the own network hardly requests codes in a day.
MANY_PHONES = 10


def check_service(app_configs: Any, databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    if has_no_tables(databases):
        return []
    return run_each([web, worker, queue, failed_jobs, totals, gateways, accounts, addresses, refused_test_numbers])


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
    now = queries.database_now()
    known = queries.queue(now)
    if known.workers:
        return
    seen = f"the last heartbeat is {rounded_up(now - known.last_heartbeat)} old" if known.last_heartbeat else "none yet"
    hint = "Start one with `manage.py worker`. Its log tells why the last one ended."
    if settings.EMBEDDED_POSTGRES:
        hint = "Stop and start the service: it restarts a worker that ends, but not one that hangs. See its log."
    yield Error(f"No worker is alive ({seen}): no SMS is sent.", hint=hint, id="inviting_app.E021")


def queue() -> Found:
    found = queries.queue(queries.database_now())
    if found.waited > LONGEST_WAIT:
        what = f"{found.due} SMS wait, the first one for {rounded_up(found.waited)}: they arrive late, or too late."
        hint = "If a worker is alive, it cannot keep up: fix slow gateways, or start more workers: `manage.py worker`."
        yield Error(what, hint=hint, id="inviting_app.E022")


def failed_jobs() -> Found:
    recent = ProcrastinateEvent.objects.filter(type="failed", job__status="failed", at__gt=queries.database_now() - DAY)
    if failed := recent.values("job").distinct().count():
        hint = "Look for “ended with status: Error” in the worker's log."
        yield Warning(f"Jobs that failed for good in the last day: {failed}.", hint=hint, id="inviting_app.W020")


def totals() -> Found:
    counted_at = SiteTotals.objects.values_list("counted_at", flat=True).first()
    age = queries.database_now() - counted_at if counted_at else None
    if not age or age > OLDEST_TOTALS:
        seen = f"were counted {rounded_up(age)} ago" if age else "have not been counted yet"
        hint = "A worker counts them every minute, first within a minute of its start."
        yield Warning(f"The totals of the site {seen}: limits use old numbers.", hint=hint, id="inviting_app.W021")


def gateways() -> Found:
    """The gateways' health as the workers wrote it down."""
    now = queries.database_now()
    for row in breaker.rows():
        last = f"{row.failed_at:%F %T} UTC ({describe(row.error)})" if row.failed_at else ""
        if row.refuses_all and row.failures < breaker.FAILURES:
            what = f"Gateway {row.name} refused the last {row.refusals} SMS, last at {last}."
            hint = "`manage.py send_test_sms PHONE --gateway N` sends one to your own phone and shows the answer."
            yield Warning(what, hint=hint, id="inviting_app.W027")
        if not row.failures:
            continue
        failed = "refused the account" if row.refuses_account else f"failed {row.failures} times in a row"
        seen = f"Gateway {row.name} {failed}, last at {last}"
        if row.circuit_open_until and row.circuit_open_until > now:
            seen += f"; it is asked last until {row.circuit_open_until:%T} UTC"
        hint = "“When a gateway fails” in docs/sms.md says what to do. The worker tries the gateway again by itself."
        if row.failures >= breaker.FAILURES:
            yield Error(f"{seen}.", hint=hint, id="inviting_app.E023")
        else:
            yield Warning(f"{seen}.", hint=hint, id="inviting_app.W022")


def addresses() -> Found:
    """Whether many clients of a public site have one address, because the proxy does not see theirs."""
    if is_local(settings.SITE_URL):
        return
    sent = SmsDelivery.objects.filter(created_at__gt=queries.database_now() - DAY, client_address__isnull=False)
    phones = sent.values_list("client_address").annotate(phones=Count("login_code__user", distinct=True))
    for address, number in phones.filter(phones__gte=MANY_PHONES).order_by("client_address"):
        if not ip_address(address).is_global:
            what = f"In the last day codes for {number} phones were requested from {address}, which is not public."
            hint = (
                "If it is the address of a proxy, of Docker or of a node, all clients behind it share the limits, and "
                "any one of them keeps the others out: see “Client addresses” in docs/operations.md."
            )
            yield Warning(what, hint=hint, id="inviting_app.W028")


def refused_test_numbers() -> Found:
    if refused := test_numbers.refused():
        what = f"SMS_TEST_NUMBERS has numbers of users who are no test users: {', '.join(refused)}."
        hint = "They sign in by SMS, as before. Use numbers that nobody has verified."
        yield Error(what, hint=hint, id="inviting_app.E026")


def accounts() -> Found:
    """Whether the providers know the accounts, and have credit: by calls that send nothing and cost nothing."""
    untested = []
    for gateway in [] if error() else configured():  # `check_sms_gateways` reports the error
        answer = gateway.check()
        if answer is None:
            untested.append(gateway.name)
        elif answer.verdict is Verdict.ACCOUNT:
            what = f"Gateway {gateway.name} refuses the account: {describe(str(answer))}."
            hint = f"Check the account in SMS_GATEWAYS and at the provider, see {gateway.provider.docs}"
            yield Error(what, hint=hint, id="inviting_app.E024")
        elif answer.reason:
            what = f"Gateway {gateway.name} was asked for its account, and it is not clear: {describe(str(answer))}."
            hint = "Try again. `manage.py send_test_sms PHONE` sends a real SMS and shows the answer."
            yield Warning(what, hint=hint, id="inviting_app.W023")
    if untested:
        what = f"Not tested: the accounts of {', '.join(untested)}, because no call is free there."
        hint = "`manage.py send_test_sms PHONE --gateway N` sends a real SMS and shows the answer."
        yield Info(what, hint=hint, id="inviting_app.I020")
