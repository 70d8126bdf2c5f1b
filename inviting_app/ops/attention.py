"""What needs an operator's attention now, in words, each with what to do. The admin's home page shows it.

`manage.py doctor` checks more, and takes longer: here are only what a few short statements and the disk tell.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Model
from django.utils.timesince import timesince, timeuntil
from django.utils.translation import gettext as _
from procrastinate.contrib.django.models import ProcrastinateJob

from inviting_app.ops import certificate
from inviting_app.ops.certificate import Certificate
from inviting_app.ops.checks_database import FREE_BYTES, free_bytes
from inviting_app.ops.checks_service import LONGEST_WAIT
from profiles.webhooks import answers, endpoints
from users import queries
from users.clock import DAY, HOUR
from users.login import sms_limits
from users.models import SiteTotals, SmsGateway
from users.sms import arrivals, breaker, health
from users.sms.answers import gateway_name

# A nightly backup of a large database begins late and takes a while.
BACKUP_LATE_AFTER = DAY + 2 * HOUR


@dataclass(frozen=True)
class Notice:
    what: str
    todo: str
    # Whether users notice it already. Otherwise they may do so later.
    is_urgent: bool = True
    # Where the admin has more about it: the object, or the model of a list.
    about: Model | type[Model] | None = None
    # The permission without which an operator can do nothing about it, if the admin asks for one.
    needs: str = ""


def notices(now: datetime) -> list[Notice]:
    """The urgent ones first."""
    totals = SiteTotals.objects.first()
    found = [*_demo(), *_queue(now), *_gateways(now), *_webhooks(now), *_totals(totals), *backups(totals, now)]
    found += [*certificates(certificate.last(totals), now), *_disk()]
    return sorted(found, key=lambda notice: not notice.is_urgent)


def _demo() -> Iterator[Notice]:
    if settings.DEMO:
        what = _("Demo mode: no SMS is sent, and anyone who knows a phone number can sign in with it.")
        yield Notice(what, _("Set SMS_GATEWAYS before real users come."), is_urgent=False)


def _queue(now: datetime) -> Iterator[Notice]:
    found = queries.queue(now)
    if not found.workers:
        what = _("No worker is running, so no SMS is sent.")
        if found.last_heartbeat and now - found.last_heartbeat >= timedelta(minutes=1):
            seen = timesince(found.last_heartbeat, now)
            what = _("No worker is running, so no SMS is sent. The last sign of one is %(time)s old.") % {"time": seen}
        todo = _("Start the service again, or a worker: manage.py worker. Its log says why it ended.")
        yield Notice(what, todo, about=ProcrastinateJob)
    elif found.waited > LONGEST_WAIT:
        said = {"count": found.due, "time": timesince(now - found.waited, now)}
        what = _("SMS are late: %(count)d wait for a worker, the first one for %(time)s.") % said
        todo = _("See the gateways for a slow one, or start one more worker: manage.py worker.")
        yield Notice(what, todo, about=SmsGateway)


def _gateways(now: datetime) -> Iterator[Notice]:
    for gateway in breaker.rows():
        if found := health.trouble(gateway, now):
            yield Notice(found.what, found.todo, found.is_urgent, gateway, needs="users.view_smsgateway")


def _webhooks(now: datetime) -> Iterator[Notice]:
    for endpoint in endpoints.failing(now):
        if endpoint.is_enabled and endpoint.failing_since:
            since = timesince(endpoint.failing_since, now)
            said = {"webhook": endpoint, "time": since, "error": answers.describe(endpoint.error)}
            what = _("Webhook %(webhook)s has failed for %(time)s: %(error)s.") % said
        else:
            what = _("Webhook %(webhook)s is disabled: its receiver answered 410 Gone.") % {"webhook": endpoint}
        needs = f"profiles.{'view' if endpoint.is_enabled else 'change'}_webhookendpoint"
        yield Notice(what, endpoints.todo(endpoint), is_urgent=False, about=endpoint, needs=needs)


def _totals(totals: SiteTotals | None) -> Iterator[Notice]:
    if totals is None:
        return
    for one in arrivals.stored(totals.arrivals):
        if one.is_silent:
            said = {"gateway": gateway_name(one.gateway), "count": one.accepted, "prefix": one.prefix}
            what = (
                _("Gateway %(gateway)s took %(count)d SMS to %(prefix)s… in 24 hours, and none was delivered.") % said
            )
            todo = _("Ask its provider about this network, or put another provider first in SMS_GATEWAYS.")
            yield Notice(what, todo, about=SmsGateway)
    if totals.sms_in_a_day >= sms_limits.NEARLY_ALL * settings.SMS_PER_DAY and not settings.DEMO:
        said = {"count": totals.sms_in_a_day, "limit": settings.SMS_PER_DAY}
        what = _("%(count)d SMS were sent in 24 hours, and SMS_PER_DAY allows %(limit)d.") % said
        todo = _("Raise SMS_PER_DAY if the users are real. If their codes are not used, see the totals of the site.")
        yield Notice(what, todo, about=totals)


def backups(totals: SiteTotals | None, now: datetime) -> Iterator[Notice]:
    """Another PostgreSQL may be backed up by other means. So there it counts only once `manage.py backup` was used."""
    if totals is None:
        return
    at, checked = totals.backed_up_at, totals.checked_backup_at
    every_night = _("Run manage.py backup --keep 14 FOLDER every night, and copy the folder to another machine.")
    if at and now - at > BACKUP_LATE_AFTER:
        what = _("The last backup is %(time)s old.") % {"time": timesince(at, now)}
        yield Notice(what, every_night, is_urgent=False)
    elif not at and settings.EMBEDDED_POSTGRES and not settings.DEMO:
        yield Notice(_("No backup was made yet."), every_night, is_urgent=False)
    elif at and (not checked or now - checked > BACKUP_LATE_AFTER):
        what = _("No backup has been checked by a restore yet.")
        if checked:
            what = _("The last backup that a restore has checked is %(time)s old.") % {"time": timesince(checked, now)}
        todo = _("Run manage.py check_backup FILE. With --keep, manage.py backup does so itself: see what it printed.")
        yield Notice(what, todo, is_urgent=False)


def certificates(found: Certificate | None, now: datetime) -> Iterator[Notice]:
    """What is wrong with the certificate of SITE_URL."""
    if not found:
        return
    todo = _("See the log of the proxy that gets the certificate, and whether the ports 80 and 443 reach it.")
    if found.error:
        what = _("Clients refuse the certificate of %(host)s: %(error)s.") % {"host": found.host, "error": found.error}
        yield Notice(what, todo)
    elif found.ends_at and found.ends_at <= now:
        yield Notice(_("The certificate of %(host)s has ended.") % {"host": found.host}, todo)
    elif found.ends_at and found.is_late(now):
        said = {"host": found.host, "time": timeuntil(found.ends_at, now)}
        what = _("The certificate of %(host)s ends in %(time)s, and was not renewed.") % said
        yield Notice(what, todo, is_urgent=False)


def _disk() -> Iterator[Notice]:
    free = free_bytes()
    if free is not None and free < FREE_BYTES:
        what = _("Only %(free)d MB are free on the disk of the database. When it is full, nobody can sign in.")
        yield Notice(what % {"free": free // 10**6}, _("Free space there, or move DATA_DIR to a larger disk."))
