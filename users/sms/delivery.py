"""Sending a sign-in code to its phone, and recording the outcome."""

import logging
import time
from collections.abc import Callable

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from users import phones, queries
from users.clock import ClockTimestamp
from users.models import SmsDelivery
from users.sms import breaker, gateways
from users.sms.breaker import Breaker
from users.sms.gateways import Gateway
from users.sms.text import message

logger = logging.getLogger(__name__)


class GatewaysFailed(Exception):
    """No gateway took the message. It may be tried again while the code is valid. The text contains no secret."""


# What is called after each try of a gateway, with its name, `sent` or `refused`, and the seconds that it took.
Watch = Callable[[str, str, float], None]


def unwatched(gateway: str, outcome: str, seconds: float) -> None:
    """The `Watch` of a worker without metrics: does nothing."""


def deliver(delivery_id: int, watch: Watch = unwatched) -> None:
    """Send the SMS of this delivery row, unless it was sent already or its code has ended.

    Raises GatewaysFailed, or OperationalError while another worker sends this SMS. Both may be tried again.
    """
    if settings.DEMO:
        started = time.monotonic()
        if _send_through(delivery_id, None):
            watch("demo", "sent", time.monotonic() - started)
        return
    health = Breaker()
    # Checked first, so that an SMS that is not sent does not use up the one trial of a gateway.
    if health.degraded and _sendable(delivery_id) is None:
        return
    reasons: list[str] = []
    for gateway in health.in_turn(gateways.configured()):
        started = time.monotonic()
        try:
            if _send_through(delivery_id, gateway):
                health.succeeded(gateway)
                watch(gateway.name, "sent", time.monotonic() - started)
            return
        except gateways.GatewayRejected as error:
            watch(gateway.name, "refused", time.monotonic() - started)
            breaker.failed(gateway, str(error))
            reasons.append(f"{gateway.name}: {error}")
            _queued(delivery_id).update(error="; ".join(reasons)[:100])
            logger.warning("SMS %d was not taken by gateway %s: %s", delivery_id, gateway.name, error)
    raise GatewaysFailed("; ".join(reasons))


def _send_through(delivery_id: int, gateway: Gateway | None) -> bool:
    """Send the message through the gateway, or write it to the log in demo mode. False if it must not be sent any more.

    The commit that records the success releases the lock, so a worker that waited for it sees that the SMS was sent. It
    is an advisory lock, not that of the row: an erasure changes the row and must not wait for a gateway.

    Raises gateways.GatewayRejected.
    """
    with transaction.atomic():
        queries.lock_delivery(delivery_id)
        delivery = _sendable(delivery_id)
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


def _finish(delivery_id: int, **values: str) -> None:
    _queued(delivery_id).update(finished_at=ClockTimestamp(), **values)


def _queued(delivery_id: int) -> QuerySet[SmsDelivery]:
    return SmsDelivery.objects.filter(pk=delivery_id, state=SmsDelivery.State.QUEUED)
