"""Why a code did not arrive: what was sent to a user, what the rules would answer now, and whether workers are alive.

Nothing is decided or written here. `decisions.decide_code` applies the rules.
"""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from users import phones, queries
from users.clock import rounded_up
from users.login import codes, devices, sms_limits, test_numbers
from users.login.decisions import decide_code
from users.models import SmsDelivery, SmsGateway, User
from users.sms import arrivals, breaker, health
from users.sms.arrivals import Arrival

LAST_SENDS = 20

# A free worker takes an SMS at once. After this time in the queue, no worker is free.
LONG_WAIT = timedelta(seconds=10)


def diagnose(user: User, now: datetime) -> dict[str, Any]:
    """Collect what explains why a code did not or would not reach this user. It needs no lock."""
    known_devices = devices.trusted(user, now).order_by("-signed_in_at")
    queue = queries.queue(now)
    gateways = _gateways(user, now)
    return {
        "now": now,
        "demo": settings.DEMO,
        "is_removed": test_numbers.is_removed(user),
        "sends": last_sends(user, LAST_SENDS),
        # The address of the next request is not known here, so the limits of its network are left out.
        "decisions": [
            (device, decide_code(user, sms_limits.costs(user.phone, None, now), now, device))
            for device in (None, *known_devices)
            if user.phone and not user.is_test
        ],
        "long_length": codes.LONG,
        "gateways": gateways,
        "gateways_in_trouble": sum(is_in_trouble(state, alike) for _, state, _, alike in gateways),
        "takes_no_sms": all(state.tone == "bad" for _, state, _, _ in gateways),
        "queue": queue,
        "waited": rounded_up(queue.waited),
        "is_late": queue.waited > LONG_WAIT,
    }


def _gateways(user: User, now: datetime) -> list[tuple[SmsGateway, health.Status, Arrival | None, Arrival | None]]:
    """Each gateway, its state, and how many of its SMS arrived: at all numbers, and at those like that of the user."""
    found = arrivals.last()
    prefix = phones.prefix(user.phone) if user.phone else ""
    return [
        (
            gateway,
            health.status(gateway, now),
            arrivals.of(found, gateway.name),
            arrivals.of(found, gateway.name, prefix) if prefix else None,
        )
        for gateway in breaker.rows()
    ]


def is_in_trouble(state: health.Status, alike: Arrival | None) -> bool:
    return state.tone == "bad" or bool(alike and alike.is_silent)


def last_sends(user: User, most: int) -> list[SmsDelivery]:
    """The last SMS to this user, newest first."""
    sends = SmsDelivery.objects.filter(login_code__user=user).select_related("login_code__device")
    # Ordered by the code first: that follows the index of the user's codes. The SMS of one code are close together.
    found = sends.order_by("-login_code__created_at", "-created_at")[:most]
    return sorted(found, key=lambda send: send.created_at, reverse=True)
