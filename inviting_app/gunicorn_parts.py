"""gunicorn's parts, changed where it pays."""

from __future__ import annotations

import os
import re
import selectors
import socket
import time
from enum import Enum
from functools import partial
from typing import Any

from gunicorn import glogging
from gunicorn.http.errors import LimitRequestHeaders
from gunicorn.workers.gthread import TConn, ThreadWorker


class Logger(glogging.Logger):  # type: ignore[misc]
    def access(self, *args: Any) -> None:
        """Nothing: each request has one line of our own, with its id. gunicorn's would be made up and shown nowhere."""


WAIT_SECONDS = 0.01
"""Time for another process with a free thread to take what waits; it does so much sooner."""

REQUEST_SECONDS = 10.0
"""For a request to come in, and afterwards for a client to read why the rest of its request was not wanted."""

SEND_SECONDS = 30.0
"""For a client to take in an answer, or the next piece of a long one."""

LARGEST_HEAD = LARGEST_BODY = 64 * 1024
"""Bytes of a request that are waited for. A larger one is refused, and what is left of it is not read."""

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*0*(\d*)[ \t]*\r\n", re.IGNORECASE)
_OF_UNKNOWN_LENGTH = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)
_AWAITS_A_WORD = re.compile(rb"\r\nexpect:[ \t]*100-continue", re.IGNORECASE)


class Request(Enum):
    COMING = "more of it must come"
    WHOLE = "all of it is here"
    REFUSABLE = "its head is here, and the rest is not wanted"
    ENDLESS = "its head does not end"


def look(received: bytes) -> Request:
    """How far a request has come; gunicorn reads it properly afterwards."""
    head = received.find(b"\r\n\r\n") + 4
    if head < 4:
        return Request.COMING if len(received) < LARGEST_HEAD else Request.ENDLESS
    declared = _LENGTH.search(received, 0, head)
    body = int(declared[1][:20] or 0) if declared else 0
    if body > LARGEST_BODY or _OF_UNKNOWN_LENGTH.search(received, 0, head):
        return Request.REFUSABLE
    return Request.WHOLE if len(received) >= head + body else Request.COMING


class Connection(TConn):  # type: ignore[misc]
    due = 0.0
    """When the request that is coming must be here."""

    state = Request.WHOLE  # of the request before the first
    told_to_continue = False

    def __init__(self, worker: Worker, *args: Any) -> None:
        super().__init__(*args)
        self.worker = worker
        self.init()

    def receive(self) -> bool:
        """Take in what has come, without waiting; whether this is still a connection."""
        if self.state is not Request.COMING:
            self.due, self.state, self.told_to_continue = time.monotonic() + REQUEST_SECONDS, Request.COMING, False
        buffer = self.parser.unreader.buf
        self.sock.setblocking(False)
        try:
            came = self.sock.recv(LARGEST_HEAD)
            buffer.seek(0, os.SEEK_END)
            buffer.write(came)
        except BlockingIOError:
            came = None
        self.state = look(received := buffer.getvalue())
        if self.state is Request.COMING and not self.told_to_continue and _AWAITS_A_WORD.search(received):
            self.told_to_continue = True
            self.sock.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        return self.state is not Request.COMING or (came != b"" and time.monotonic() < self.due)

    def close(self, graceful: bool = False) -> None:
        if graceful and self.state in (Request.REFUSABLE, Request.ENDLESS):
            self.worker.linger(self)
        else:
            super().close()


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
        if conn.state is Request.ENDLESS:
            self.handle_error(None, conn.sock, conn.client, LimitRequestHeaders("the head is too long"))
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

    def handle_request(self, req: Any, conn: Connection) -> bool:
        conn.sock.settimeout(SEND_SECONDS)
        return bool(super().handle_request(req, conn))

    def _keepalive_after(self, conn: Connection, keepalive: bool) -> bool:
        """Where the next request would begin is known only when the last one was here."""
        return conn.state is Request.WHOLE and bool(super()._keepalive_after(conn, keepalive))

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
