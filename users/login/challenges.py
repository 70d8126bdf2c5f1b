"""Requests for a sign-in code: which code a client gets, and whether an SMS is sent for it.

A code belongs to a phone, a track (a known device, or all unknown devices) and a length. Attempts belong to the
challenge, one for each client that requests the code. So a stranger can neither consume the owner's attempts nor, by
requesting first, keep the owner from a code. Under attack a code gets longer; nobody is locked out.
"""

import logging
import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from users import phones
from users.clock import HOUR, NO_DELAY, rounded_up
from users.login import codes, devices, risk, sms_limits
from users.login.risk import AllowedCodes
from users.login.sms_limits import RetryDelays
from users.login.tracks import DEVICE_SENDS, Sends, Track
from users.models import Challenge, Device, LoginCode, SmsDelivery, User
from users.sms.tasks import queue_sms

logger = logging.getLogger(__name__)

# `Retry-After` of a refusal by the limit of long-code challenges: its window moves on slowly.
LONG_CHALLENGE_DELAY = HOUR


class TooManyRequests(Exception):
    """A limit is reached. `retry_after` is in whole seconds, at least 1."""

    def __init__(self, delay: timedelta) -> None:
        self.retry_after = max(1, math.ceil(delay.total_seconds()))
        super().__init__(f"retry after {self.retry_after} s")


@dataclass(frozen=True)
class ChallengeIssued:
    """The answer to a sign-up. Times are in seconds from now. `code` is set in demo mode only."""

    challenge_id: str
    code_length: int
    expires_in: int
    sent: bool
    sent_at: datetime
    resend_in: int
    code: str | None


class LimitReached(models.TextChoices):
    """A limit that keeps an SMS from being sent, or a client from a code. The diagnosis shows the labels."""

    RESEND_INTERVAL = "resend interval", _("the resend interval after the last SMS is not over")
    SITE = "site", _("SMS_PER_DAY is used up")
    NUMBER_PREFIX = "number prefix", _("SMS_GUARD rejects unverified numbers with this country or prefix")
    NETWORK = "network"
    ATTACH = "attach"
    LONG_CHALLENGES = "long challenges", _("the long-code challenge limit of the phone number is reached")


@dataclass(frozen=True)
class CodeDecision:
    """What the rules answer to a client now. Nothing has been written yet."""

    track: Track
    allowed: AllowedCodes
    delays: RetryDelays
    length: int
    # The client's own challenge of an open code, which is kept.
    existing: Challenge | None
    send: bool
    send_delay: timedelta
    # How long until this client can have a code. None: now.
    refusal: timedelta | None

    @property
    def sends(self) -> Sends:
        return self.track.by_length[self.length]

    @property
    def wait(self) -> timedelta:
        """How long until the client can have another SMS, in whole seconds; zero means now."""
        return rounded_up(max(self.send_delay, self.refusal or NO_DELAY, NO_DELAY))

    @property
    def limits_reached(self) -> tuple[LimitReached, ...]:
        reached = {
            LimitReached.RESEND_INTERVAL: self.sends.delay(self.track.now) > NO_DELAY,
            LimitReached.SITE: self.delays.site > NO_DELAY,
            LimitReached.NUMBER_PREFIX: self.delays.number_prefix > NO_DELAY,
            LimitReached.NETWORK: self.delays.network > NO_DELAY,
            LimitReached.ATTACH: self.delays.attach > NO_DELAY,
            LimitReached.LONG_CHALLENGES: self.length == codes.LONG and not self.allowed.long,
        }
        return tuple(limit for limit, holds in reached.items() if holds)


def request_code(
    user: User,
    *,
    now: datetime,
    address: str | None,
    language: str,
    device_token: str | None = None,
    challenge_id: str | None = None,
) -> ChallengeIssued:
    """Give the client a challenge for this user's code, and send the code if it is time.

    Call it with the user's row locked. The code, its delivery row and the job that sends it commit together with the
    rest of the caller's transaction.

    Raises TooManyRequests if there is no code to attach to and none may be sent.
    """
    device = devices.find_trusted(user, device_token, now)
    decision = decide_code(user, now=now, address=address, device=device, challenge_id=challenge_id)
    if decision.refusal is not None:
        seconds, limits = decision.refusal.total_seconds(), ", ".join(decision.limits_reached)
        logger.info("no code for %d s: %s", seconds, limits)
        raise TooManyRequests(decision.refusal)
    code = _updated_code(decision, language)
    challenge = decision.existing or Challenge.objects.create(login_code=code, address=address, created_at=now)
    send_delay = decision.send_delay
    if decision.send:
        send_delay = decision.sends.delay(now)
        _queue_sms(code, user, None if code.device_id or settings.DEMO else address, now)
    return ChallengeIssued(
        challenge_id=challenge.public_id,
        code_length=code.length,
        expires_in=math.floor((code.expires_at - now).total_seconds()),
        sent=decision.send,
        sent_at=code.sent_at,
        resend_in=math.ceil(send_delay.total_seconds()),
        code=codes.derive(code.nonce, code.length) if settings.DEMO else None,
    )


def decide_code(
    user: User, *, now: datetime, address: str | None, device: Device | None = None, challenge_id: str | None = None
) -> CodeDecision:
    """Apply the rules to a request from a trusted device of the user, or from any other. Writes nothing.

    Call it with the user's row locked, unless it is only for display.
    """
    track, allowed = _track(user, device, now)
    delays = sms_limits.retry_delays(user, address, known=track.device is not None, now=now)
    existing = _existing_challenge(track, challenge_id)
    length = existing.login_code.length if existing else _length(track, allowed, delays)
    sends = track.by_length[length]
    send_delay = max(sends.delay(now), delays.send)
    return CodeDecision(
        track=track,
        allowed=allowed,
        delays=delays,
        length=length,
        existing=existing,
        send=send_delay <= NO_DELAY,
        send_delay=send_delay,
        refusal=None if existing else _refusal(sends, length, allowed, delays, send_delay),
    )


def _track(user: User, device: Device | None, now: datetime) -> tuple[Track, AllowedCodes]:
    """The device's own track while it is within its limits, otherwise the unknown-device track."""
    if device is not None:
        track, allowed = Track(user, device, now), risk.for_device(user, device, now)
        if allowed.short and track.counted_sends < DEVICE_SENDS:
            return track, allowed
    return Track(user, None, now), risk.for_unknown_devices(user, now)


def _existing_challenge(track: Track, public_id: str | None) -> Challenge | None:
    """The client's challenge of an open code. Keeping it adds no risk weight and gives no new attempts."""
    open_codes = [sends.open_code for sends in track.by_length.values() if sends.open_code]
    if public_id is None or not open_codes:
        return None
    challenges = Challenge.objects.filter(login_code__in=open_codes, attempts__lt=codes.MAX_ATTEMPTS)
    return challenges.select_related("login_code").filter(public_id=public_id).first()


def _length(track: Track, allowed: AllowedCodes, delays: RetryDelays) -> int:
    """Short if the risk weights allow it and a short code is open or may be sent, otherwise long."""
    if settings.DEMO:
        return codes.SHORT
    short = track.by_length[codes.SHORT]
    is_available = short.open_code is not None or max(short.delay(track.now), delays.send) <= NO_DELAY
    return codes.SHORT if allowed.short and is_available else codes.LONG


def _refusal(
    sends: Sends, length: int, allowed: AllowedCodes, delays: RetryDelays, send_delay: timedelta
) -> timedelta | None:
    """How long until the client may attach to the open code or get a new one. None means now."""
    delay = delays.attach if sends.open_code else max(delays.attach, send_delay)
    if length == codes.LONG and not allowed.long:
        delay = max(delay, LONG_CHALLENGE_DELAY)
    return delay if delay > NO_DELAY else None


def _updated_code(decision: CodeDecision, language: str) -> LoginCode:
    """The open code or a new one, saved with its new challenge, its new send, or both."""
    track, sends = decision.track, decision.sends
    code = sends.open_code or _new_code(decision, language)
    if decision.send:
        sends.times.append(track.now)
        code.sent_at = track.now
        code.open_until = codes.open_until(code.created_at, code.length, track.now + sends.delay(track.now))
    if decision.existing is None:
        code.challenges += 1
    if decision.send or decision.existing is None:
        code.expires_at = max(code.open_until, track.now + codes.VALID_AFTER_UPDATE)
        # Never `wrong`: attempts are counted without the user's lock, and a stale count would undo them.
        changed = None if code.pk is None else ("challenges", "sent_at", "open_until", "expires_at")
        code.save(update_fields=changed)
    return code


def _new_code(decision: CodeDecision, language: str) -> LoginCode:
    track, length = decision.track, decision.length
    if decision.sends.has_stale_code:
        stale = LoginCode.objects.filter(user=track.user, device=track.device, length=length, closed_at=None)
        stale.update(closed_at=track.now)
    return LoginCode(
        user=track.user,
        device=track.device,
        length=length,
        nonce=codes.new_nonce(),
        language=language,
        created_at=track.now,
    )


def _queue_sms(code: LoginCode, user: User, client_address: str | None, now: datetime) -> None:
    assert user.phone is not None
    delivery = SmsDelivery.objects.create(
        login_code=code,
        address=phones.mask(user.phone),
        country=phones.country(user.phone),
        prefix=phones.prefix(user.phone),
        client_address=client_address,
        created_at=now,
    )
    queue_sms(delivery.pk)
