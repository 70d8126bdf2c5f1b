"""Why a code did not arrive: what was sent to a person, what the rules would answer now, and who serves the queue.

Nothing is decided or written here: the rules are asked, see `challenges.decide`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.conf import settings

from users.clock import NO_DELAY
from users.login import challenges, devices, risk
from users.login.challenges import CodeDecision, LimitReached
from users.models import Device, SmsDelivery, SmsGateway, User
from users.sms import gateways, queue
from users.sms.queue import Queue

LAST_SENDS = 20


class Outcome(StrEnum):
    """What becomes of who asks."""

    SENT = "sent"
    JOINED = "joined"
    REFUSED = "refused"


@dataclass(frozen=True)
class Answer:
    """What the rules would answer now on this device of the person's (None: on any other).

    The asker's network address is taken for one that may ask: it has limits of its own, which nobody can know here.
    """

    device: Device | None
    treated_as_new: bool
    digits: int
    outcome: Outcome
    # What keeps a short code from being issued; with none of them, a long one is only due to the wait for a short.
    long_code_reasons: tuple[risk.LongCodeReason, ...]
    send_limits: tuple[LimitReached, ...]
    # How long until the next SMS may go; zero means now.
    wait: timedelta


@dataclass(frozen=True)
class Route:
    """A configured gateway and its health."""

    name: str
    failures: int = 0
    error: str = ""
    failed_at: datetime | None = None
    # Until when it is asked last, where that is still to come.
    skipped_until: datetime | None = None


@dataclass(frozen=True)
class Diagnosis:
    now: datetime
    user: User
    demo: bool
    sends: list[SmsDelivery]
    # First for a new device, then for each known one; none for an erased person.
    answers: list[Answer]
    routes: list[Route]
    queue: Queue


def diagnose(user: User, now: datetime) -> Diagnosis:
    """All that is known of why a code did or would not reach this person. No lock is needed."""
    return Diagnosis(
        now=now,
        user=user,
        demo=settings.DEMO,
        sends=last_sends(user),
        answers=[_answer(user, device, now) for device in [None, *_known_devices(user, now)]] if user.phone else [],
        routes=_routes(now),
        queue=queue.look(now),
    )


def last_sends(user: User, most: int = LAST_SENDS) -> list[SmsDelivery]:
    """The newest SMS to this person, the newest first."""
    sends = SmsDelivery.objects.filter(login_code__user=user).select_related("login_code")
    # By the code first: that follows the index of the person's codes, and a code's SMS are close together.
    found = sends.order_by("-login_code__created_at", "-created_at")[:most]
    return sorted(found, key=lambda send: send.created_at, reverse=True)


def _known_devices(user: User, now: datetime) -> list[Device]:
    return list(devices.trusted(user, now).order_by("-signed_in_at"))


def _answer(user: User, device: Device | None, now: datetime) -> Answer:
    decision = challenges.decide_code(user, now=now, address=None, device=device)
    return Answer(
        device=device,
        treated_as_new=device is not None and decision.lane.device is None,
        digits=decision.digits,
        outcome=_outcome(decision),
        long_code_reasons=decision.allowed.bars,
        send_limits=decision.reasons,
        wait=max(decision.send_wait, decision.refusal or NO_DELAY, NO_DELAY),
    )


def _outcome(decision: CodeDecision) -> Outcome:
    if decision.refusal is not None:
        return Outcome.REFUSED
    return Outcome.SENT if decision.send else Outcome.JOINED


def _routes(now: datetime) -> list[Route]:
    known = {row.name: row for row in SmsGateway.objects.all()}
    return [_route(gateway.name, known.get(gateway.name), now) for gateway in gateways.configured()]


def _route(name: str, row: SmsGateway | None, now: datetime) -> Route:
    if row is None:
        return Route(name)
    skipped_until = row.skipped_until if row.skipped_until and row.skipped_until > now else None
    return Route(name, row.failures, row.error, row.failed_at, skipped_until)
