"""Databases that fail without being gone: servers that take no writes, and servers that hang."""

import os
import signal
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from threading import Event, Thread
from typing import Any

from django.db import connection

from tests.support.backups import another_session


@contextmanager
def read_only() -> Iterator[None]:
    """Sessions that begin now take no writes, as on a standby."""
    with another_session() as other:
        other.autocommit = True
        name = connection.settings_dict["NAME"]
        other.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')  # type: ignore[arg-type]
        try:
            yield
        finally:
            other.execute("SET transaction_read_only = off")
            other.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')  # type: ignore[arg-type]


def backend() -> int:
    """The server's process behind the connection of this thread."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


@contextmanager
def stopped(*processes: int) -> Iterator[None]:
    """The kernel goes on acknowledging what is sent to these processes, but they do not run."""
    try:
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        yield
    finally:
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)


@contextmanager
def silent_hosts(number: int) -> Iterator[str]:
    """The ports, as in a URL, of servers on 127.0.0.1 that take connections and say nothing."""
    with ExitStack() as stack:
        peers = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(number)]
        yield ",".join(str(peer.getsockname()[1]) for peer in peers)


class Cable:
    """Leads connections to the database of this test, on a port of 127.0.0.1, as long as it is plugged in.

    Unplugged, it takes connections and bytes, and passes on none. Once `said` is set, it answers the next bytes with
    that, and hangs up.
    """

    said = b""

    def __init__(self, stack: ExitStack) -> None:
        at = connection.settings_dict
        self._host, self._to = str(at["HOST"]), int(at["PORT"] or 5432)
        self.plugged = Event()
        self.plugged.set()
        stack.callback(self.plugged.set)
        self._peer = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        stack.callback(self._peer.shutdown, socket.SHUT_RDWR)  # ends `accept`
        self.port = self._peer.getsockname()[1]
        Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):  # the end of the test
            while True:
                client = self._peer.accept()[0]
                server = self._connect()
                Thread(target=self._lead, args=(server, client), daemon=True).start()
                Thread(target=self._lead, args=(client, server), kwargs={"asks": True}, daemon=True).start()

    def _connect(self) -> socket.socket:
        if not self._host.startswith("/"):
            return socket.create_connection((self._host, self._to))
        server = socket.socket(socket.AF_UNIX)
        server.connect(f"{self._host}/.s.PGSQL.{self._to}")
        return server

    def _lead(self, source: socket.socket, target: socket.socket, asks: bool = False) -> None:
        with source, suppress(OSError):
            while data := source.recv(65536):
                self.plugged.wait()
                if asks and self.said:
                    said, self.said = self.said, b""
                    source.sendall(said)
                    source.shutdown(socket.SHUT_RDWR)
                    break
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)


def error_response(state: str, text: str) -> bytes:
    """A fatal error, as PostgreSQL's protocol has it ("Error and Notice Message Fields")."""
    fields = "".join(f"{kind}{value}\0" for kind, value in [("S", "FATAL"), ("V", "FATAL"), ("C", state), ("M", text)])
    body = fields.encode() + b"\0"
    return b"E" + struct.pack("!I", len(body) + 4) + body


def assert_unavailable(answer: Any) -> None:
    assert answer.status_code == 503
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "unavailable"
    assert answer["Retry-After"] == str(answer.json()["retry_after"])
    assert answer.json()["retry_after"] >= 1
