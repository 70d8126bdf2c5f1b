"""Asking for a sign-in code: which code a client joins, and whether an SMS goes out for it.

A code belongs to a phone, a lane (a device known to the person, or everybody else) and a length; attempts belong to
the challenge, one for each client that asks. So a stranger can neither spend the owner's attempts nor, by asking
first, keep the owner from a code. Under attack a code gets longer; nobody is locked.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.conf import settings

from users import phones, sql
from users.clock import HOUR, NO_DELAY
from users.login import codes, devices, risk, sms_limits
from users.login.risk import AllowedCodes
from users.login.sms_limits import RetryDelays
from users.login.tracks import DEVICE_SENDS, Strand, Track
from users.models import Challenge, Device, LoginCode, SmsDelivery, User
from users.sms.tasks import queue_sms

logger = logging.getLogger(__name__)

# When to ask again after the ceiling of long challenges: the window moves on slowly.
LONG_CHALLENGE_WAIT = HOUR


class TooManyRequests(Exception):
    """Nothing may be done yet. `retry_after` is in whole seconds, at least 1."""

    def __init__(self, wait: timedelta) -> None:
        self.retry_after = max(1, math.ceil(wait.total_seconds()))
        super().__init__(f"retry after {self.retry_after} s")


@dataclass(frozen=True)
class ChallengeIssued:
    """What the asker is told. Times in seconds from now; `code` only where there is no gateway."""

    challenge_id: str
    code_length: int
    expires_in: int
    sent: bool
    sent_at: datetime
    resend_in: int
    code: str | None


class LimitReached(StrEnum):
    """What keeps an SMS from going out, or an asker from a code."""

    GAP = "gap"
    SITE = "site"
    BLOCK = "block"
    ADDRESS = "address"
    JOIN = "join"
    CEILING = "ceiling"


@dataclass(frozen=True)
class CodeDecision:
    """What the rules answer an asker now, before anything of it is done."""

    lane: Track
    allowed: AllowedCodes
    waits: RetryDelays
    digits: int
    held: Challenge | None
    send: bool
    send_wait: timedelta
    # How long until there may be a code for this asker, where there is none now.
    refusal: timedelta | None

    @property
    def reasons(self) -> tuple[LimitReached, ...]:
        reasons = {
            LimitReached.GAP: self.strand.wait(self.lane.now) > NO_DELAY,
            LimitReached.SITE: self.waits.site > NO_DELAY,
            LimitReached.BLOCK: self.waits.block > NO_DELAY,
            LimitReached.ADDRESS: self.waits.address > NO_DELAY,
            LimitReached.JOIN: self.waits.join > NO_DELAY,
            LimitReached.CEILING: self.digits == codes.LONG and not self.allowed.long,
        }
        return tuple(reason for reason, holds in reasons.items() if holds)

    @property
    def strand(self) -> Strand:
        return self.lane.strands[self.digits]


def request_code(
    user: User,
    *,
    now: datetime,
    address: str | None,
    language: str,
    device_token: str | None = None,
    challenge_id: str | None = None,
) -> ChallengeIssued:
    """Give the asker a challenge for this person's code, and send the code if it is time.

    Call it with the person's row locked. The code, its delivery row and the job that sends it commit together with
    whatever else the caller's transaction does.

    Raises TooManyRequests when a guard or a gap leaves nothing to join and nothing to send.
    """
    device = devices.find_trusted(user, device_token, now)
    decision = decide_code(user, now=now, address=address, device=device, challenge_id=challenge_id)
    if decision.refusal is not None:
        logger.info("no code for %d s: %s", decision.refusal.total_seconds(), ", ".join(decision.reasons))
        raise TooManyRequests(decision.refusal)
    code = _updated_code(decision, language)
    challenge = decision.held or _new_challenge(code, address, now)
    send_wait = decision.send_wait
    if decision.send:
        send_wait = decision.strand.wait(now)
        _queue_sms(code, user, None if code.device or settings.DEMO else address, now)
    return ChallengeIssued(
        challenge_id=challenge.public_id,
        code_length=code.digits,
        expires_in=math.floor((code.expires_at - now).total_seconds()),
        sent=decision.send,
        sent_at=code.sent_at,
        resend_in=math.ceil(send_wait.total_seconds()),
        code=codes.derive(code.nonce, code.digits) if settings.DEMO else None,
    )


def decide_code(
    user: User, *, now: datetime, address: str | None, device: Device | None = None, challenge_id: str | None = None
) -> CodeDecision:
    """Apply the rules of asking to one asker, on a trusted device of the person's or any other; nothing is written.

    Call it with the person's row locked, unless it is only to look.
    """
    lane, allowed = _lane(user, device, now)
    waits = sms_limits.retry_delays(user, address, known=lane.device is not None, now=now)
    held = _held_challenge(lane, challenge_id)
    digits = held.login_code.digits if held else _length(lane, allowed, waits)
    strand = lane.strands[digits]
    send_wait = max(strand.wait(now), waits.send)
    return CodeDecision(
        lane=lane,
        allowed=allowed,
        waits=waits,
        digits=digits,
        held=held,
        send=send_wait <= NO_DELAY,
        send_wait=send_wait,
        refusal=None if held else _refusal(strand, digits, allowed, waits, send_wait),
    )


def _lane(user: User, device: Device | None, now: datetime) -> tuple[Track, AllowedCodes]:
    """A known device's own lane while it has budget and SMS left, else everybody's."""
    if device is not None:
        lane, allowed = Track(user, device, now), risk.for_device(user, device, now)
        if allowed.short and lane.sends < DEVICE_SENDS:
            return lane, allowed
    return Track(user, None, now), risk.for_unknown_devices(user, now)


def _held_challenge(lane: Track, public_id: str | None) -> Challenge | None:
    """The caller's own challenge of an open code, so that asking again weighs nothing and gives no fresh attempts."""
    open_codes = [strand.open_code for strand in lane.strands.values() if strand.open_code]
    if not public_id or not open_codes:
        return None
    challenges = Challenge.objects.filter(login_code__in=open_codes, attempts__lt=codes.MAX_ATTEMPTS)
    return challenges.select_related("login_code").filter(public_id=public_id).first()


def _length(lane: Track, allowed: AllowedCodes, waits: RetryDelays) -> int:
    """Short if the weights allow and such a code is open or may be sent; else long."""
    if settings.DEMO:
        return codes.SHORT
    short = lane.strands[codes.SHORT]
    to_be_had = short.open_code is not None or max(short.wait(lane.now), waits.send) <= NO_DELAY
    return codes.SHORT if allowed.short and to_be_had else codes.LONG


def _refusal(
    strand: Strand, digits: int, allowed: AllowedCodes, waits: RetryDelays, send_wait: timedelta
) -> timedelta | None:
    """How long until the asker may join the open code or have a new one; None means now."""
    wait = waits.join if strand.open_code else max(waits.join, send_wait)
    if digits == codes.LONG and not allowed.long:
        wait = max(wait, LONG_CHALLENGE_WAIT)
    return wait if wait > NO_DELAY else None


def _updated_code(decision: CodeDecision, language: str) -> LoginCode:
    """The open code, or a new one, saved as joined, sent or both; a stale one that was left open is closed first."""
    lane, strand = decision.lane, decision.strand
    code = strand.open_code or _new_code(lane, decision.digits, language)
    if decision.send:
        strand.sends.append(lane.now)
        code.sent_at = lane.now
        code.open_until = codes.open_until(code.created_at, code.digits, lane.now + strand.wait(lane.now))
    if decision.held is None:
        code.challenges += 1
    if decision.send or decision.held is None:
        code.expires_at = max(code.open_until, lane.now + codes.VALID_AFTER_UPDATE)
        # Never `wrong`: guesses are charged without the person's lock, and a stale count would undo them.
        if code.pk:
            code.save(update_fields=["challenges", "sent_at", "open_until", "expires_at"])
        else:
            sql.insert(code)
    return code


def _new_code(lane: Track, digits: int, language: str) -> LoginCode:
    if lane.strands[digits].stale:
        LoginCode.objects.filter(user=lane.user, device=lane.device, digits=digits, closed_at=None).update(
            closed_at=lane.now
        )
    return LoginCode(
        user=lane.user,
        device=lane.device,
        digits=digits,
        nonce=codes.new_nonce(),
        language=language,
        created_at=lane.now,
    )


def _new_challenge(code: LoginCode, address: str | None, now: datetime) -> Challenge:
    challenge = Challenge(login_code=code, address=address, created_at=now)
    sql.insert(challenge)
    return challenge


def _queue_sms(code: LoginCode, user: User, asked_from: str | None, now: datetime) -> None:
    assert user.phone is not None
    delivery = SmsDelivery(
        login_code=code,
        address=phones.mask(user.phone),
        country=phones.country(user.phone),
        prefix=phones.prefix(user.phone),
        asked_from=asked_from,
        created_at=now,
    )
    sql.insert(delivery)
    queue_sms(delivery.pk)
