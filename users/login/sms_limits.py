"""Money guards: limits on what the service spends on SMS, on top of the gaps between two SMS to one phone.

They are politeness towards the bill, not part of the proof in `budget`. Limits of an address are exact; those of the
site may be overshot by the requests that are being answered. Demo mode pays for nothing and has no guards.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from django.conf import settings

from users import phones, sql
from users.clock import DAY, HOUR, NO_DELAY
from users.models import SiteTotals, User

logger = logging.getLogger(__name__)

Network = IPv4Network | IPv6Network

# SMS that one network address (IPv4 /32, IPv6 /64) may cause in an hour.
ADDRESS_SENDS = 10

# Challenges that it may be given in an hour.
ADDRESS_CHALLENGES = 60

# Of SMS_PER_DAY, the share that is kept for known devices.
KNOWN_SHARE = 0.1

# When to ask again after a refusal for the site's sake: its window moves on all the time.
SITE_WAIT = timedelta(minutes=1)

# How long after its SMS a code that was not used is taken for one that will not be.
SETTLED_AFTER = timedelta(minutes=15)

# Unused codes in 24 h up to which a country is not suspect: a number, or a share of the used ones, if more.
COUNTRY_UNUSED, COUNTRY_SHARE = 20, 0.3

# The same in an hour for one block of numbers (all but the last four digits), as dishonest carriers pump them.
PREFIX_UNUSED = 10


@dataclass(frozen=True)
class RetryDelays:
    """How long until each guard lets the asker cause an SMS, and until they may join a code; zero means now."""

    site: timedelta = NO_DELAY
    block: timedelta = NO_DELAY
    address: timedelta = NO_DELAY
    join: timedelta = NO_DELAY

    @property
    def send(self) -> timedelta:
        return max(self.site, self.block, self.address)


_SMS_IN_A_DAY = """(SELECT COUNT(*)
          FROM (SELECT FROM users_smsdelivery
                 WHERE created_at > COALESCE((SELECT counted_at FROM users_sitetotals), %(now)s - %(day)s)
                   AND created_at > %(now)s - %(day)s
                 ORDER BY created_at DESC LIMIT %(most)s) AS sms)
       + COALESCE((SELECT sms_in_a_day FROM users_sitetotals), 0)"""

# The inner lists are short, and OFFSET 0 has them made first: walking back through everybody's last hour takes longer.
_COUNTS = f"""
SELECT (SELECT created_at
          FROM (SELECT created_at FROM users_smsdelivery
                 WHERE asked_from BETWEEN %(first)s AND %(last)s AND created_at > %(now)s - %(hour)s OFFSET 0) AS sms
         ORDER BY created_at DESC OFFSET %(sends)s - 1 LIMIT 1),
       (SELECT created_at
          FROM (SELECT challenge.created_at FROM users_challenge AS challenge
                  JOIN users_logincode AS code ON code.id = challenge.login_code_id AND code.device_id IS NULL
                 WHERE challenge.address BETWEEN %(first)s AND %(last)s
                   AND challenge.created_at > %(now)s - %(hour)s OFFSET 0) AS asked
         ORDER BY created_at DESC OFFSET %(challenges)s - 1 LIMIT 1),
       {_SMS_IN_A_DAY},
       EXISTS (SELECT FROM users_sitetotals
                WHERE suspect_countries ? %(country)s OR suspect_prefixes ? %(prefix)s)
"""  # noqa: S608


def retry_delays(user: User, address: str | None, *, known: bool, now: datetime) -> RetryDelays:
    """What the guards say to this asker; `known` tells that the SMS goes to a known device, which they exempt."""
    if settings.DEMO:
        return RetryDelays()
    asking = network(address) if address else None
    if asking and not known:
        _wait_for_others_of(asking)
    sent, asked, sms_in_a_day, suspect = _counts(user, asking, now)
    share = 1 if known else 1 - KNOWN_SHARE
    site = SITE_WAIT if sms_in_a_day >= settings.SMS_PER_DAY * share else NO_DELAY
    if known:
        return RetryDelays(site)
    block = HOUR if suspect and settings.SMS_GUARD == "enforce" and user.verified_at is None else NO_DELAY
    return RetryDelays(site, block, address=_until(sent, now), join=_until(asked, now))


def _until(oldest_counted: datetime | None, now: datetime) -> timedelta:
    return oldest_counted + HOUR - now if oldest_counted else NO_DELAY


_WAIT_FOR_OTHERS = "SELECT pg_advisory_xact_lock(hashtextextended('asking network', hashtext(%s)))"


def _wait_for_others_of(asking: Network) -> None:
    """One at a time of a network, until the transaction ends: else many at once would each find the limit unmet."""
    sql.execute(_WAIT_FOR_OTHERS, [str(asking[0])])


def _counts(user: User, asking: Network | None, now: datetime) -> tuple[datetime | None, datetime | None, int, bool]:
    assert user.phone is not None
    first, last = (asking[0], asking[-1]) if asking else (None, None)
    values: dict[str, Any] = {"first": first, "last": last, "now": now, "hour": HOUR, "day": DAY}
    values |= {"sends": ADDRESS_SENDS, "challenges": ADDRESS_CHALLENGES, "most": settings.SMS_PER_DAY}
    values |= {"country": phones.country(user.phone), "prefix": phones.prefix(user.phone)}
    sent, asked, sms_in_a_day, suspect = sql.fetch_one(_COUNTS, values)
    return sent, asked, sms_in_a_day, suspect


def sms_in_a_day(now: datetime) -> int:
    """SMS asked for on the whole site in the last 24 hours; those of the last minute up to SMS_PER_DAY."""
    values: dict[str, Any] = {"now": now, "day": DAY, "most": settings.SMS_PER_DAY}
    return int(sql.fetch_one(f"SELECT {_SMS_IN_A_DAY}", values)[0])


def network(address: str) -> Network:
    """The addresses that are counted as one: of IPv6, where one customer has billions, a /64."""
    return ip_network(f"{address}/64" if ":" in address else address, strict=False)


_TOTALS = """
WITH sms AS (
    SELECT delivery.country, delivery.prefix, delivery.created_at, code.used_at IS NOT NULL AS used
      FROM users_smsdelivery AS delivery JOIN users_logincode AS code ON code.id = delivery.login_code_id
     WHERE delivery.created_at > %(now)s - %(day)s AND delivery.created_at <= %(now)s
), country AS (
    SELECT country FROM sms WHERE created_at <= %(now)s - %(settled)s GROUP BY country
    HAVING COUNT(*) FILTER (WHERE NOT used) > GREATEST(%(country)s, %(share)s * COUNT(*) FILTER (WHERE used))
), block AS (
    SELECT prefix FROM sms
     WHERE created_at > %(now)s - %(hour)s AND created_at <= %(now)s - %(settled)s AND NOT used AND prefix <> ''
     GROUP BY prefix HAVING COUNT(*) > %(prefix)s
)
INSERT INTO users_sitetotals (id, counted_at, people_a_day, sms_in_a_day, suspect_countries, suspect_prefixes)
SELECT 1, %(now)s,
       (SELECT COUNT(DISTINCT (user_id, used_at::date)) / 7.0 FROM users_logincode
         WHERE used_at > %(now)s - 7 * %(day)s AND created_at > %(now)s - 8 * %(day)s),
       (SELECT COUNT(*) FROM sms),
       (SELECT COALESCE(jsonb_agg(country ORDER BY country), '[]') FROM country),
       (SELECT COALESCE(jsonb_agg(prefix ORDER BY prefix), '[]') FROM block)
ON CONFLICT (id) DO UPDATE SET counted_at = EXCLUDED.counted_at, people_a_day = EXCLUDED.people_a_day,
   sms_in_a_day = EXCLUDED.sms_in_a_day, suspect_countries = EXCLUDED.suspect_countries,
   suspect_prefixes = EXCLUDED.suspect_prefixes
WHERE users_sitetotals.counted_at < EXCLUDED.counted_at
   OR users_sitetotals.counted_at > EXCLUDED.counted_at + 5 * interval '1 minute' -- the clock was set back
"""


def count(now: datetime) -> None:
    """Write the site's totals, and warn of countries and number blocks that have newly become suspect."""
    before = SiteTotals.objects.first()
    values: dict[str, Any] = {"now": now, "hour": HOUR, "day": DAY, "settled": SETTLED_AFTER}
    values |= {"country": COUNTRY_UNUSED, "share": COUNTRY_SHARE, "prefix": PREFIX_UNUSED}
    sql.execute(_TOTALS, values)
    totals = SiteTotals.objects.get()
    _warn("country", totals.suspect_countries, before.suspect_countries if before else [])
    _warn("block of numbers", totals.suspect_prefixes, before.suspect_prefixes if before else [])


def _warn(kind: str, suspect: list[str], before: list[str]) -> None:
    for name in sorted(set(suspect) - set(before)):
        logger.warning("SMS guard (%s): codes sent to the %s %s are not used", settings.SMS_GUARD, kind, name)
