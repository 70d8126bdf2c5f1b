"""How little guessing can win: the weights that decide between a short code and a long one.

Theorem. Against anyone without a device token of the phone, with any number of network addresses:

1. one phone is taken over with a chance of at most 0.1 % in any 24 hours, and 0.16 % plus long codes' part in 30 days;
2. on the whole site at most 0.1 accounts are taken over in any 24 hours (or 5·10⁻⁶ per person signed in, if more).

Only codes of the unknown lane (no known device) can be guessed at, and each guess is charged to its challenge, at most
MAX_ATTEMPTS = 3 of them, by a statement that commits before the comparison.

A challenge *weighs* 3 from its issue until its code's end, whatever it has spent, and from then on its wrong guesses,
for 24 hours (and for 30 days). It is issued for a short code only while the phone's weights are at most 3 in 24 hours
and 9 in 30 days, and the site's at most 497 in 24 hours.

*At most 6 guesses at short codes of a phone in any 24 hours.* Take the last challenge issued of all those that guess
within the window. When it was issued, every other one of them weighed at least what it guesses: 3 if its code was still
valid; else its wrong guesses, and they still counted, because its code ended after the window began. Together that was
at most 3; the last one adds at most 3. With 9 in place of 3 it is 12 in any 30 days, and with 497 it is 500 on the site
(and 3 more for each request that was being answered at that moment).

*A guess at n digits hits with 10⁻ⁿ*, whatever was guessed before; so for one phone and 24 hours

    short:  6 × 10⁻⁴                              = 6.0·10⁻⁴
    long:   1.2·10⁶ challenges × 3 × 10⁻¹⁰        = 3.6·10⁻⁴      together 9.6·10⁻⁴ < 0.1 %

(the ceiling on long challenges by the same argument; it takes 800 addresses at 60 challenges an hour to get there), and
for the site 500 × 10⁻⁴ = 0.05 accounts, which leaves 0.05 for long codes: 5·10⁸ guesses, 1900 sign-ups every second of
the day. On a site where more than 16 567 people sign in a day the bound of 497 is 3 % of them: 3·10⁻⁶ each.

Why races cannot break it: who asks holds the lock on the person's row, so weights of one phone are read and added to
by one transaction at a time. A guess takes no lock, and need not: while the code is valid its challenge weighs 3
anyway, and after the code's end a guess still on its way signs nobody in, for using a code takes the same lock and
looks at the database's clock again. Weights are rows; they outlive any process, and only time lowers them.

The numbers are constants on purpose, not settings. Demo mode tells the code to whoever asks and has no budget.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.conf import settings

from users import sql
from users.clock import DAY
from users.login import codes
from users.models import Device, User

MONTH = timedelta(days=30)

# The weights of a phone's unknown lane up to which the next challenge may be for a short code.
PHONE_DAY, PHONE_MONTH = 3, 9

# The same for all phones together: a number, or a share of the people who sign in on a day, whichever is more.
SITE_DAY, SITE_SHARE = 497, 0.03

# What the challenges of one known device may weigh at most, the next one included.
DEVICE_DAY, DEVICE_MONTH = 10, 20

# Challenges for long codes of one phone's unknown lane in 24 hours.
LONG_CHALLENGE_LIMIT = 1_200_000


class LongCodeReason(StrEnum):
    """What keeps a lane from another short code."""

    DAY = "day"
    MONTH = "month"
    SITE = "site"
    OPERATOR = "operator"


@dataclass(frozen=True)
class AllowedCodes:
    """What may be issued now in one lane of a phone."""

    bars: tuple[LongCodeReason, ...] = ()
    long: bool = True

    @property
    def short(self) -> bool:
        return not self.bars


_LANE = """
SELECT COALESCE(SUM(weight) FILTER (WHERE expires_at > %(now)s - %(day)s), 0) AS day,
       COALESCE(SUM(weight), 0) AS month
  FROM (SELECT expires_at, CASE WHEN expires_at > %(now)s THEN %(weight)s * challenges ELSE wrong END AS weight
          FROM users_logincode
         WHERE user_id = %(user)s AND device_id IS NOT DISTINCT FROM %(device)s AND digits = %(short)s
           AND expires_at > %(now)s - %(month)s AND created_at > %(now)s - %(month)s - %(day)s) AS code
"""

# Every row of the two inner lists weighs at least 1, so they need not be longer than the limit; they are ordered only
# to keep PostgreSQL on their partial indexes.
_SITE_WEIGHTS = f"""
WITH limits AS (
    SELECT GREATEST(%(site)s, (SELECT FLOOR(%(share)s * people_a_day) FROM users_sitetotals))::bigint AS site
), valid AS (
    SELECT %(weight)s * challenges AS weight FROM users_logincode
     WHERE digits = {codes.SHORT} AND device_id IS NULL AND expires_at > %(now)s
     ORDER BY expires_at DESC LIMIT (SELECT site + 1 FROM limits)
), guessed AS (
    SELECT wrong AS weight FROM users_logincode
     WHERE digits = {codes.SHORT} AND device_id IS NULL AND wrong > 0
       AND expires_at > %(now)s - %(day)s AND expires_at <= %(now)s
     ORDER BY expires_at DESC LIMIT (SELECT site + 1 FROM limits)
)
"""  # noqa: S608 - a constant, for the partial indexes are known by it

_SITE = f"""{_SITE_WEIGHTS}
SELECT COALESCE(SUM(weight), 0) <= (SELECT site FROM limits) FROM (TABLE valid UNION ALL TABLE guessed) AS code
"""  # noqa: S608

_SITE_WEIGHT = f"""{_SITE_WEIGHTS}
SELECT COALESCE(SUM(weight), 0), (SELECT site FROM limits) FROM (TABLE valid UNION ALL TABLE guessed) AS code
"""  # noqa: S608

_LONG_CHALLENGES = """
SELECT COALESCE(SUM(challenges), 0) FROM users_logincode
 WHERE user_id = %(user)s AND device_id IS NULL AND digits = %(long)s
   AND expires_at > %(now)s - %(day)s AND created_at > %(now)s - %(day)s - %(day)s
"""

_UNKNOWN = f"SELECT phone.day, phone.month, ({_SITE}), ({_LONG_CHALLENGES}) FROM ({_LANE}) AS phone"  # noqa: S608


def for_unknown_devices(user: User, now: datetime) -> AllowedCodes:
    """What may be issued to a device that is not known. Call it with the person's row locked."""
    if settings.DEMO:
        return AllowedCodes()
    constants = {"site": SITE_DAY, "share": SITE_SHARE, "long": codes.LONG}
    day, month, site_allows, long_challenges = _one(_UNKNOWN, user, None, now, **constants)
    bars = {
        LongCodeReason.DAY: day > PHONE_DAY,
        LongCodeReason.MONTH: month > PHONE_MONTH,
        LongCodeReason.SITE: not site_allows,
        LongCodeReason.OPERATOR: user.is_staff or user.is_superuser,
    }
    return AllowedCodes(_up(bars), long=long_challenges < LONG_CHALLENGE_LIMIT)


def for_device(user: User, device: Device, now: datetime) -> AllowedCodes:
    """What may be issued to a known device. Call it with the person's row locked."""
    if settings.DEMO:
        return AllowedCodes()
    day, month = (weight + codes.MAX_ATTEMPTS for weight in _one(_LANE, user, device, now))
    return AllowedCodes(_up({LongCodeReason.DAY: day > DEVICE_DAY, LongCodeReason.MONTH: month > DEVICE_MONTH}))


def site_weight(now: datetime) -> tuple[int, int]:
    """What the short codes of all phones weigh, counted a little beyond the limit at most; and the limit."""
    values: dict[str, Any] = {"site": SITE_DAY, "share": SITE_SHARE, "weight": codes.MAX_ATTEMPTS}
    weight, limit = sql.fetch_one(_SITE_WEIGHT, values | {"now": now, "day": DAY})
    return int(weight), int(limit)


def _up(bars: dict[LongCodeReason, bool]) -> tuple[LongCodeReason, ...]:
    return tuple(bar for bar, is_up in bars.items() if is_up)


def _one(statement: str, user: User, device: Device | None, now: datetime, **more: object) -> tuple[Any, ...]:
    values: dict[str, Any] = {"user": user.pk, "device": device and device.pk, "now": now, "day": DAY, "month": MONTH}
    values |= {"weight": codes.MAX_ATTEMPTS, "short": codes.SHORT, **more}
    return sql.fetch_one(statement, values)
