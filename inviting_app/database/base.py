"""The connections: what Django calls the backend `inviting_app.database`."""

import time
from collections.abc import Callable
from typing import Any, ClassVar

import psycopg
from django.db.backends.postgresql import base
from psycopg.errors import ConnectionTimeout

from users import deadline

# No other host is tried later than this after the first one. An attempt takes `connect_timeout` at most: two seconds if
# there are several hosts (settings_database.py).
TRY_SECONDS = 2.5

# A standby reports `on` whatever its settings say.
_TAKES_WRITES = "SELECT current_setting('transaction_read_only') = 'off'"


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection whose statements have the limit of `users.deadline`, and that is kept only if it takes writes."""

    # For each alias, the place in its list of hosts from which the next attempt starts.
    _first_host: ClassVar[dict[str, int]] = {}
    # Until when the host of an alias at a place is taken for silent.
    _silent_until: ClassVar[dict[tuple[str, int], float]] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._silence = deadline.silence(self.alias)
        self._limit = deadline.Limit(lambda: self.connection.fileno(), self._silence)
        self.execute_wrappers.append(self._execute_within)

    def _execute_within(self, execute: Callable[..., Any], *statement: Any) -> Any:
        with self._limit:
            return execute(*statement)

    def commit(self) -> None:
        with self._limit:
            super().commit()

    def rollback(self) -> None:
        """Roll back, and have the connection checked before the next request if there was an error.

        Django takes a rollback that succeeds for a sign that all is well. It succeeds on a server that takes no writes.
        """
        with self._limit:
            failed = self.errors_occurred
            super().rollback()
            self.errors_occurred = failed

    def set_autocommit(self, autocommit: bool, *args: Any, **kwargs: Any) -> None:
        """Turn autocommit on or off, but do not connect to turn it on: each new connection begins with it.

        Django turns it on after each transaction, and would connect where that has lost its connection. A request would
        wait for a silent server a second time, for a connection that nobody needs.
        """
        if not autocommit or self.connection is not None:
            super().set_autocommit(autocommit, *args, **kwargs)

    def init_connection_state(self) -> None:
        with self._limit:
            super().init_connection_state()

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        if deadline.seconds() is None:
            return super().get_new_connection(conn_params)
        with self._silence.attempt():
            return self._connect_to_one(conn_params)

    def _connect_to_one(self, conn_params: dict[str, Any]) -> Any:
        """Try the hosts of the URL in turn, first the one that answered last, and not for long.

        psycopg would begin with the first one each time, and wait for each. A host that has just been silent is not
        waited for again if another one answers, even if that one only says that it takes no writes.
        """
        hosts = str(conn_params.get("host", "")).split(",")
        ports = str(conn_params.get("port", "")).split(",")
        began, failures = time.monotonic(), list[psycopg.OperationalError]()
        for place in self._in_turn(len(hosts)):
            if failures and not isinstance(failures[-1], ConnectionTimeout) and self._is_silent(place):
                break
            at = {"host": hosts[place], "port": ports[place % len(ports)]} if len(hosts) > 1 else {}
            try:
                return super().get_new_connection(conn_params | at)
            except psycopg.OperationalError as error:
                failures.append(error)
                self._first_host[self.alias] = place + 1
                if isinstance(error, ConnectionTimeout):
                    self._silent_until[self.alias, place] = time.monotonic() + deadline.SILENCE_SECONDS
            if time.monotonic() > began + TRY_SECONDS:
                break
        if len(failures) == 1:
            raise failures[0]
        # One silent host is enough for `deadline` to let no other thread wait for it.
        silent = [error for error in failures if isinstance(error, ConnectionTimeout)]
        raise type((silent or failures)[-1])("\n".join(str(error) for error in failures))

    def _in_turn(self, hosts: int) -> list[int]:
        first = self._first_host.get(self.alias, 0)
        return sorted(((first + number) % hosts for number in range(hosts)), key=self._is_silent)

    def _is_silent(self, place: int) -> bool:
        return time.monotonic() < self._silent_until.get((self.alias, place), 0.0)

    def is_usable(self) -> bool:
        """Whether the server answers and takes writes. Django asks this after an error, and replaces the connection.

        A server that takes no writes is a former primary: a new connection may be to the new one.
        """
        assert self.connection
        try:
            with self._limit:
                return bool(self.connection.execute(_TAKES_WRITES).fetchone()[0])
        except psycopg.Error:
            return False
