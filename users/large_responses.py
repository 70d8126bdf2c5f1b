"""Responses that may be large. A process sends few at once: half of its threads are left for all else.

Such a response takes a thread as long as it is made, and a client that reads slowly holds the thread longer, once the
response is larger than what its proxy buffers.

The same holds for lists of all profiles, whose filters may have PostgreSQL read most of the table: a quarter of the
threads read them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import Any
from weakref import finalize

from django.conf import settings

PLACES = BoundedSemaphore(max(1, settings.WEB_THREADS // 2))
# Of their own, because exports must not wait for an operator. Fewer, because together they must not have all threads.
_LISTS = BoundedSemaphore(max(1, settings.WEB_THREADS // 4))


class Busy(Exception):
    """This process does as much of this as it may at once. `retry_after` is in seconds."""

    retry_after = 5


class Large:
    """Mixed into the class of a response: it takes one of the places until it is closed. Raises Busy.

    It also leaves the place if nobody has it any more: a middleware that fails answers with another response, and only
    that one is closed. It is no response itself, because only the API and the admin import HTTP.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if not PLACES.acquire(blocking=False):
            raise Busy
        self._leave = finalize(self, PLACES.release)
        super().__init__(*args, **kwargs)

    def close(self) -> None:
        self._leave()  # once
        super().close()  # type: ignore[misc]


@contextmanager
def reading_list() -> Iterator[None]:
    """Take one of the places for reading a list of all profiles. Raises Busy."""
    if not _LISTS.acquire(blocking=False):
        raise Busy
    try:
        yield
    finally:
        _LISTS.release()
