"""The codes of one phone that one kind of asker may join, and the gaps between their SMS."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from users import sql
from users.clock import DAY, NO_DELAY
from users.login import codes
from users.models import Device, LoginCode, User
from users.sql import columns, loaded

# Of the gaps between two SMS, how many a known device climbs; it stays on the last of them.
DEVICE_INTERVALS = 5

# SMS in 24 h for one known device; beyond, it is served like everybody else.
DEVICE_SENDS = 10

# Successes in 24 h whose SMS do not lengthen the gaps: who signs in is not guessing.
EXEMPT_SUCCESSES = 10


@dataclass
class Strand:
    """A lane's codes of one length."""

    gaps: list[int]
    open_code: LoginCode | None = None
    stale: bool = False
    sends: list[datetime] = field(default_factory=list)

    def wait(self, now: datetime) -> timedelta:
        """How long until another SMS may go out; zero or less means now."""
        # Sends of the future are left from before the clock was set back: they count, but nobody waits for them.
        last = max((sent_at for sent_at in self.sends if sent_at <= now), default=None)
        if last is None:
            return NO_DELAY
        return last + timedelta(seconds=self.gaps[min(len(self.sends), len(self.gaps)) - 1]) - now


# A code is sent for an hour at most: the first bound only helps the index.
_SENDS = f"""
SELECT {columns(LoginCode, "code")}, delivery.created_at
  FROM users_logincode AS code JOIN users_smsdelivery AS delivery ON delivery.login_code_id = code.id
 WHERE code.user_id = %(user)s
   AND (code.created_at > %(first)s AND delivery.created_at > %(since)s OR code.closed_at IS NULL)
 ORDER BY delivery.created_at
"""  # noqa: S608


class Track:
    """What a known device (or, with None, everybody else) finds at a phone at one moment."""

    def __init__(self, user: User, device: Device | None, now: datetime) -> None:
        self.user, self.device, self.now = user, device, now
        gaps = settings.LOGIN_SEND_GAPS[:DEVICE_INTERVALS] if device else settings.LOGIN_SEND_GAPS
        self.strands = {digits: Strand(gaps) for digits in codes.LENGTHS}
        sends = self._sends()
        exempt = self._first_successes(sends)
        for sent_at, code in sends:
            if code.device_id != (device and device.pk):
                continue
            strand = self.strands[code.digits]
            # A success ends all codes of its lane at its own time.
            if code.closed_at not in exempt and sent_at > now - DAY:
                strand.sends.append(sent_at)
            if code.closed_at is None and code.open_until > now:
                strand.open_code = code
            elif code.closed_at is None:
                strand.stale = True

    def _sends(self) -> list[tuple[datetime, LoginCode]]:
        """Of all lanes: successes are counted for the phone, or who has many devices could have SMS without end."""
        since = self.now - DAY
        values: dict[str, Any] = {"user": self.user.pk, "since": since, "first": since - codes.OPEN_AT_MOST}
        found = [loaded(LoginCode, row) for row in sql.fetch_all(_SENDS, values)]
        return [(sent_at, code) for code, (sent_at,) in found]

    def _first_successes(self, sends: list[tuple[datetime, LoginCode]]) -> set[datetime]:
        times = {code.used_at for _, code in sends if code.used_at}
        return set(sorted(time for time in times if time > self.now - DAY)[:EXEMPT_SUCCESSES])

    @property
    def sends(self) -> int:
        """SMS of 24 h that count."""
        return sum(len(strand.sends) for strand in self.strands.values())
