"""Asking for a sign-in code: which code a client joins, and whether an SMS goes out for it.

A code belongs to a phone, a lane (a device known to the person, or everybody else) and a length; attempts belong to
the challenge, one for each client that asks. So a stranger can neither spend the owner's attempts nor, by asking
first, keep the owner from a code.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q

from users import codes, devices, phones, tasks
from users.models import Challenge, Device, LoginCode, SmsDelivery, User

DAY = timedelta(hours=24)
DEVICE_GAPS = 5
"""Of the gaps between two SMS, how many a known device climbs; it stays on the last of them."""

DEVICE_SENDS = 10
"""SMS in 24 h for one known device; beyond, it is served like everybody else."""

FREE_SUCCESSES = 10
"""Successes in 24 h whose SMS do not lengthen the gaps: who signs in is not guessing."""


class TooManyRequests(Exception):
    """Nothing may be done yet. `retry_after` is in whole seconds, at least 1."""

    def __init__(self, wait: timedelta) -> None:
        self.retry_after = max(1, math.ceil(wait.total_seconds()))
        super().__init__(f"retry after {self.retry_after} s")


@dataclass(frozen=True)
class Asked:
    """What the asker is told. Times in seconds from now; `code` only where there is no gateway."""

    challenge_id: str
    code_length: int
    expires_in: int
    sent: bool
    sent_at: datetime
    resend_in: int
    code: str | None


@dataclass
class Lane:
    """The codes of one phone that one kind of asker may join, and the SMS of 24 h that count against them."""

    user: User
    device: Device | None
    digits: int
    now: datetime
    open_code: LoginCode | None = None
    stale: bool = False
    sends: list[datetime] = field(default_factory=list)

    def __post_init__(self) -> None:
        deliveries = self._deliveries()
        forgiven = self._codes_of_first_successes(deliveries)
        for delivery in deliveries:
            code = delivery.login_code
            if code.pk not in forgiven and delivery.created_at > self.now - DAY:
                self.sends.append(delivery.created_at)
            if code.closed_at is None and code.open_until > self.now:
                self.open_code = code
            elif code.closed_at is None:
                self.stale = True

    def _deliveries(self) -> list[SmsDelivery]:
        since = self.now - DAY
        return list(
            SmsDelivery.objects.filter(
                # A code is sent for an hour at most: the first bound only helps the index.
                Q(login_code__created_at__gt=since - timedelta(hours=1), created_at__gt=since)
                | Q(login_code__closed_at=None),
                login_code__user=self.user,
                login_code__device=self.device,
                login_code__digits=self.digits,
            )
            .select_related("login_code")
            .order_by("created_at")
        )

    def _codes_of_first_successes(self, deliveries: list[SmsDelivery]) -> set[int]:
        since = self.now - DAY
        used = {d.login_code_id: d.login_code.used_at for d in deliveries if d.login_code.used_at}
        recent = sorted((used_at, pk) for pk, used_at in used.items() if used_at > since)
        return {pk for _, pk in recent[:FREE_SUCCESSES]}

    @property
    def exhausted(self) -> bool:
        """Whether a known device has had its SMS for the day."""
        return self.device is not None and len(self.sends) >= DEVICE_SENDS

    def until_next_send(self) -> timedelta:
        """How long until another SMS may go out; zero or less means now."""
        if not self.sends:
            return timedelta(0)
        gaps = settings.LOGIN_SEND_GAPS
        if self.device is not None:
            gaps = gaps[:DEVICE_GAPS]
        gap = gaps[min(len(self.sends), len(gaps)) - 1]
        return self.sends[-1] + timedelta(seconds=gap) - self.now


def request_code(
    user: User,
    *,
    now: datetime,
    address: str | None,
    language: str,
    device_token: str = "",
    challenge_id: str = "",
) -> Asked:
    """Give the asker a challenge for this person's code, and send the code if it is time.

    Call it with the person's row locked. The code, its delivery row and the job that sends it commit together with
    whatever else the caller's transaction does.

    Raises TooManyRequests when there is no code to join and the next may not be sent yet.
    """
    lane = _lane(user, device_token, now)
    held = _held_challenge(challenge_id, lane.open_code)
    wait = lane.until_next_send()
    sent = wait <= timedelta(0)
    if lane.open_code is None and not sent:
        raise TooManyRequests(wait)

    code = lane.open_code or _open_code(lane, language)
    if sent:
        lane.sends.append(now)
        code.sent_at = now
    if held is None:
        code.challenges += 1
    if sent or held is None:
        code.expires_at = now + codes.VALID_AFTER_TOUCH
        _save(code)
    challenge = held or Challenge.objects.create(login_code=code, address=address, created_at=now)
    if sent:
        _queue_sms(code, user, now)
    return Asked(
        challenge_id=challenge.public_id,
        code_length=code.digits,
        expires_in=math.floor((code.expires_at - now).total_seconds()),
        sent=sent,
        sent_at=code.sent_at,
        resend_in=math.ceil(lane.until_next_send().total_seconds()),
        code=codes.derive(code.nonce, code.digits) if settings.DEMO else None,
    )


def _lane(user: User, device_token: str, now: datetime) -> Lane:
    device = devices.find_trusted(user, device_token, now)
    if device is not None:
        lane = Lane(user, device, codes.SHORT, now)
        if not lane.exhausted:
            return lane
    return Lane(user, None, codes.SHORT, now)


def _held_challenge(public_id: str, code: LoginCode | None) -> Challenge | None:
    """The caller's own challenge of the open code, so that asking again gives no fresh attempts."""
    if not public_id or code is None:
        return None
    return Challenge.objects.filter(public_id=public_id, login_code=code, attempts__lt=codes.MAX_ATTEMPTS).first()


def _open_code(lane: Lane, language: str) -> LoginCode:
    """A new code of this lane, not saved yet; a stale one that was left open is closed first."""
    if lane.stale:
        LoginCode.objects.filter(user=lane.user, device=lane.device, digits=lane.digits, closed_at=None).update(
            closed_at=lane.now
        )
    return LoginCode(
        user=lane.user,
        device=lane.device,
        digits=lane.digits,
        nonce=codes.new_nonce(),
        language=language,
        created_at=lane.now,
        open_until=lane.now + codes.OPEN_FOR,
    )


def _save(code: LoginCode) -> None:
    # Never `wrong`: guesses are charged without the person's lock, and a stale count would undo them.
    code.save(update_fields=["challenges", "sent_at", "expires_at"] if code.pk else None)


def _queue_sms(code: LoginCode, user: User, now: datetime) -> None:
    assert user.phone is not None
    delivery = SmsDelivery.objects.create(
        login_code=code,
        address=phones.mask(user.phone),
        country=phones.country(user.phone),
        prefix=phones.prefix(user.phone),
        created_at=now,
    )
    tasks.send_sms.defer(delivery_id=delivery.pk)
