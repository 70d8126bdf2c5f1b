"""Limits by network: what the clients of one network may cause together.

A network is an IPv4 address, or each of the /64, /56 and /48 of an IPv6 address: one customer may have any of them. The
limits of a network grow with the phones that its people verify: the many people behind one address of a mobile carrier
raise them. Ten verified phones allow one SMS more in an hour, and three in a day. Known devices are exempt.

The constants here are for a network without verified phones. `…_BY_VERIFIED` is what each phone adds that was verified
in the last 24 hours.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network

from django.conf import settings

from users import network_queries
from users.clock import HOUR, NO_DELAY
from users.network_queries import LiveCounts, StoredCounts

# The lengths of the prefixes that count as networks, each with the factor of the fixed parts of its limits.
IPV4_FACTORS = {32: 1}
IPV6_FACTORS = {64: 1, 56: 2, 48: 4}

# SMS in an hour whose codes were not used.
UNUSED_SMS_IN_AN_HOUR = 10
UNUSED_SMS_IN_AN_HOUR_BY_VERIFIED = 0.1

# SMS in 24 hours whose codes were not used.
UNUSED_SMS_IN_A_DAY = 40
UNUSED_SMS_IN_A_DAY_BY_VERIFIED = 0.3
# The limit of 24 hours is never more than this share of SMS_PER_DAY, however many phones are verified.
UNUSED_SMS_IN_A_DAY_SHARE = 0.1

# Challenges in an hour.
CHALLENGES = 60
CHALLENGES_BY_VERIFIED = 6

# Challenges in an hour for one phone. Verified phones add nothing.
CHALLENGES_OF_PHONE = 60

# The risk weight in 24 hours up to which the next code may be short.
SHORT_WEIGHT = 30
SHORT_WEIGHT_BY_VERIFIED = 0.1
# The most that all verified phones together add.
SHORT_WEIGHT_ADDED = 250

# `Retry-After` if an SMS is allowed as soon as the codes that were just sent are used. People take about half a minute
# to type one.
PENDING_DELAY = timedelta(seconds=30)

# `Retry-After` if phones that are just being verified would raise the limit. They are counted once a minute.
RECOUNT_DELAY = timedelta(minutes=1)

# `Retry-After` if the limit of 24 hours is reached. SMS leave this window slowly.
DAY_DELAY = HOUR


@dataclass(frozen=True)
class Network:
    """Addresses that count as one client, and the factor of the fixed parts of their limits."""

    addresses: IPv4Network | IPv6Network
    factor: int

    @property
    def first(self) -> str:
        return str(self.addresses[0])

    @property
    def last(self) -> str:
        return str(self.addresses[-1])


@dataclass(frozen=True)
class Limits:
    """The limits of one network now."""

    unused_sms_in_an_hour: int
    unused_sms_in_a_day: int
    challenges: int
    short_weight: int


@dataclass(frozen=True)
class NetworkDelays:
    """What the limits of its networks allow a client."""

    # How long until the client may have an SMS sent, and until it may attach to an open code. Zero means now.
    send: timedelta = NO_DELAY
    attach: timedelta = NO_DELAY
    # Whether the next code may be short.
    allows_short: bool = True


NO_LIMITS_REACHED = NetworkDelays()


def containing(address: str) -> list[Network]:
    """The networks of this address, widest first: in this order they are locked."""
    lengths = IPV6_FACTORS if ":" in address else IPV4_FACTORS
    return [
        Network(ip_network(f"{address}/{length}", strict=False), factor) for length, factor in sorted(lengths.items())
    ]


def limits(factor: int, verified: int) -> Limits:
    """The limits of a network with this many verified phones in 24 hours."""
    return Limits(
        unused_sms_in_an_hour=UNUSED_SMS_IN_AN_HOUR * factor + int(UNUSED_SMS_IN_AN_HOUR_BY_VERIFIED * verified),
        unused_sms_in_a_day=min(
            UNUSED_SMS_IN_A_DAY * factor + int(UNUSED_SMS_IN_A_DAY_BY_VERIFIED * verified),
            max(1, int(UNUSED_SMS_IN_A_DAY_SHARE * settings.SMS_PER_DAY)),
        ),
        challenges=CHALLENGES * factor + CHALLENGES_BY_VERIFIED * verified,
        short_weight=SHORT_WEIGHT * factor + min(int(SHORT_WEIGHT_BY_VERIFIED * verified), SHORT_WEIGHT_ADDED),
    )


def delays(networks: list[Network], stored: list[StoredCounts], phone: str, now: datetime) -> NetworkDelays:
    """Apply the limits to a request for this phone by a client of these networks. Call it with them locked."""
    if not networks:
        return NO_LIMITS_REACHED
    allowed = [limits(network.factor, counts.verified_phones) for network, counts in zip(networks, stored, strict=True)]
    live = network_queries.live_counts(
        [network.addresses for network in networks],
        now,
        sends=[each.unused_sms_in_an_hour for each in allowed],
        challenges=[each.challenges for each in allowed],
        of_phone=CHALLENGES_OF_PHONE,
        phone=phone,
        through=stored[0].through,
        recount=RECOUNT_DELAY,
    )
    counted = list(zip(allowed, stored, live, strict=True))
    return NetworkDelays(
        send=max(_send_delay(*counts, now) for counts in counted),
        attach=max(_attach_delay(*counts, now) for counts in counted),
        allows_short=all(
            before.short_weight + lately.recent_weight <= each.short_weight for each, before, lately in counted
        ),
    )


def _send_delay(allowed: Limits, stored: StoredCounts, live: LiveCounts, now: datetime) -> timedelta:
    in_a_day = stored.unused_sms + live.recent_sms
    delay = _until_an_hour_after(live.limiting_sms, now)
    if in_a_day >= allowed.unused_sms_in_a_day:
        delay = max(delay, DAY_DELAY)
    below_without_pending = (
        live.sms - live.pending_sms < allowed.unused_sms_in_an_hour
        and in_a_day - live.pending_sms < allowed.unused_sms_in_a_day
    )
    return min(delay, PENDING_DELAY) if below_without_pending else delay


def _attach_delay(allowed: Limits, stored: StoredCounts, live: LiveCounts, now: datetime) -> timedelta:
    delay = _until_an_hour_after(live.limiting_challenge, now)
    if live.challenges < allowed.challenges + CHALLENGES_BY_VERIFIED * live.hopeful_challenges:
        delay = min(delay, RECOUNT_DELAY)
    return max(delay, _until_an_hour_after(live.limiting_of_phone, now))


def _until_an_hour_after(limiting: datetime | None, now: datetime) -> timedelta:
    return limiting + HOUR - now if limiting else NO_DELAY
