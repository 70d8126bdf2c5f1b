"""Sending a sign-in code to its phone, and recording the outcome."""

import logging
import time
from functools import partial

from django.conf import settings
from django.db import OperationalError, transaction
from django.db.models import QuerySet

from users import phones
from users.clock import ClockTimestamp
from users.models import SmsDelivery
from users.sms import breaker, gateways, queries, receipts
from users.sms.answers import OF_ONE_SMS, Answer, Reason, Verdict
from users.sms.breaker import Breaker
from users.sms.gateways import Gateway
from users.sms.receipts import Watch, unwatched
from users.sms.text import message

logger = logging.getLogger(__name__)

# One gateway gets at most this many tries of one SMS whose outcome is not known: each may have been sent and paid.
MOST_OPEN_TRIES = 2


class GatewaysFailed(Exception):
    """No gateway took the message. It may be tried again while the code is valid. The text contains no secret."""


class BeingSent(OperationalError):
    """Another worker sends this SMS, or the database is away. The gateway was not asked."""


def deliver(delivery_id: int, watch: Watch = unwatched, receipt_watch: Watch = unwatched) -> None:
    """Send the SMS of this delivery row, unless it was sent already or its code has ended.

    `watch` is called after each try with the gateway's name, `sent` or the verdict, and the seconds that it took.
    `receipt_watch` is for the receipts that come over the same connection, for this and later SMS.
    Raises GatewaysFailed, or BeingSent while another worker sends this SMS. Both may be tried again.
    """
    if settings.DEMO:
        started = time.monotonic()
        if _send_through(delivery_id, None, receipt_watch):
            watch("demo", "sent", time.monotonic() - started)
        return
    health, candidates = Breaker(), gateways.configured()
    refused: dict[str, Answer] = {}
    if health.degraded:
        # Checked first, so that an SMS that is not sent there does not use up the one trial of a gateway.
        delivery = _sendable(delivery_id)
        if delivery is None:
            return
        used_up = [name for name, tries in (delivery.open_tries or {}).items() if tries >= MOST_OPEN_TRIES]
        refused = dict.fromkeys(used_up, Answer(Reason.TRIED_TWICE))
        candidates = [gateway for gateway in candidates if gateway.name not in used_up]
    for gateway in health.in_turn(candidates):
        if not queries.begin_try(delivery_id, gateway.name, MOST_OPEN_TRIES):
            refused[gateway.name] = Answer(Reason.TRIED_TWICE)
            continue
        answer = _try(delivery_id, gateway, watch, receipt_watch)
        if answer is None:
            return
        _tell(health, gateway, answer)
        if answer.verdict in (Verdict.ACCEPTED, Verdict.UNREACHABLE):
            return
        refused[gateway.name] = answer
        _queued(delivery_id).update(error=_error(refused))
    if all(answer.reason == Reason.TRIED_TWICE for answer in refused.values()):
        _finish(delivery_id, state=SmsDelivery.State.FAILED)
        return
    raise GatewaysFailed(_error(refused))


def _tell(health: Breaker, gateway: Gateway, answer: Answer) -> None:
    """Tell the circuit breaker what this answer says about the gateway."""
    if answer.verdict is Verdict.ACCEPTED:
        health.succeeded(gateway)
    elif answer.verdict is Verdict.UNREACHABLE or answer.reason in OF_ONE_SMS:
        health.answered(gateway)
    else:
        breaker.failed(gateway, answer)


def _try(delivery_id: int, gateway: Gateway, watch: Watch, receipt_watch: Watch) -> Answer | None:
    """One counted try of a gateway. None if the SMS must not be sent any more."""
    started = time.monotonic()
    try:
        answer = _send_through(delivery_id, gateway, receipt_watch)
    except BeingSent:
        queries.end_try(delivery_id, gateway.name)
        raise
    if answer is None:
        return None
    outcome = "sent" if answer.verdict is Verdict.ACCEPTED else answer.verdict
    watch(gateway.name, outcome, time.monotonic() - started)
    if answer.verdict is not Verdict.UNKNOWN:
        queries.end_try(delivery_id, gateway.name)
    if answer.reason:
        logger.warning("SMS %d was not taken by gateway %s: %s", delivery_id, gateway.name, answer)
    return answer


def _send_through(delivery_id: int, gateway: Gateway | None, receipt_watch: Watch) -> Answer | None:
    """Send the message through the gateway, or write it to the log in demo mode. None if it must not be sent any more.

    Raises BeingSent. Any other error may come after the gateway took the message.

    The commit that records the success releases the lock, so a worker that waited for it sees that the SMS was sent. It
    is an advisory lock, not that of the row: an erasure changes the row and must not wait for a gateway.
    """
    with transaction.atomic():
        try:
            queries.lock_delivery(delivery_id)
        except OperationalError as error:
            raise BeingSent from error
        delivery = _sendable(delivery_id)
        if delivery is None:
            return None
        sms = message(delivery.login_code, delivery_id)
        if gateway is None:
            logger.info("DEMO MODE, no SMS is sent to %s: %s", phones.mask(sms.phone), sms.text.splitlines()[0])
            answer = Answer()
        else:
            answer = gateway.send(sms, partial(receipts.record_from_centre, gateway, receipt_watch))
        name = gateway.name if gateway else "demo"
        if answer.verdict is Verdict.ACCEPTED:
            sent = SmsDelivery.State.SENT
            _finish(delivery_id, state=sent, gateway=name, gateway_ref=answer.reference, error="")
        elif answer.verdict is Verdict.UNREACHABLE:
            _finish(delivery_id, state=SmsDelivery.State.FAILED, error=_error({name: answer}))
        return answer


def _sendable(delivery_id: int) -> SmsDelivery | None:
    """The delivery, if it is queued and its code is valid. If its code has ended, finish the delivery.

    Its state is then failed if gateways were tried until the code expired, and dropped otherwise.
    """
    delivery = _queued(delivery_id).select_related("login_code__user").annotate(now=ClockTimestamp()).first()
    if delivery is None:
        return None
    code = delivery.login_code
    ended = code.used_at or code.user.phone is None
    if not ended and code.expires_at > delivery.now:
        return delivery
    tried = delivery.error != ""
    _finish(delivery_id, state=SmsDelivery.State.FAILED if tried and not ended else SmsDelivery.State.DROPPED)
    return None


def _error(refused: dict[str, Answer]) -> str:
    """What is stored of these refusals; `answers.describe` reads it."""
    return "; ".join(f"{name}: {answer}" for name, answer in refused.items())[:100]


def _finish(delivery_id: int, **values: str) -> None:
    _queued(delivery_id).update(finished_at=ClockTimestamp(), **values)


def _queued(delivery_id: int) -> QuerySet[SmsDelivery]:
    return SmsDelivery.objects.filter(pk=delivery_id, state=SmsDelivery.State.QUEUED)
