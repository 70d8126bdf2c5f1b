"""The codes of one phone that one kind of asker may join, and the gaps between their SMS."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q

from users import codes
from users.clock import AT_ONCE, DAY
from users.models import Device, LoginCode, SmsDelivery, User

DEVICE_GAPS = 5
"""Of the gaps between two SMS, how many a known device climbs; it stays on the last of them."""

DEVICE_SENDS = 10
"""SMS in 24 h for one known device; beyond, it is served like everybody else."""

FREE_SUCCESSES = 10
"""Successes in 24 h whose SMS do not lengthen the gaps: who signs in is not guessing."""


@dataclass
class Strand:
    """A lane's codes of one length."""

    gaps: list[int]
    open_code: LoginCode | None = None
    stale: bool = False
    sends: list[datetime] = field(default_factory=list)

    def wait(self, now: datetime) -> timedelta:
        """How long until another SMS may go out; zero or less means now."""
        if not self.sends:
            return AT_ONCE
        return self.sends[-1] + timedelta(seconds=self.gaps[min(len(self.sends), len(self.gaps)) - 1]) - now


class Lane:
    """What a known device (or, with None, everybody else) finds at a phone at one moment."""

    def __init__(self, user: User, device: Device | None, now: datetime) -> None:
        self.user, self.device, self.now = user, device, now
        gaps = settings.LOGIN_SEND_GAPS[:DEVICE_GAPS] if device else settings.LOGIN_SEND_GAPS
        self.strands = {digits: Strand(gaps) for digits in codes.LENGTHS}
        deliveries = self._deliveries()
        forgiven = self._first_successes(deliveries)
        for delivery in deliveries:
            code = delivery.login_code
            if code.device_id != (device and device.pk):
                continue
            strand = self.strands[code.digits]
            # A success ends all codes of its lane at its own time.
            if code.closed_at not in forgiven and delivery.created_at > now - DAY:
                strand.sends.append(delivery.created_at)
            if code.closed_at is None and code.open_until > now:
                strand.open_code = code
            elif code.closed_at is None:
                strand.stale = True

    def _deliveries(self) -> list[SmsDelivery]:
        """Of all lanes: successes are counted for the phone, or who has many devices could have SMS without end."""
        since = self.now - DAY
        return list(
            SmsDelivery.objects.filter(
                # A code is sent for an hour at most: the first bound only helps the index.
                Q(login_code__created_at__gt=since - codes.OPEN_AT_MOST, created_at__gt=since)
                | Q(login_code__closed_at=None),
                login_code__user=self.user,
            )
            .select_related("login_code")
            .order_by("created_at")
        )

    def _first_successes(self, deliveries: list[SmsDelivery]) -> set[datetime]:
        times = {delivery.login_code.used_at for delivery in deliveries if delivery.login_code.used_at}
        return set(sorted(time for time in times if time > self.now - DAY)[:FREE_SUCCESSES])

    @property
    def sends(self) -> int:
        """SMS of 24 h that count."""
        return sum(len(strand.sends) for strand in self.strands.values())
