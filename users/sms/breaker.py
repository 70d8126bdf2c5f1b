"""A circuit breaker for each gateway, shared by all workers through the database.

After FAILURES in a row a gateway is skipped for FIRST_SKIP. Then one send tries it again: if that fails too, it is
skipped for twice as long as before, up to LONGEST_SKIP; any success makes it healthy at once. To skip means to go
last: when nothing better took a message, a gateway believed dead is asked all the same, for the code dies in minutes.
So nobody can silence a gateway by asking for codes to numbers that it refuses.

Every change is one conditional statement, and a success of a healthy gateway changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.db import connection
from django.db.models import Value

from users.clock import ClockTimestamp
from users.models import SmsGateway
from users.sms.gateways import Gateway

# Failures in a row after which a gateway is skipped.
FAILURES = 3

# How long it is skipped at first: longer than any send takes, so those under way when it broke count no further.
FIRST_SKIP = timedelta(seconds=30)

LONGEST_SKIP = timedelta(minutes=10)


class Breaker:
    """What is known of the gateways' health at the moment when a message is to be sent."""

    def __init__(self) -> None:
        self._known = {row.name: row for row in SmsGateway.objects.annotate(now=ClockTimestamp())}

    @property
    def in_doubt(self) -> bool:
        """Whether some gateway is skipped, or due for its one trial."""
        return any(row.skipped_until for row in self._known.values())

    def in_turn(self, gateways: list[Gateway]) -> Iterator[Gateway]:
        """The gateways as they are to be tried: in order of preference, those that are skipped last.

        Asking for the next one means that those before did not take the message.
        """
        skipped = []
        for gateway in gateways:
            row = self._known.get(gateway.name)
            if row is None or row.skipped_until is None or (row.skipped_until <= row.now and _may_try_again(row)):
                yield gateway
            else:
                skipped.append(gateway)
        yield from skipped

    def succeeded(self, gateway: Gateway) -> None:
        """Make a gateway healthy that had failed before."""
        row = self._known.get(gateway.name)
        if row and row.failures:
            SmsGateway.objects.filter(name=row.name).update(failures=0, skipped_until=None)


_FAILED = """
INSERT INTO users_smsgateway AS gateway (name, failures, error, failed_at)
VALUES (%(name)s, 1, %(error)s, clock_timestamp())
ON CONFLICT (name) DO UPDATE SET
    error = excluded.error,
    failed_at = excluded.failed_at,
    failures = gateway.failures + (gateway.skipped_until IS NULL)::int,
    skipped_until = CASE WHEN gateway.skipped_until IS NULL AND gateway.failures + 1 >= %(limit)s
                         THEN clock_timestamp() + make_interval(secs => %(skip)s) ELSE gateway.skipped_until END
"""


def failed(gateway: Gateway, reason: str) -> None:
    """Count a failure, unless the gateway is skipped already: then a try was charged when it began."""
    with connection.cursor() as cursor:
        cursor.execute(
            _FAILED,
            {"name": gateway.name, "error": reason[:100], "limit": FAILURES, "skip": FIRST_SKIP.total_seconds()},
        )


def skip_after(failures: int) -> timedelta:
    """How long a gateway is skipped after so many failures in a row."""
    doublings = min(failures - FAILURES, 10)  # more would overflow, and LONGEST_SKIP is reached long before
    return min(FIRST_SKIP * (1 << doublings), LONGEST_SKIP)


def _may_try_again(row: SmsGateway) -> bool:
    """Whether this send is the one that tries the gateway again: charged as a failure until it succeeds."""
    as_seen = SmsGateway.objects.filter(name=row.name, failures=row.failures, skipped_until=row.skipped_until)
    longer = ClockTimestamp() + Value(skip_after(row.failures + 1))
    return bool(as_seen.update(failures=row.failures + 1, skipped_until=longer))
