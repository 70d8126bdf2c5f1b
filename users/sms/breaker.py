"""A circuit breaker for each gateway, shared by all workers through the database.

FAILURES failures in a row open the circuit for FIRST_OPEN_FOR. One about the account, such as wrong credentials, opens
it at once. Then one send tries the gateway again. If that fails, the circuit is open for twice as long as
before, up to LONGEST_OPEN_FOR. Any success closes it at once, and nothing else does.

An open circuit puts a gateway last in the order. If no other gateway takes the message, it is still tried, because the
code expires in minutes. So an attacker cannot silence a gateway by requesting codes for numbers that it rejects.

What a gateway refuses for the sake of one SMS is no failure. It is only counted, so that operators see a gateway that
refuses all. It is no success either: clients choose the numbers, and a gateway may refuse some at once and let all
other SMS wait. But the gateway answers, so the next trial of an open circuit is due after FIRST_OPEN_FOR at most.

Every change is one conditional statement. A success of a healthy gateway changes nothing.
"""

import math
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.db.models import Value

from users.clock import StatementTimestamp
from users.models import SmsGateway
from users.sms import queries
from users.sms.answers import OF_ONE_SMS, Answer, Verdict
from users.sms.gateways import Gateway, names

# Failures in a row that open the circuit.
FAILURES = 3

# How long the circuit is open at first. It is longer than any send takes, so sends in flight do not count again.
FIRST_OPEN_FOR = timedelta(seconds=30)

LONGEST_OPEN_FOR = timedelta(minutes=10)

# How long a worker uses what it has read.
READ_AGAIN_SECONDS = 1.0


class Breaker:
    """The health of the gateways, as it was when `refresh` last read it."""

    def __init__(self) -> None:
        self._rows: dict[str, Any] = {}
        self._current_until = -math.inf

    def refresh(self) -> None:
        """Read the health, unless that was done within READ_AGAIN_SECONDS and no answer has changed it since."""
        if time.monotonic() > self._current_until:
            self._rows = {row.name: row for row in SmsGateway.objects.annotate(now=StatementTimestamp())}
            self._current_until = time.monotonic() + READ_AGAIN_SECONDS

    @property
    def degraded(self) -> bool:
        """Whether the circuit of a gateway is open, or its next send is the one trial."""
        return any(row.circuit_open_until for row in self._rows.values())

    def in_turn(self, gateways: list[Gateway]) -> Iterator[Gateway]:
        """Yield the gateways in order of preference, those with an open circuit last.

        The caller takes the next one only if the gateways before did not take the message.
        """
        circuit_open = []
        for gateway in gateways:
            row = self._rows.get(gateway.name)
            open_until = row.circuit_open_until if row else None
            if row is None or open_until is None or (open_until <= row.now and _may_try_again(row)):
                yield gateway
            else:
                circuit_open.append(gateway)
        yield from circuit_open

    def count(self, gateway: Gateway, answer: Answer, *, is_repeated: bool = False) -> None:
        """Count what this answer says about the gateway. `is_repeated`: it was asked for the same SMS before."""
        row, changes = self._rows.get(gateway.name), {}
        if answer.reason and answer.verdict is not Verdict.UNREACHABLE and answer.reason not in OF_ONE_SMS:
            failed(gateway, answer)
            self._current_until = -math.inf
            return
        if row and row.failures and not answer.reason:
            changes = {"failures": 0, "circuit_open_until": None}
        elif row and row.circuit_open_until:
            _try_again_soon(gateway.name)
        if row and row.refusals and not answer.reason:
            changes["refusals"] = 0
        if changes:
            SmsGateway.objects.filter(name=gateway.name).update(**changes)
        if answer.reason and not is_repeated:
            queries.count_gateway_refusal(gateway.name, str(answer)[:100])
        if changes or answer.reason:
            self._current_until = -math.inf


def rows() -> list[SmsGateway]:
    """The row of each configured gateway, the preferred one first. One that never failed has no stored row."""
    stored = SmsGateway.objects.in_bulk(names())
    return [stored.get(name) or SmsGateway(name=name) for name in names()]


def failed(gateway: Gateway, answer: Answer) -> None:
    """Count a failure. While the circuit is open only the error is stored: the trial was counted when it began."""
    counted = FAILURES if answer.verdict is Verdict.ACCOUNT else 1
    queries.count_gateway_failure(
        gateway.name, str(answer)[:100], failures=counted, limit=FAILURES, open_for=FIRST_OPEN_FOR
    )


def open_for(failures: int) -> timedelta:
    """How long the circuit is open after this many failures in a row."""
    doublings = min(failures - FAILURES, 10)  # a larger shift would overflow; LONGEST_OPEN_FOR is reached before
    return min(FIRST_OPEN_FOR * (1 << doublings), LONGEST_OPEN_FOR)


def _may_try_again(row: SmsGateway) -> bool:
    """Whether this send is the one trial of the gateway. It counts as a failure until it succeeds."""
    unchanged = SmsGateway.objects.filter(
        name=row.name, failures=row.failures, circuit_open_until=row.circuit_open_until
    )
    longer = StatementTimestamp() + Value(open_for(row.failures + 1))
    return bool(unchanged.update(failures=row.failures + 1, circuit_open_until=longer))


def _try_again_soon(name: str) -> None:
    """Let the next trial of the gateway be due after FIRST_OPEN_FOR at most, if its circuit is still open."""
    soon = StatementTimestamp() + Value(FIRST_OPEN_FOR)
    SmsGateway.objects.filter(name=name, circuit_open_until__gt=soon).update(circuit_open_until=soon)
