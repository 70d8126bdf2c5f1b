"""How little guessing can achieve: the risk weights that decide between a short code and a long one.

Theorem. Against an attacker without a device token of the phone, but with any number of network addresses:

1. one phone is taken over with a probability of at most 0.1 % in any 24 hours, and of 0.16 % plus the part of long
   codes in 30 days;
2. on the whole site at most 0.1 accounts are taken over in any 24 hours (or 5·10⁻⁶ per user signed in, if more).

An attacker can guess only at codes of the unknown-device track. Codes by which users change to the phone are counted
with it: guessing one is no better than guessing the code of a sign-up. Each guess consumes an attempt of its challenge,
at most MAX_ATTEMPTS = 3 of them, by a statement that commits before the comparison.

The *risk weight* of a challenge is 3 from its issue until its code's end, whether or not its attempts are used. After
that it is the number of its wrong guesses, for 24 hours (and for 30 days). A challenge for a short code is issued only
while the phone's risk weight is at most 3 in 24 hours and 9 in 30 days, and the site's is at most 497 in 24 hours.

*At most 6 guesses at short codes of a phone in any 24 hours.* Take any window of 24 hours and all challenges that made
a guess in it. Let L be the one issued last. When L was issued, each other challenge had a weight of at least the number
of its guesses. If its code was valid, the weight was 3. If its code had ended, the weight was the number of its wrong
guesses, which still counted, because the code ended inside the window. The sum was at most 3, and L adds at most 3.
With 9 in place of 3 there are at most 12 guesses in any 30 days. With 497 there are at most 500 on the site, and 3 more
for each request in flight at that moment.

*A guess at n digits succeeds with probability 10⁻ⁿ*, whatever was guessed before. For one phone and 24 hours:

    short:  6 × 10⁻⁴                              = 6.0·10⁻⁴
    long:   1.2·10⁶ challenges × 3 × 10⁻¹⁰        = 3.6·10⁻⁴      together 9.6·10⁻⁴ < 0.1 %

The limit of long-code challenges follows from the same argument. Reaching it takes 834 addresses with 60 challenges an
hour each. For the site 500 × 10⁻⁴ = 0.05 accounts, which leaves just under 0.05 for long codes: 5·10⁸ guesses, or
1,900 sign-ups in every second of the day. If more than 16,567 users sign in a day, the limit of 497 becomes 3 % of
them: 3·10⁻⁶ each.

*Races cannot break it.* A sign-up holds the lock on the user's row, so one transaction at a time reads the weights of a
phone and adds to them. A guess takes no lock and needs none. While the code is valid, its challenge weighs 3 anyway.
After the code's end a guess in flight signs nobody in, because marking a code as used takes the same lock and reads the
database's clock again. Weights are rows. They outlive every process, and only time lowers them.

*A success removes the wrong guesses that showed the id of its own challenge.* They were typing errors of whoever has
the code: nobody else knows that id. Guesses that found the challenge by phone and address may be of a stranger who
shares the address. They stay, and a success by phone removes nothing but itself. Guesses at one phone are counted until
the first takeover, so its bound stays. On the site each takeover frees at most 3 guesses for the attacker, so the
expected number E of takeovers in 24 hours from short codes is at most 10⁻⁴ × (500 + 3·E), which is below 0.0501.

*A repeated log-in adds no guess.* For ten seconds after a success, the challenge that succeeded can be answered again,
with the attempts left to it, unless it succeeded by phone. Only its holder knows its id of 128 random bits, and its
holder knows the code. An attacker's own challenge has succeeded only if the attacker has guessed already.

The numbers are constants on purpose, not settings. Demo mode shows the code to every caller and has no risk limits.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from users import limit_queries
from users.limit_queries import History, RiskWeights
from users.login import codes
from users.models import Device, User

# The risk weights of a phone's unknown-device track up to which the next challenge may be for a short code.
PHONE_DAY, PHONE_MONTH = 3, 9

# The same for all phones together: SITE_DAY, or SITE_SHARE of the users who sign in on a day if that is more.
SITE_DAY, SITE_SHARE = 497, 0.03

# The maximum risk weights of one known device, the next challenge included.
DEVICE_DAY, DEVICE_MONTH = 10, 20

# Challenges for long codes of one phone's unknown-device track in 24 hours.
LONG_CHALLENGE_LIMIT = 1_200_000


class LongCodeReason(models.TextChoices):
    """Why a track gets a long code: a risk weight over a limit of the phone or the site, or the user's role."""

    DAY = "day", _("too many requests and wrong guesses in 24 hours")
    MONTH = "month", _("too many requests and wrong guesses in 30 days")
    SITE = "site", _("too many requests and wrong guesses on the whole site")
    NETWORK = "network", _("too many requests and wrong guesses from one network")
    OPERATOR = "operator", _("operators get long codes on new devices")


@dataclass(frozen=True)
class AllowedCodes:
    """The codes that may be issued now in one track of a phone."""

    long_code_reasons: tuple[LongCodeReason, ...] = ()
    long: bool = True

    @property
    def short(self) -> bool:
        return not self.long_code_reasons


def site_limit(people_a_day: float) -> int:
    """The risk weight of the whole site beyond which unknown devices get long codes."""
    return max(SITE_DAY, math.floor(SITE_SHARE * people_a_day))


def history(user_ids: Sequence[int], device: Device | None, now: datetime, people_a_day: float) -> History:
    """What was sent to these users, and the risk weights of a track. Call it with the user's row locked."""
    device_id, site = device.pk if device else None, site_limit(people_a_day)
    return limit_queries.history(user_ids, device_id, now, weight=codes.MAX_ATTEMPTS, site=site)


def for_unknown_devices(user: User, weights: RiskWeights, network_allows_short: bool) -> AllowedCodes:
    """The codes allowed for unknown devices of this user."""
    if settings.DEMO:
        return AllowedCodes()
    reasons = {
        LongCodeReason.DAY: weights.day > PHONE_DAY,
        LongCodeReason.MONTH: weights.month > PHONE_MONTH,
        LongCodeReason.SITE: not weights.site_allows,
        LongCodeReason.NETWORK: not network_allows_short,
        LongCodeReason.OPERATOR: user.is_staff or user.is_superuser,
    }
    return AllowedCodes(_true(reasons), long=weights.long_challenges < LONG_CHALLENGE_LIMIT)


def for_device(weights: RiskWeights) -> AllowedCodes:
    """The codes allowed for a known device."""
    if settings.DEMO:
        return AllowedCodes()
    reasons = {
        LongCodeReason.DAY: weights.day + codes.MAX_ATTEMPTS > DEVICE_DAY,
        LongCodeReason.MONTH: weights.month + codes.MAX_ATTEMPTS > DEVICE_MONTH,
    }
    return AllowedCodes(_true(reasons))


def _true(reasons: dict[LongCodeReason, bool]) -> tuple[LongCodeReason, ...]:
    return tuple(reason for reason, holds in reasons.items() if holds)
