"""The engine of the worker: it claims SMS that wait, has many sent at once, and records what became of them.

Each SMS is a row, and there is no other queue: with a job of procrastinate for each SMS, a worker took 10 ms of CPU for
one instead of 2.5 (docs/speed.md, "Where a journey's time goes: the SMS"). A claim ends by itself after CLAIM_FOR (12
seconds): `claim` in `users/sms/queries.py` sets `next_try_at` to its end. If a worker dies, any other worker claims its
SMS then.
"""

import logging
import math
import select
import time

import psycopg
from django.conf import settings
from django.db import connections

from users import outages
from users.context import request_id
from users.sms import gateways, queries
from users.sms.breaker import Breaker
from users.sms.delivery import CLAIM_FOR, MOST_OPEN_TRIES, Change, Sms
from users.sms.gateways import Gateway
from users.sms.receipts import Watch, unwatched
from users.sms.tries import Tries

logger = logging.getLogger(__name__)

# SMS that one worker sends at once. Providers limit the connections of an account.
MOST_AT_ONCE = 20
# A new SMS announces itself. One that is to be tried again does not, and an announcement may be lost.
POLL_SECONDS = 0.5
# The pause between two rounds grows with the SMS that the last one claimed, so that under load each takes several at
# once: a round of one costs as much as a round of five.
PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.008, 0.04


class Sender:
    """Sends SMS. All its methods but `stop` run in one thread. `Tries` calls the watches."""

    def __init__(self, watch: Watch = unwatched, receipt_watch: Watch = unwatched) -> None:
        self._tries = Tries(watch, receipt_watch)
        self._changes: list[Change] = []
        self._health = Breaker()
        self._listening: psycopg.Connection | None = None
        self._stopping = self._due = False
        self._round_at = self._claimed_at = -math.inf
        self._pause = PAUSE_SECONDS

    def run(self) -> None:
        """Send until `stop`, and then until what was begun has ended and is recorded."""
        while not self._stopping or self._tries.number or self._changes:
            with outages.pausing(logger, "SMS", POLL_SECONDS):
                self._wait()
                self._round()
        connections.close_all()

    def close(self) -> None:
        self._tries.close()

    def stop(self) -> None:
        self._stopping = True
        self._tries.wake()

    @property
    def _may_claim(self) -> bool:
        return self._due and self._tries.number < MOST_AT_ONCE and not self._stopping

    def _wait(self) -> None:
        """Wait for something to do: an answer of a gateway, an announced SMS, or the time for a look."""
        database, wakeup = self._listen(), self._tries.wakeup
        heard = [*database.notifies(timeout=0)]  # those that came with the rows of a statement
        timeout = 0 if heard or self._changes or self._may_claim else POLL_SECONDS
        readable, *_ = select.select([wakeup.fileno(), database.fileno()], [], [], timeout)
        if wakeup.fileno() in readable:
            wakeup.recv(4096)
        if database.fileno() in readable:
            heard += database.notifies(timeout=0)
        now = time.monotonic()
        self._due = self._due or bool(heard) or now > self._claimed_at + POLL_SECONDS
        time.sleep(max(0.0, self._round_at + self._pause - now))

    def _listen(self) -> psycopg.Connection:
        """The connection that hears of new SMS. It does not go through a PgBouncer."""
        direct = connections[settings.DIRECT_DATABASE]
        direct.ensure_connection()
        if direct.connection is not self._listening:
            queries.listen(direct.alias)
            self._listening, self._due = direct.connection, True
        assert self._listening
        return self._listening

    def _round(self) -> None:
        """Record what gateways answered, begin what follows from it, and claim what is due."""
        self._round_at = time.monotonic()
        told = []
        for sms, gateway, answer in self._tries.ended():
            self._changes.append(sms.answered(gateway, answer) if answer else sms.give_back(gateway))
            told.append((gateway, answer, sms.is_repeated))
        if self._changes:
            self._record()
        for gateway, answer, is_repeated in told:
            if answer:
                self._health.count(gateway, answer, is_repeated=is_repeated)
        if self._may_claim:
            self._claim(MOST_AT_ONCE - self._tries.number)
        request_id.set("-")

    def _record(self) -> None:
        now = time.monotonic()
        live, locked = queries.record([change.values() for change in self._changes])
        changes, self._changes = self._changes, [change for change in self._changes if change.sms.id in locked]
        if locked:
            self._pause = LONGEST_PAUSE_SECONDS
        for change in changes:
            if change.then and change.sms.id in live:
                change.sms.until = live[change.sms.id]
                self._begin(change.sms, change.then, now)

    def _claim(self, limit: int) -> None:
        now = time.monotonic()
        self._health.refresh()
        candidates = gateways.configured()
        # The claim counts a try of the first gateway for each SMS. It counts none while the breaker has a gateway asked
        # last: then `Sms.next` finds the gateway for each SMS and counts the try.
        first = None if settings.DEMO or self._health.degraded else candidates[0]
        claimed = queries.claim(limit, first.name if first else None, MOST_OPEN_TRIES, CLAIM_FOR)
        self._claimed_at, self._due = now, len(claimed) == limit
        self._pause = min(PAUSE_SECONDS * max(1, len(claimed)), LONGEST_PAUSE_SECONDS)
        for one in claimed:
            if not one.is_queued:
                continue  # it was finished: its code has ended
            counted = first if one.is_counted else None
            sms = Sms(one, self._health, candidates, counted)
            if settings.DEMO:
                self._changes.append(self._tries.show(sms))
            elif counted:
                self._begin(sms, counted, now)
            else:
                self._changes.append(sms.next())

    def _begin(self, sms: Sms, gateway: Gateway, counted_at: float) -> None:
        if not self._tries.begin(sms, gateway, counted_at):
            sms.not_asked(gateway)
            self._changes.append(sms.later())
