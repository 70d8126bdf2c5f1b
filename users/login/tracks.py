"""Tracks: the codes of one phone that one kind of client can use, and the resend intervals between their SMS.

A known device has a track of its own. All unknown devices share one. A user who changes their phone to this one has one
too: their code goes to it and is no sign-in code.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings

from users.clock import DAY, NO_DELAY
from users.login import codes
from users.models import Device, LoginCode

# How many of the resend intervals apply to a known device. It stays on the last of them.
DEVICE_INTERVALS = 5

# SMS in 24 hours to one known device. Beyond them it is on the unknown-device track.
DEVICE_SENDS = 10

# SMS in 24 hours to all known devices of a phone together, to those that it no longer has too. Otherwise whoever reads
# the codes could replace devices without end, each with DEVICE_SENDS of its own. This bounds the bill, so successes
# count as well.
DEVICES_SENDS = 20

# Challenges in 24 hours for all known devices of a phone together. The limits by network do not hold for them, and each
# challenge for a long code is a row that later sign-ups from its network read. A sign-in seldom needs more than one.
DEVICES_CHALLENGES = 100

# Successes in 24 hours whose SMS do not lengthen the resend interval: a client that signs in is not guessing.
EXEMPT_SUCCESSES = 10


@dataclass
class Sends:
    """The SMS of one track and length."""

    intervals: list[int]
    open_code: LoginCode | None = None
    # Whether a code was left open after its time and must be closed.
    has_stale_code: bool = False
    times: list[datetime] = field(default_factory=list)

    def delay(self, now: datetime) -> timedelta:
        """How long the interval after the last SMS still takes. Zero or less means that it is over."""
        # A send time in the future means that the clock was set back. The send counts, but lengthens no delay.
        last = max((sent_at for sent_at in self.times if sent_at <= now), default=None)
        return NO_DELAY if last is None else last + self._interval(len(self.times)) - now

    def send_delay(self, now: datetime) -> timedelta:
        """How long until another SMS may be sent. Zero or less means now.

        A long code is sent again only if it stays open until the SMS after that. Otherwise there would be neither an
        open code nor an SMS for a while, and the owner would be locked out. It can happen when SMS leave the 24 hours:
        that makes the interval shorter while the code is open.
        """
        delay, code = self.delay(now), self.open_code
        if delay > NO_DELAY or code is None or code.length == codes.SHORT:
            return delay
        is_enough = now + self._interval(len(self.times) + 1) <= code.created_at + codes.OPEN_AT_MOST
        return delay if is_enough else code.open_until - now

    def _interval(self, sends: int) -> timedelta:
        """The interval after so many SMS."""
        return timedelta(seconds=self.intervals[min(sends, len(self.intervals)) - 1])


class Track:
    """The codes of a known device of a user (None: of all unknown devices) at one moment.

    `sent` are the SMS of all tracks, because successes count for the phone: a user has any number of devices.

    With `changing_user_id` it is the track of this user's change to the phone. Such a code waits for all SMS to unknown
    devices. A sign-in code does not wait for SMS of changes: otherwise they could keep the phone's owner out.
    """

    def __init__(
        self,
        device: Device | None,
        now: datetime,
        sent: Sequence[tuple[datetime, LoginCode]],
        changing_user_id: int | None = None,
    ) -> None:
        self.device, self.now, self.changing_user_id = device, now, changing_user_id
        intervals = settings.LOGIN_SEND_GAPS[:DEVICE_INTERVALS] if device else settings.LOGIN_SEND_GAPS
        self.by_length = {length: Sends(intervals) for length in codes.LENGTHS}
        # The SMS of 24 hours to all known devices, and the challenges for their codes.
        to_devices = [code for sent_at, code in sent if code.device_id is not None and sent_at > now - DAY]
        self.devices_sends = len(to_devices)
        self.devices_challenges = sum({code.pk: code.challenges for code in to_devices}.values())
        exempt = self._exempt_successes(sent)
        for sent_at, code in sent:
            is_own = code.changing_user_id == changing_user_id
            if code.device_id != (device and device.pk) or not (is_own or changing_user_id):
                continue
            sends = self.by_length[code.length]
            # A success closes all codes of its track at its own time.
            if code.closed_at not in exempt and sent_at > now - DAY:
                sends.times.append(sent_at)
            if not is_own:
                continue
            if code.closed_at is None and code.open_until > now:
                sends.open_code = code
            elif code.closed_at is None:
                sends.has_stale_code = True

    def _exempt_successes(self, sent: Sequence[tuple[datetime, LoginCode]]) -> set[datetime]:
        times = {code.used_at for _, code in sent}
        return set(sorted(time for time in times if time and time > self.now - DAY)[:EXEMPT_SUCCESSES])

    @property
    def is_within_limits(self) -> bool:
        """Whether the SMS and challenges of 24 hours leave the known device its own track."""
        counted_sends = sum(len(sends.times) for sends in self.by_length.values())
        of_all = self.devices_sends < DEVICES_SENDS and self.devices_challenges < DEVICES_CHALLENGES
        return counted_sends < DEVICE_SENDS and of_all
