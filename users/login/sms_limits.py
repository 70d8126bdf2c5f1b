"""SMS cost limits: what the service spends on SMS, besides the resend interval of one phone.

They protect the bill and are not part of the proof in `risk`. Limits per network are exact. Site-wide limits may be
exceeded by the requests in flight. Demo mode sends nothing and has no cost limits.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from users import limit_queries, network_queries, phones
from users.clock import HOUR, NO_DELAY
from users.login import networks
from users.login.networks import NO_LIMITS_REACHED, NetworkDelays
from users.models import SiteTotals
from users.sms import arrivals

logger = logging.getLogger(__name__)

# The share of SMS_PER_DAY that is kept for known devices.
KNOWN_DEVICE_SHARE = 0.1

# The share of SMS_PER_DAY from which operators are warned that other devices may soon get none.
NEARLY_ALL = 0.8

# `Retry-After` of a refusal by SMS_PER_DAY: its window moves on all the time.
SITE_DELAY = timedelta(minutes=1)

# The age of an SMS at which its code counts as unused.
SETTLED_AFTER = timedelta(minutes=15)

# A country is suspect if the unused codes of 24 hours come from more than COUNTRY_UNUSED networks, and these are also
# more than COUNTRY_SHARE times its used codes. Each network counts once: with the 40 unused SMS that it may cause in a
# day, one client would close a country to all new users. What few networks may cause, their own limits bound.
COUNTRY_UNUSED, COUNTRY_SHARE = 20, 0.3

# The same in an hour for one number prefix (all but the last four digits): fraudulent carriers pump SMS to them.
PREFIX_UNUSED = 10


@dataclass(frozen=True)
class RetryDelays:
    """How long until each limit allows the client an SMS, or to attach to an open code. Zero means now."""

    site: timedelta = NO_DELAY
    number_prefix: timedelta = NO_DELAY
    network: timedelta = NO_DELAY
    attach: timedelta = NO_DELAY

    @property
    def send(self) -> timedelta:
        return max(self.site, self.number_prefix, self.network)


@dataclass(frozen=True)
class SmsCosts:
    """What the SMS cost limits say about a request before anything is known of the phone's user."""

    # When they were counted. None in demo mode, which has no cost limits.
    now: datetime | None
    network: NetworkDelays = NO_LIMITS_REACHED
    sms_in_a_day: int = 0
    is_suspect: bool = False
    people_a_day: float = 0

    def delays(self, *, known: bool, verified: bool) -> RetryDelays:
        """Apply the limits. For a known device only SMS_PER_DAY applies, with its kept share."""
        if self.now is None:
            return RetryDelays()
        share = 1 if known else 1 - KNOWN_DEVICE_SHARE
        site = SITE_DELAY if self.sms_in_a_day >= settings.SMS_PER_DAY * share else NO_DELAY
        if known:
            return RetryDelays(site)
        refuses = self.is_suspect and settings.SMS_GUARD == "enforce" and not verified
        return RetryDelays(site, HOUR if refuses else NO_DELAY, self.network.send, self.network.attach)

    @property
    def may_refuse(self) -> bool:
        """Whether a limit is reached for a stranger to this phone."""
        delays = self.delays(known=False, verified=False)
        return max(delays.send, delays.attach) > NO_DELAY


def costs(phone: str, address: str | None, now: datetime | None = None) -> SmsCosts:
    """Count what the limits need for a request for this phone from this address, at `now` or at the database's time.

    The networks of the address are locked until the transaction ends: parallel requests would each find a limit not
    reached.
    """
    if settings.DEMO:
        return SmsCosts(None)
    own = networks.containing(address) if address else []
    now, site, stored = network_queries.lock_and_count(
        [network.addresses for network in own],
        now,
        most=settings.SMS_PER_DAY,
        country=phones.country(phone),
        prefix=phones.prefix(phone),
    )
    return SmsCosts(now, networks.delays(own, stored, phone, now), *site)


def count_site(now: datetime) -> None:
    """Store the totals of the site and of its networks, and how many SMS arrived. Warn of what has become suspect."""
    before = SiteTotals.objects.first()
    with transaction.atomic():
        newer = limit_queries.store_totals(
            now,
            settled=SETTLED_AFTER,
            country=COUNTRY_UNUSED,
            share=COUNTRY_SHARE,
            prefix=PREFIX_UNUSED,
        )
        if newer:
            network_queries.store_totals(now)
    totals = SiteTotals.objects.get()
    _warn("country", totals.suspect_countries, before.suspect_countries if before else [])
    _warn("number prefix", totals.suspect_prefixes, before.suspect_prefixes if before else [])
    arrivals.count(now)


def _warn(kind: str, suspect: list[str], before: list[str]) -> None:
    for name in sorted(set(suspect) - set(before)):
        logger.warning("SMS_GUARD=%s: codes sent to the %s %s are not used", settings.SMS_GUARD, kind, name)
