"""Delivery receipts: whether an SMS that a gateway took arrived.

Whoever knows the token of a gateway may send receipts for it, and only for SMS that this gateway took under the
reference that the receipt names. A receipt never takes back that an SMS was delivered, so it does no harm if receipts
are repeated, late, or arrive in another order. Receipts for unknown SMS, such as those of other programs with the same
account, are ignored.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import DateTimeField, Value
from django.db.models.expressions import RawSQL
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob

from users.clock import StatementTimestamp
from users.models import SmsDelivery
from users.queries import database_now
from users.sms import fields, receipt_tokens, signatures
from users.sms.answers import MAX_REFERENCE, Outcome, Reason
from users.sms.gateways import Gateway, configured
from users.sms.inbound import Inbound
from users.sms.providers import Receipt

logger = logging.getLogger(__name__)

# What is called for each receipt that says something new, with the name that the gateway had when it took the SMS,
# `delivered` or the reason why not, and the seconds since then.
Watch = Callable[[str, str, float], None]

# The job in which the worker looks for SMS that receipts name and that were not found. It goes after periodic tasks.
TASK, PRIORITY = "users.tasks.record_receipts", -1

# Until the worker looks for the SMS that a receipt names and that was not found.
LOOK_AGAIN_SECONDS = 5

# An SMS is nearly always sent within this time of its request.
LONGEST_SENDING = timedelta(minutes=10)

# The most receipts that are read of one request. No provider sends more. In place of receipts, 30,000 numbers fit into
# 64 KB, and reading them would take a second.
MOST_ITEMS = 1000

# The receipts of one request for which the worker looks again. One SMS has one, so more come from other programs.
MOST_EARLY = 100
# The jobs that may wait to look again. An account that another program shares has the receipts of that program, too.
# Each job is a row, and the worker may be slower than these receipts come.
MOST_JOBS = 1000

# What is read of an SMS.
COLUMNS = ("pk", "gateway", "gateway_ref", "created_at", "finished_at", "delivered_at", "undelivered", "at")
# SMS that are read for each reference of a request, on average. A provider could give one reference to all SMS.
MOST_ALIKE = 50


class UnknownToken(Exception):
    """No gateway has this token."""


class Forged(Exception):
    """The provider signs its receipts, and this is not its signature."""


def unwatched(gateway: str, outcome: str, seconds: float) -> None:
    """The `Watch` of a process without metrics: does nothing."""


def take(token: str, request: Inbound, watch: Watch = unwatched) -> str:
    """Record the receipts in this request. Returns what the provider wants to read.

    Raises UnknownToken or Forged.
    """
    # Several if they differ in their senders only.
    gateways = [gateway for gateway in configured() if receipt_tokens.matches(gateway.account, token)]
    table = gateways[0].provider.receipt if gateways else None
    if table is None:
        raise UnknownToken
    if not signatures.is_genuine(table.signature, request, [gateway.values for gateway in gateways]):
        logger.warning("a receipt for gateway %s does not have the provider's signature", gateways[0].name)
        raise Forged
    outcomes = dict.fromkeys(read(table, request))
    known = _taken(gateways[0], {outcome.reference for outcome in outcomes})
    for outcome in outcomes:
        if outcome.reference in known:
            _store(known[outcome.reference], outcome, watch)
    if early := [outcome for outcome in outcomes if outcome.reference not in known]:
        look_again(gateways[0], early)
    return table.answer


def read(table: Receipt, request: Inbound) -> list[Outcome]:
    """What the request says of SMS whose way has ended. Anything else in it is ignored."""
    found = [table.read(item) for item in _items(table, request)[:MOST_ITEMS]]
    return [outcome for outcome in found if outcome and _may_be_stored(outcome.reference)]


def record(gateway: Gateway, outcome: Outcome, watch: Watch = unwatched, at: datetime | None = None) -> bool:
    """Record that an SMS was delivered, at this time or now, or why not. Returns whether there is such an SMS."""
    delivery = _taken(gateway, {outcome.reference}, at).get(outcome.reference)
    if delivery:
        _store(delivery, outcome, watch)
    return delivery is not None


def record_from_centre(gateway: Gateway, watch: Watch, outcome: Outcome) -> bool:
    """`record` for an SMPP centre, whose receipts come in a thread that lives as long as the process."""
    try:
        return record(gateway, outcome, watch)
    finally:
        connection.close()  # the next receipt may be hours away


def record_again(name: str, receipts: list[list[str]], at: str, watch: Watch = unwatched) -> None:
    """Record receipts, each a reference and a reason, that came before their SMS was stored, or ignore them."""
    for gateway in configured():
        if gateway.name == name:
            for reference, reason in receipts:
                if not reason or reason in Reason.values:  # a later version may know more
                    outcome = Outcome(reference, Reason(reason) if reason else None)
                    record(gateway, outcome, watch, datetime.fromisoformat(at))


def look_again(gateway: Gateway, early: list[Outcome]) -> None:
    """Have the worker look for these SMS later, if one is just being sent.

    A quick receipt overtakes the commit of what the gateway answered. Other receipts are of SMS that this service did
    not send: another program may use the same account. If MOST_JOBS wait already, these receipts are ignored.
    """
    now = database_now()
    sending = SmsDelivery.objects.filter(
        state=SmsDelivery.State.QUEUED, created_at__gt=now - LONGEST_SENDING, open_tries__has_key=gateway.name
    )
    # The newest first: an SMS that is being sent is among them.
    if sending.order_by("-created_at").values("pk").first() is None:
        return
    # PostgreSQL uses the partial index only if the condition is no parameter.
    todo = RawSQL("'todo'::procrastinate_job_status", ())
    waiting = ProcrastinateJob.objects.filter(status=todo, priority=PRIORITY, task_name=TASK)
    if waiting[:MOST_JOBS].count() == MOST_JOBS:
        return
    wait = {"seconds": LOOK_AGAIN_SECONDS}
    later = app.configure_task(TASK, allow_unknown=False, schedule_in=wait, priority=PRIORITY)
    given: list[Any] = [[outcome.reference, str(outcome.reason or "")] for outcome in early[:MOST_EARLY]]
    later.defer(name=gateway.name, receipts=given, at=now.isoformat())


def _taken(gateway: Gateway, references: set[str], at: datetime | None = None) -> dict[str, Any]:
    """The SMS that this account took under these references, with the time of the receipt as `at`.

    A delivery has the name that the gateway had then, with its place in SMS_GATEWAYS, which may have changed since. If
    the provider has no other account here, its place does not matter.
    """
    storable = [reference for reference in references if _may_be_stored(reference)]
    # The index does not hold empty references. PostgreSQL uses it only if the condition is no parameter.
    rows = SmsDelivery.objects.filter(gateway_ref__in=storable).exclude(gateway_ref=RawSQL("''", ()))
    provider = gateway.account[0]
    of_provider = [other for other in configured() if other.account[0] == provider]
    own = [other.name for other in of_provider if other.account == gateway.account]
    if len(own) == len(of_provider):
        rows = rows.filter(gateway__endswith=f" {provider}")
    else:
        rows = rows.filter(gateway__in=own)
    now = Value(at, DateTimeField()) if at else StatementTimestamp()
    found = rows.annotate(at=now).order_by("gateway_ref").values_list(*COLUMNS, named=True)
    # The newest wins: some providers use a short reference again after some weeks. With more than MOST_ALIKE of each on
    # average, any wins, and the SMS of the last references may not be found.
    newest_last = sorted(found[: MOST_ALIKE * len(storable)], key=lambda row: row.pk)
    return {row.gateway_ref: row for row in newest_last}


def _store(delivery: Any, outcome: Outcome, watch: Watch) -> None:
    """What a receipt says first counts, but if one says that the SMS was delivered, it was.

    Receipts of a message with several parts, or in the wrong order, may contradict each other. For one that says
    nothing new, the database is not asked: a provider may send very many again.
    """
    if delivery.delivered_at or (outcome.reason and delivery.undelivered):
        return
    pending = SmsDelivery.objects.filter(pk=delivery.pk, delivered_at=None)
    if outcome.reason is None:
        changed = pending.update(delivered_at=delivery.at, undelivered="")
    else:
        changed = pending.filter(undelivered="").update(undelivered=outcome.reason)
    if changed:
        taken_at = delivery.finished_at or delivery.created_at
        watch(delivery.gateway, outcome.reason or "delivered", max(0.0, (delivery.at - taken_at).total_seconds()))


def _may_be_stored(reference: str) -> bool:
    """Whether a delivery can have this reference. PostgreSQL cannot even be asked for some characters."""
    return 0 < len(reference) <= MAX_REFERENCE and reference.isprintable()


def _items(table: Receipt, request: Inbound) -> list[Any]:
    if table.items.endswith("[*]"):
        items: list[Any] = signatures.numbered(dict(request.form), table.items.removesuffix("[*]"))
    elif table.pattern and not table.items:
        items = [request.text]
    else:
        items = fields.look_up_items(request.fields, table.items)
    if not table.pattern:
        return items
    return [fields.matched(table.pattern, item) for item in items if isinstance(item, str)]
