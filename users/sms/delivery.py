"""Sending a sign-in code to its phone, and the record of what became of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet

from users import phones
from users.clock import ClockTimestamp
from users.models import SmsDelivery
from users.sms import breaker, gateways
from users.sms.breaker import Breaker
from users.sms.gateways import Gateway
from users.sms.text import message

logger = logging.getLogger(__name__)


class GatewaysFailed(Exception):
    """No gateway took the message; it may be tried again while the code lives. Its text holds no secret."""


def _unwatched(gateway: str, outcome: str, seconds: float) -> None:
    """Nobody wants to know."""


# Told of each SMS that a gateway was given: its name, `sent` or `refused`, and how long it took.
watch: Callable[[str, str, float], None] = _unwatched


def deliver(delivery_id: int) -> None:
    """Send what this delivery row asks for, unless it was sent already or would arrive dead.

    Raises GatewaysFailed; and OperationalError when another worker is at this delivery, which may be tried again too.
    """
    if settings.DEMO:
        started = time.monotonic()
        if _hand_over(delivery_id, None):
            watch("demo", "sent", time.monotonic() - started)
        return
    health = Breaker()
    if health.in_doubt and _wanted_or_given_up(delivery_id) is None:  # so that no gateway's one trial is wasted on it
        return
    reasons: list[str] = []
    for gateway in health.in_turn(gateways.configured()):
        started = time.monotonic()
        try:
            if _hand_over(delivery_id, gateway):
                health.succeeded(gateway)
                watch(gateway.name, "sent", time.monotonic() - started)
            return
        except gateways.Refused as error:
            watch(gateway.name, "refused", time.monotonic() - started)
            breaker.failed(gateway, str(error))
            reasons.append(f"{gateway.name}: {error}")
            _queued(delivery_id).update(error="; ".join(reasons)[:100])
            logger.warning("SMS %d was not taken by gateway %s: %s", delivery_id, gateway.name, error)
    raise GatewaysFailed("; ".join(reasons))


def _hand_over(delivery_id: int, gateway: Gateway | None) -> bool:
    """Give the message to the gateway, or to the log in demo mode; False when it is wanted no more.

    The lock is let go by the commit that records the success, so whoever waited for it sees that nothing is left. It
    is not the row's own lock: erasing a person changes that row, and need not wait for a gateway.

    Raises gateways.Refused.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('sms delivery', %s))", [delivery_id])
        delivery = _wanted_or_given_up(delivery_id)
        if delivery is None:
            return False
        phone, text = delivery.login_code.user.phone, message(delivery.login_code)
        assert phone is not None
        if gateway is None:
            logger.info("DEMO MODE, no SMS is sent to %s: %s", phones.mask(phone), text.splitlines()[0])
        else:
            gateway.send(phone, text)
        _finish(delivery_id, state=SmsDelivery.State.SENT, gateway=gateway.name if gateway else "demo", error="")
        return True


def _wanted_or_given_up(delivery_id: int) -> SmsDelivery | None:
    """The delivery, if it is still to be sent; one that would arrive dead is given up.

    It is dropped if no gateway was asked or nobody wants the code any more, and has failed if gateways let it die.
    """
    delivery = _queued(delivery_id).select_related("login_code__user").annotate(now=ClockTimestamp()).first()
    if delivery is None:
        return None
    code = delivery.login_code
    ended = code.used_at or code.user.phone is None
    if not ended and code.expires_at > delivery.now:
        return delivery
    asked = delivery.error != ""
    _finish(delivery_id, state=SmsDelivery.State.FAILED if asked and not ended else SmsDelivery.State.DROPPED)
    return None


def _finish(delivery_id: int, **values: str) -> None:
    _queued(delivery_id).update(finished_at=ClockTimestamp(), **values)


def _queued(delivery_id: int) -> QuerySet[SmsDelivery]:
    return SmsDelivery.objects.filter(pk=delivery_id, state=SmsDelivery.State.QUEUED)
