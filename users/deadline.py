"""A limit to how long a thread waits for an answer of the database.

A server can hang although its kernel goes on acknowledging packets: its processes are stopped, its disk is stuck, or
its synchronous standby has gone silent. Then neither PostgreSQL's timeouts nor TCP's end the wait, and psycopg has no
timeout for a statement. So one thread of the process looks at the statements that are running, and shuts the socket of
one that is overdue. The thread that waits for it sees a lost connection.

A statement costs a lock more (docs/speed.md). A timer for each would cost a thread, or a system call. The limit is
counted in looks of that thread, not in seconds of the clock. On an overloaded machine the looks are late too, so the
statements of a healthy server are not ended.
"""

import logging
import math
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from weakref import WeakSet

import psycopg

logger = logging.getLogger(__name__)

# For the web, the worker's SMS and `doctor`. Above `lock_timeout` (2 s), and below the 5 s that nothing waits longer.
SECONDS = 3.0
# For every statement of the process, also for those that are running, while the server is taken for silent. Otherwise
# all threads of the web would wait, and requests, `/readyz` too, behind them.
SECONDS_OF_SILENCE = 1.0
# How long a server is taken for silent after a statement, or an attempt to connect, had no answer.
SILENCE_SECONDS = 5.0
# Between two looks at the running statements.
LOOK_SECONDS = 0.1


class _Patience(threading.local):
    """How long the statements of a thread may take. The attribute of the class is for threads that have no own one."""

    seconds: float | None = None


_patience = _Patience()


def limit_all(seconds: float | None = SECONDS) -> None:
    """Limit every statement of this process, except of threads that are told otherwise. None is without a limit."""
    _Patience.seconds = seconds


def seconds() -> float | None:
    """How long the next statement of this thread may take. None is without a limit."""
    return _patience.seconds


@contextmanager
def within(seconds: float | None) -> Iterator[None]:
    """Limit each statement of this thread to these seconds, or not at all."""
    before, _patience.seconds = _patience.seconds, seconds
    try:
        yield
    finally:
        _patience.seconds = before


class Silence:
    """Whether this process takes the server for silent."""

    def __init__(self) -> None:
        self._until, self._is_unreachable, self._attempt = 0.0, False, threading.Lock()

    def begin(self) -> None:
        self._until, self._is_unreachable = time.monotonic() + SILENCE_SECONDS, True

    def end(self) -> None:
        self._until, self._is_unreachable = 0.0, False

    def limited(self, seconds: float, now: float) -> float:
        """How long a statement may take whose own limit is `seconds`."""
        return min(seconds, SECONDS_OF_SILENCE) if now < self._until else seconds

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """For an attempt to connect. While the server is silent, only one thread at a time makes one."""
        if not (self._is_unreachable and time.monotonic() < self._until):
            with self._noticed():
                yield
        elif self._attempt.acquire(blocking=False):
            try:
                with self._noticed():
                    yield
            finally:
                self._attempt.release()
        else:
            raise psycopg.OperationalError("the server is silent, and another thread tries to connect to it")

    @contextmanager
    def _noticed(self) -> Iterator[None]:
        try:
            yield
        except psycopg.errors.ConnectionTimeout:
            self.begin()
            raise
        self._is_unreachable = False


# By the alias of Django's connections: a standby for reading may be silent while the primary answers.
_silences: dict[str, Silence] = {}


def silence(alias: str) -> Silence:
    return _silences.setdefault(alias, Silence())


class Limit:
    """The limit of the statements of one connection, each in a `with` block."""

    def __init__(self, descriptor: Callable[[], int], silence: Silence) -> None:
        self._descriptor, self._silence = descriptor, silence
        self._began, self._seconds, self._lock = math.inf, 0.0, threading.Lock()
        self._is_watched = False

    def __enter__(self) -> None:
        if _patience.seconds is not None:
            self._seconds, self._began = _patience.seconds, _watch.looks
            if not self._is_watched:
                self._is_watched = True
                _watch.add(self)

    def __exit__(self, kind: type[BaseException] | None, error: object, traceback: TracebackType | None) -> None:
        # While the other thread shuts the socket, its number must not be that of a new one.
        with self._lock:
            self._began = math.inf

    def end_if_overdue(self, looks: int) -> None:
        with self._lock:
            waited = (looks - self._began) * LOOK_SECONDS
            if waited < self._silence.limited(self._seconds, time.monotonic()):
                return
            self._began = math.inf
            with suppress(psycopg.Error, OSError):  # it was lost meanwhile
                with socket.socket(fileno=os.dup(self._descriptor())) as peer:
                    peer.shutdown(socket.SHUT_RDWR)
                logger.warning("the database has not answered a statement in time: its connection is ended")
        self._silence.begin()


class _Watch:
    """The thread that ends overdue statements. It starts with the first one that has a limit."""

    def __init__(self) -> None:
        self.limits: WeakSet[Limit] = WeakSet()
        self.looks = 0
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def add(self, limit: Limit) -> None:
        with self._lock:
            self.limits.add(limit)
            if not self._thread:
                self._thread = threading.Thread(target=self._run, name="deadline", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            time.sleep(LOOK_SECONDS)
            with self._lock:
                limits = [*self.limits]
            self.looks += 1
            for limit in limits:
                limit.end_if_overdue(self.looks)


_watch = _Watch()
