"""SMS cost limits: what the service spends on SMS, besides the resend interval of one phone.

They protect the bill and are not part of the proof in `risk`. Limits per network are exact. Site-wide limits may be
exceeded by the requests in flight. Demo mode sends nothing and has no cost limits.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network

from django.conf import settings

from users import limit_queries, phones, queries
from users.clock import HOUR, NO_DELAY
from users.models import SiteTotals, User
from users.sms import arrivals

logger = logging.getLogger(__name__)

Network = IPv4Network | IPv6Network

# SMS that one network (an IPv4 address or an IPv6 /64) may cause in an hour.
NETWORK_SENDS = 10

# Challenges that one network may request in an hour.
NETWORK_CHALLENGES = 60

# The share of SMS_PER_DAY that is kept for known devices.
KNOWN_DEVICE_SHARE = 0.1

# `Retry-After` of a refusal by SMS_PER_DAY: its window moves on all the time.
SITE_DELAY = timedelta(minutes=1)

# The age of an SMS at which its code counts as unused.
SETTLED_AFTER = timedelta(minutes=15)

# A country is suspect if it has more than COUNTRY_UNUSED unused codes in 24 hours, and these are also more than
# COUNTRY_SHARE times its used codes.
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


def retry_delays(user: User, address: str | None, *, known: bool, now: datetime) -> RetryDelays:
    """Apply the cost limits to a request from this address.

    For a known device (`known`) only SMS_PER_DAY applies, with its kept share."""
    if settings.DEMO:
        return RetryDelays()
    client_network = network(address) if address else None
    if client_network and not known:
        # Requests of one network are counted one at a time. Parallel ones would each find the limit not reached.
        queries.lock_network(str(client_network[0]))
    counts = _counts(user, client_network, now)
    share = 1 if known else 1 - KNOWN_DEVICE_SHARE
    site = SITE_DELAY if counts.sms_in_a_day >= settings.SMS_PER_DAY * share else NO_DELAY
    if known:
        return RetryDelays(site)
    refuses_suspects = settings.SMS_GUARD == "enforce" and user.verified_at is None
    return RetryDelays(
        site,
        number_prefix=HOUR if counts.is_suspect and refuses_suspects else NO_DELAY,
        network=_until_an_hour_after(counts.limiting_send, now),
        attach=_until_an_hour_after(counts.limiting_challenge, now),
    )


def network(address: str) -> Network:
    """The addresses that count as one client: one customer has a whole IPv6 /64."""
    return ip_network(f"{address}/64" if ":" in address else address, strict=False)


def count_site(now: datetime) -> None:
    """Store the site's totals, and how many SMS arrived. Warn of what has become suspect."""
    before = SiteTotals.objects.first()
    limit_queries.store_totals(
        now, settled=SETTLED_AFTER, country=COUNTRY_UNUSED, share=COUNTRY_SHARE, prefix=PREFIX_UNUSED
    )
    totals = SiteTotals.objects.get()
    _warn("country", totals.suspect_countries, before.suspect_countries if before else [])
    _warn("number prefix", totals.suspect_prefixes, before.suspect_prefixes if before else [])
    arrivals.count(now)


def _until_an_hour_after(limiting: datetime | None, now: datetime) -> timedelta:
    return limiting + HOUR - now if limiting else NO_DELAY


def _counts(user: User, client_network: Network | None, now: datetime) -> limit_queries.CostCounts:
    assert user.phone is not None
    first, last = (client_network[0], client_network[-1]) if client_network else (None, None)
    return limit_queries.cost_counts(
        now,
        first=first,
        last=last,
        sends=NETWORK_SENDS,
        challenges=NETWORK_CHALLENGES,
        most=settings.SMS_PER_DAY,
        country=phones.country(user.phone),
        prefix=phones.prefix(user.phone),
    )


def _warn(kind: str, suspect: list[str], before: list[str]) -> None:
    for name in sorted(set(suspect) - set(before)):
        logger.warning("SMS_GUARD=%s: codes sent to the %s %s are not used", settings.SMS_GUARD, kind, name)
