"""How many of the SMS that gateways took arrived, by gateway and prefix, as far as receipts tell.

The worker counts once a minute. Metrics and the admin show the last count.
"""

import logging
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import msgspec
from django.utils.translation import gettext as _

from users.models import SiteTotals, SmsGateway
from users.sms import gateways, queries

logger = logging.getLogger(__name__)

# Receipts of younger SMS may still come.
SETTLED_AFTER = timedelta(minutes=10)

# SMS from which the share of a prefix says something.
ENOUGH = 10

# SMS of a prefix that a gateway took, and none of them arrived: something is wrong on the way to its network.
SILENT = 5

# A prefix is a number without its last seven digits, +7999 for +79991234567: in most countries a network or a region.
# Deliveries store it with three digits more. With these, a label would complete a masked phone number.
REST_DIGITS = 3

# Each is a label of Prometheus.
MAX_GROUPS = 50


@dataclass(frozen=True)
class Arrival:
    """SMS of 24 hours through one gateway to numbers with one prefix, or to all numbers if it is empty."""

    gateway: str
    prefix: str
    accepted: int
    delivered: int
    # The median from the gateway's acceptance to the receipt. None if nothing was delivered.
    seconds: float | None

    def __str__(self) -> str:
        """As operators read it, in the current language."""
        said: dict[str, object] = {"share": int(self.share * 100), "accepted": self.accepted}
        if self.seconds is None:
            return _("%(share)d%% of %(accepted)d SMS") % said
        said["seconds"] = max(1, round(self.seconds))
        return _("%(share)d%% of %(accepted)d SMS, half within %(seconds)d s") % said

    @property
    def share(self) -> float:
        return self.delivered / self.accepted

    @property
    def is_silent(self) -> bool:
        """Whether the SMS to this prefix seem to vanish."""
        return bool(self.prefix) and self.accepted >= SILENT and not self.delivered


def count(now: datetime) -> None:
    """Store the arrivals of the last 24 hours with the site's totals. Warn of prefixes that have become silent."""
    before = {(one.gateway, one.prefix) for one in last() if one.is_silent}
    found = [Arrival(*row) for row in queries.arrivals(
        now, settled=SETTLED_AFTER, rest=REST_DIGITS, enough=ENOUGH, silent=SILENT, limit=MAX_GROUPS
    )]  # fmt: skip
    SiteTotals.objects.update(arrivals=[asdict(one) for one in found])
    # So that the admin lists gateways that never failed, too.
    listed = {*gateways.names(), *(one.gateway for one in found if not one.prefix)}
    SmsGateway.objects.bulk_create([SmsGateway(name=name) for name in sorted(listed)], ignore_conflicts=True)
    for one in found:
        if one.is_silent and (one.gateway, one.prefix) not in before:
            what = "gateway %s took %d SMS to %s… in 24 hours, and none was delivered"
            logger.warning(what, one.gateway, one.accepted, one.prefix)


def last() -> list[Arrival]:
    """The last count: first all SMS of each gateway, then those of its prefixes."""
    totals = SiteTotals.objects.first()
    return stored(totals.arrivals if totals else None)


def stored(arrivals: object) -> list[Arrival]:
    """The arrivals in a stored list. A later version may have stored more of each, which is ignored."""
    return msgspec.convert(arrivals or [], list[Arrival])


def of(arrivals: Iterable[Arrival], gateway: str, number_prefix: str = "") -> Arrival | None:
    """The arrivals of this gateway to all numbers, or to those with the prefix of a delivery."""
    prefix = number_prefix[:-REST_DIGITS]
    return next((one for one in arrivals if (one.gateway, one.prefix) == (gateway, prefix)), None)
