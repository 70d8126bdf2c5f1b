"""Delivers events to endpoints: claims what is due, has many sent at once, and records what became of them.

As with SMS, each delivery is a row, and a claim ends by itself. So the deliveries of a worker that dies are taken over.
"""

import logging
import random
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event

from django.db import connections

from profiles.webhooks import endpoints, messages, posting, queries
from profiles.webhooks.answers import Answer
from profiles.webhooks.models import WebhookDelivery
from users import outages
from users.clock import HOUR

logger = logging.getLogger(__name__)

# Tries of one endpoint that a worker makes at once.
MOST_AT_ONCE = 8
# Until another worker may take over a delivery. A try takes ten seconds, so that no two are made at once.
CLAIM_FOR = timedelta(seconds=30)
# Between two looks for what is due.
POLL_SECONDS = 1.0
# A round takes several at once under load.
PAUSE_SECONDS = 0.02
# After each failed try. The sum is three days and ten hours; after that a delivery has failed.
INTERVALS = [
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    *(number * HOUR for number in (2, 8, 24, 24, 24)),
]
# Each interval is longer by a random part of this share, so that a receiver does not get all of a failure at once.
JITTER = 0.1

# Is called after each try, with the id of the endpoint, `delivered` or `failed`, and the seconds that it took.
Watch = Callable[[int, str, float], None]


def unwatched(endpoint_id: int, outcome: str, seconds: float) -> None:
    """The watch of a worker without metrics."""


@dataclass(frozen=True)
class Try:
    """A claimed delivery on its way. `until` is the end of the claim."""

    delivery: WebhookDelivery
    until: datetime
    began_at: float
    answered: Future[Answer]


class WebhookSender:
    """All its methods but `stop` run in one thread."""

    def __init__(self, watch: Watch = unwatched) -> None:
        self._watch = watch
        self._tries: list[Try] = []
        self._stopping = Event()

    def run(self) -> None:
        """Deliver until `stop`, and then until what was begun has ended and is recorded."""
        while not self._stopping.is_set() or self._tries:
            with outages.pausing(logger, "webhooks", POLL_SECONDS):
                if not self._round():
                    self._wait(POLL_SECONDS)
        connections.close_all()

    def stop(self) -> None:
        self._stopping.set()

    def _wait(self, seconds: float) -> None:
        """Wait until a try has ended, or for this time."""
        if self._tries:
            wait([one.answered for one in self._tries], seconds, FIRST_COMPLETED)
            time.sleep(PAUSE_SECONDS)
        else:
            self._stopping.wait(seconds)

    def _round(self) -> bool:
        """Record what has ended, and begin what is due. Returns whether anything was begun."""
        for one in [one for one in self._tries if one.answered.done()]:
            self._record(one, one.answered.result())
            self._tries.remove(one)
        if self._stopping.is_set():
            return False
        busy = Counter(one.delivery.endpoint_id for one in self._tries)
        claimed = queries.claim(MOST_AT_ONCE, busy, CLAIM_FOR)
        if claimed:
            for delivery in WebhookDelivery.objects.filter(pk__in=claimed).select_related("endpoint").order_by("pk"):
                self._tries.append(self._begin(delivery))
        return bool(claimed)

    def _begin(self, delivery: WebhookDelivery) -> Try:
        until = delivery.next_try_at
        content = messages.body(delivery)
        headers = messages.headers(delivery, content, until - CLAIM_FOR)
        answered = posting.begin(delivery.endpoint.url, headers, content)
        return Try(delivery, until, time.monotonic(), answered)

    def _record(self, one: Try, answer: Answer) -> None:
        delivery, seconds = one.delivery, time.monotonic() - one.began_at
        if answer.is_success:
            endpoints.delivered(delivery, answer)
        else:
            interval = None if answer.is_gone else interval_after(delivery.attempts)
            endpoints.failed(delivery, one.until, answer, interval)
            logger.warning(
                "webhook %d was not taken by endpoint %d: %s", delivery.pk, delivery.endpoint_id, answer.code
            )
        self._watch(delivery.endpoint_id, "delivered" if answer.is_success else "failed", seconds)


def interval_after(attempts: int) -> timedelta | None:
    """How long until the next try after this many, or None after the last one."""
    if attempts > len(INTERVALS):
        return None
    return INTERVALS[attempts - 1] * (1 + JITTER * random.random())  # noqa: S311
