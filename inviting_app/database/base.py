from __future__ import annotations

import select

from django.db.backends.postgresql import base
from django.db.backends.utils import CursorWrapper


class DatabaseWrapper(base.DatabaseWrapper):
    _kept_cursor: CursorWrapper | None = None

    def kept_cursor(self) -> CursorWrapper:
        """One cursor for all statements whose rows are read at once: a new one takes a third of a short statement."""
        self.close_if_health_check_failed()
        self.ensure_connection()
        if self.queries_logged:
            return self.cursor()
        if self._kept_cursor is None or self._kept_cursor.connection is not self.connection:
            self._kept_cursor = self.cursor()
        return self._kept_cursor

    def is_usable(self) -> bool:
        """Whether the connection answers; the server is asked only where there is a reason to doubt it.

        A server that goes away says so or closes its end, and both can be seen from here; one that is lost without a
        word is noticed by the kernel, see `keepalives_idle` in settings. To ask each time, as Django does, costs every
        request a round trip.
        """
        if self.connection is None or self.connection.closed or self.errors_occurred or self._has_something_to_say():
            return super().is_usable()
        return True

    def _has_something_to_say(self) -> bool:
        poll = select.poll()
        poll.register(self.connection.fileno(), select.POLLIN)
        return bool(poll.poll(0))
