"""Which code a client may get now, by all limits together. Nothing is written here."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from users import login_queries
from users.clock import HOUR, NO_DELAY, RetryLater, rounded_up
from users.login import codes, devices, risk
from users.login.risk import AllowedCodes
from users.login.sms_limits import RetryDelays, SmsCosts
from users.login.tracks import Sends, Track
from users.models import Challenge, Device, User

logger = logging.getLogger(__name__)

# `Retry-After` of a refusal by the limit of long-code challenges: its window moves on slowly.
LONG_CHALLENGE_DELAY = HOUR


class TooManyRequests(RetryLater):
    """A limit refuses the client a code."""


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
        return _reached(
            self.delays,
            resend_interval=self.sends.send_delay(self.track.now) > NO_DELAY,
            long_challenges=self.length == codes.LONG and not self.allowed.long,
        )


def decide_code(
    user: User,
    costs: SmsCosts,
    now: datetime,
    device: Device | None = None,
    challenge_id: str | None = None,
    former: Sequence[int] = (),
    changing_user_id: int | None = None,
) -> CodeDecision:
    """Apply the rules to a request from a trusted device of the user, or from any other.

    With `changing_user_id` it is the request of another user, who wants to change to the phone of this one.

    Call it with the user's row locked, unless it is only for display. A user who is not stored yet (`pk` None) has the
    limits of the `former` users, who erased themselves with this phone.
    """
    user_ids = [user.pk] if user.pk else list(former)
    track, allowed = _track(user, user_ids, device, costs, now, changing_user_id)
    delays = costs.delays(known=track.device is not None, verified=user.verified_at is not None)
    existing = _existing_challenge(track, challenge_id)
    length = existing.login_code.length if existing else _length(track, allowed, delays)
    sends = track.by_length[length]
    send_delay = max(sends.send_delay(now), delays.send)
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


def refuse_early(
    phone: str,
    costs: SmsCosts,
    device_token: str | None,
    challenge_id: str | None,
    changing_user_id: int | None = None,
) -> None:
    """Raise TooManyRequests if an SMS cost limit refuses this request whatever the user's own limits say.

    One statement asks all about the phone. So a refusal writes nothing, not even a lock, and takes the same time for
    known and unknown phones.
    """
    if costs.now is None or not costs.may_refuse:
        return
    trust_hash = devices.trust_hash(device_token) if device_token else None
    status = login_queries.phone_status(phone, costs.now, trust_hash, challenge_id, changing_user_id)
    delays = costs.delays(known=False, verified=status.is_verified)
    delay = max(delays.attach, NO_DELAY if status.has_open_code else delays.send)
    if delay > NO_DELAY and not status.is_known_device and not status.holds_challenge:
        _refuse(delay, _reached(delays))


def refuse(decision: CodeDecision) -> None:
    """Raise TooManyRequests if the decision is a refusal."""
    if decision.refusal is not None:
        _refuse(decision.refusal, decision.limits_reached)


def _refuse(delay: timedelta, limits: Sequence[LimitReached]) -> NoReturn:
    logger.info("no code for %d s: %s", delay.total_seconds(), ", ".join(limits))
    raise TooManyRequests(delay)


def _track(
    user: User,
    user_ids: Sequence[int],
    device: Device | None,
    costs: SmsCosts,
    now: datetime,
    changing_user_id: int | None,
) -> tuple[Track, AllowedCodes]:
    """The device's own track while it and all known devices are within their limits, otherwise that of unknown ones."""
    if device is not None:
        sent, weights = risk.history(user_ids, device, now, costs.people_a_day)
        track, allowed = Track(device, now, sent), risk.for_device(weights)
        if allowed.short and track.is_within_limits:
            return track, allowed
    sent, weights = risk.history(user_ids, None, now, costs.people_a_day)
    return Track(None, now, sent, changing_user_id), risk.for_unknown_devices(user, weights, costs.network.allows_short)


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


def _reached(
    delays: RetryDelays, *, resend_interval: bool = False, long_challenges: bool = False
) -> tuple[LimitReached, ...]:
    reached = {
        LimitReached.RESEND_INTERVAL: resend_interval,
        LimitReached.SITE: delays.site > NO_DELAY,
        LimitReached.NUMBER_PREFIX: delays.number_prefix > NO_DELAY,
        LimitReached.NETWORK: delays.network > NO_DELAY,
        LimitReached.ATTACH: delays.attach > NO_DELAY,
        LimitReached.LONG_CHALLENGES: long_challenges,
    }
    return tuple(limit for limit, holds in reached.items() if holds)
