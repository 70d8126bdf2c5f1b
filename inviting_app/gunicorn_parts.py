"""gunicorn's parts, changed where it pays."""

from __future__ import annotations

import time
from typing import Any

from gunicorn import glogging
from gunicorn.workers.gthread import ThreadWorker


class Logger(glogging.Logger):  # type: ignore[misc]
    def access(self, *args: Any) -> None:
        """Nothing: each request has one line of our own, with its id. gunicorn's would be made up and shown nowhere."""


WAIT_SECONDS = 0.01
"""Time for another process with a free thread to take what waits; it does so much sooner."""


class Worker(ThreadWorker):  # type: ignore[misc]
    """gunicorn's threads, but a process whose threads are all at work takes a new connection only every WAIT_SECONDS.

    Else one of them often takes all that come at the same moment and, where they are kept alive, has all the work from
    then on: measured for 16 connections and two processes, in half of the runs.
    """

    at_work = 0
    accepted_at = 0.0

    def accept(self, listener: Any) -> None:
        self.accepted_at = time.monotonic()
        super().accept(listener)

    def enqueue_req(self, conn: Any) -> None:
        self.at_work += 1
        super().enqueue_req(conn)
        self.set_accept_enabled(self._accepting)

    def finish_request(self, conn: Any, future: Any) -> None:
        self.at_work -= 1
        super().finish_request(conn, future)

    def set_accept_enabled(self, enabled: bool) -> None:
        """Called before each wait for events, too."""
        free = self.at_work < self.cfg.threads
        super().set_accept_enabled(enabled and (free or time.monotonic() > self.accepted_at + WAIT_SECONDS))
