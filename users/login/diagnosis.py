"""Why a code did not arrive: what was sent to a user, what the rules would answer now, and whether workers are alive.

Nothing is decided or written here. `challenges.decide_code` applies the rules.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.conf import settings

from users.clock import NO_DELAY
from users.login import challenges, devices, risk
from users.login.challenges import CodeDecision, LimitReached
from users.models import Device, SmsDelivery, SmsGateway, User
from users.queries import Queue
from users.sms import gateways, queue

LAST_SENDS = 20


class Outcome(StrEnum):
    """What a request for a code would lead to."""

    SENT = "sent"
    ATTACHED = "joined"
    REFUSED = "refused"


@dataclass(frozen=True)
class Prediction:
    """The answer to a request for a code now, from this device of the user (None: from a new one).

    It leaves the limits of the client's network out, because the network is not known here.
    """

    device: Device | None
    treated_as_new: bool
    length: int
    outcome: Outcome
    # Why a short code is not allowed. If it is empty, a long code only bridges the resend interval of the short one.
    long_code_reasons: tuple[risk.LongCodeReason, ...]
    limits_reached: tuple[LimitReached, ...]
    # How long until the next SMS may be sent; zero means now.
    delay: timedelta


@dataclass(frozen=True)
class GatewayStatus:
    """A configured gateway and its health."""

    name: str
    failures: int = 0
    error: str = ""
    failed_at: datetime | None = None
    # Until when the gateway is tried last. None if that time is over.
    circuit_open_until: datetime | None = None


@dataclass(frozen=True)
class Diagnosis:
    now: datetime
    user: User
    demo: bool
    sends: list[SmsDelivery]
    # First for a new device, then for each known one. Empty for an erased user.
    predictions: list[Prediction]
    gateways: list[GatewayStatus]
    queue: Queue


def diagnose(user: User, now: datetime) -> Diagnosis:
    """Collect what explains why a code did not or would not reach this user. It needs no lock."""
    known_devices = devices.trusted(user, now).order_by("-signed_in_at")
    return Diagnosis(
        now=now,
        user=user,
        demo=settings.DEMO,
        sends=last_sends(user),
        predictions=[_prediction(user, device, now) for device in [None, *known_devices]] if user.phone else [],
        gateways=_gateways(now),
        queue=queue.look(now),
    )


def last_sends(user: User, most: int = LAST_SENDS) -> list[SmsDelivery]:
    """The last SMS to this user, newest first."""
    sends = SmsDelivery.objects.filter(login_code__user=user).select_related("login_code")
    # Ordered by the code first: that follows the index of the user's codes. The SMS of one code are close together.
    found = sends.order_by("-login_code__created_at", "-created_at")[:most]
    return sorted(found, key=lambda send: send.created_at, reverse=True)


def _prediction(user: User, device: Device | None, now: datetime) -> Prediction:
    decision = challenges.decide_code(user, now=now, address=None, device=device)
    return Prediction(
        device=device,
        treated_as_new=device is not None and decision.track.device is None,
        length=decision.length,
        outcome=_outcome(decision),
        long_code_reasons=decision.allowed.long_code_reasons,
        limits_reached=decision.limits_reached,
        delay=max(decision.send_delay, decision.refusal or NO_DELAY, NO_DELAY),
    )


def _outcome(decision: CodeDecision) -> Outcome:
    if decision.refusal is not None:
        return Outcome.REFUSED
    return Outcome.SENT if decision.send else Outcome.ATTACHED


def _gateways(now: datetime) -> list[GatewayStatus]:
    rows = {row.name: row for row in SmsGateway.objects.all()}
    return [_status(gateway.name, rows.get(gateway.name), now) for gateway in gateways.configured()]


def _status(name: str, row: SmsGateway | None, now: datetime) -> GatewayStatus:
    if row is None:
        return GatewayStatus(name)
    is_open = row.circuit_open_until and row.circuit_open_until > now
    return GatewayStatus(name, row.failures, row.error, row.failed_at, row.circuit_open_until if is_open else None)
