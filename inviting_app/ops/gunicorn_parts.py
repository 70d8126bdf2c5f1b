"""gunicorn's parts, changed where it pays."""

from __future__ import annotations

import json
import selectors
import socket
import time
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import Any

from gunicorn import glogging, util
from gunicorn.http import errors
from gunicorn.workers.gthread import TConn, ThreadWorker

from inviting_app.ops.incoming import LARGEST_BODY, REQUEST_SECONDS, ROOM, Connection, Request


class Logger(glogging.Logger):  # type: ignore[misc]
    def access(self, *args: Any) -> None:
        """Nothing: each request has one line of our own, with its id. gunicorn's would be made up and shown nowhere."""


# Time for another process with a free thread to take what waits; it does so much sooner.
WAIT_SECONDS = 0.01

# For a client to take in an answer, or the next piece of a long one.
SEND_SECONDS = 30.0

RETRY_SECONDS = 5

_REFUSED = {
    Request.ENDLESS: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    Request.CROWDED: HTTPStatus.SERVICE_UNAVAILABLE,
}
_UNREADABLE = {
    errors.LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    errors.LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    errors.ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
    errors.UnsupportedTransferCoding: HTTPStatus.NOT_IMPLEMENTED,
}
_NOT_OF_CLIENTS = (errors.InvalidResponseHeader, errors.InvalidResponseHeaderName)


class Worker(ThreadWorker):  # type: ignore[misc]
    """gunicorn's threads, but a thread is given a request only when the whole of it has come.

    Else a few clients that send slowly, or nothing, hold all threads, and those that do not take notice of the end of a
    connection hold the process.

    And a process whose threads are all at work takes a new connection only every WAIT_SECONDS: else one of them often
    takes all that come at the same moment and, where they are kept alive, has all the work from then on: measured for
    16 connections and two processes, in half of the runs.
    """

    at_work = 0
    accepted_at = 0.0
    # Bytes of it that are left. The threads have no part in it.
    room = ROOM

    def accept(self, listener: Any) -> None:
        self.accepted_at = time.monotonic()
        try:
            client, address = listener.accept()
        except OSError:  # another process was quicker, or the client is gone
            return
        self.nr_conns += 1
        self.enqueue_req(Connection(self, self.cfg, client, address, listener.getsockname()))

    def enqueue_req(self, conn: Connection) -> None:
        """Called for each new connection, and when something has come on one that was kept."""
        if not self._received(conn):
            self._drop(conn, graceful=True)
        elif conn.state is Request.COMING:
            self._watch(conn, conn.due, self.on_pending_socket_readable)
        else:
            self._give_to_a_thread(conn)

    def on_pending_socket_readable(self, conn: Connection, client: socket.socket) -> None:
        """More of a request has come. Until it is whole the connection keeps its place among those that wait."""
        going_on = self._received(conn)
        if going_on and conn.state is Request.COMING:
            return
        self._watch_no_more(conn)
        if going_on:
            self._give_to_a_thread(conn)
        else:
            self._drop(conn, graceful=True)

    def _received(self, conn: Connection) -> bool:
        try:
            going_on = conn.receive()
        except OSError:
            return False
        if status := _REFUSED.get(conn.state):
            self._refuse(conn.sock, conn.client, status, conn.state.value)
            return False
        return going_on

    def _give_to_a_thread(self, conn: Connection) -> None:
        self.at_work += 1
        super().enqueue_req(conn)
        self.set_accept_enabled(self._accepting)

    def _watch(self, conn: Connection, until: float, then: Any) -> None:
        conn.timeout = until
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(then, conn))

    def _watch_no_more(self, conn: Connection) -> None:
        self.poller.unregister(conn.sock)
        self.pending_conns.remove(conn)

    def _drop(self, conn: Connection, graceful: bool = False) -> None:
        self.nr_conns -= 1
        conn.close(graceful)

    def linger(self, conn: Connection) -> None:
        """Close a connection once its client does: to close it before could cost the client the answer (RFC 9112, 9.6).

        gunicorn's own way of this waits for the client, and all others wait too.
        """
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:  # the client is gone
            TConn.close(conn)
            return
        self.nr_conns += 1
        self._watch(conn, time.monotonic() + REQUEST_SECONDS, self._read_to_no_end)

    def _read_to_no_end(self, conn: Connection, client: socket.socket) -> None:
        try:
            if client.recv(LARGEST_BODY):
                return
        except OSError:
            pass
        self._watch_no_more(conn)
        self._drop(conn)

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        if isinstance(exc, errors.ParseException) and not isinstance(exc, _NOT_OF_CLIENTS):
            status = _UNREADABLE.get(type(exc), HTTPStatus.BAD_REQUEST)
            self._refuse(client, addr, status, type(exc).__name__)  # whose text may quote a header with a token
        else:
            super().handle_error(req, client, addr, exc)

    def _refuse(self, client: socket.socket, address: Any, status: HTTPStatus, why: str) -> None:
        """A request that no view will see is answered as a problem (RFC 9457), without a code, and is a line of log."""
        self.log.warning("refused with %d from ip=%s: %s", status, address[0], why)
        body = json.dumps({"type": "about:blank", "title": status.phrase, "status": status})
        head = {"Connection": "close", "Content-Type": "application/problem+json", "Content-Length": len(body)}
        if status is HTTPStatus.SERVICE_UNAVAILABLE:
            head["Retry-After"] = RETRY_SECONDS
        lines = [f"HTTP/1.1 {status} {status.phrase}", *(f"{name}: {value}" for name, value in head.items())]
        with suppress(OSError):
            util.write_nonblock(client, "\r\n".join([*lines, "", body]).encode())

    def handle_request(self, req: Any, conn: Connection) -> bool:
        req._expected_100_continue = False  # told already, or it is too late: the body is here, or not wanted
        if conn.state is Request.REFUSABLE:
            req.force_close()  # where the next request would begin is known only when this one is here
        conn.sock.settimeout(SEND_SECONDS)
        return bool(super().handle_request(req, conn))

    def _cap_keepalive(self, deadline: float) -> None:
        """A worker that stops does not wait for those that send nothing."""
        super()._cap_keepalive(deadline)
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout, deadline)

    def finish_request(self, conn: Connection, future: Any) -> None:
        self.at_work -= 1
        super().finish_request(conn, future)

    def set_accept_enabled(self, enabled: bool) -> None:
        """Called before each wait for events, too."""
        free = self.at_work < self.cfg.threads
        super().set_accept_enabled(enabled and (free or time.monotonic() > self.accepted_at + WAIT_SECONDS))
