"""Requests on their way: how far each has come, before gunicorn reads it properly, and what they may hold meanwhile."""

from __future__ import annotations

import os
import re
import time
from enum import Enum
from typing import Any

from gunicorn.workers.gthread import TConn

# For a request to come in, and afterwards for a client to read why the rest of its request was not wanted.
REQUEST_SECONDS = 10.0

LARGEST_HEAD = 32 * 1024
# Bytes of a request that are waited for. A larger one is refused, and what is left of it is not read.
LARGEST_BODY = 64 * 1024

# Bytes of a request for which there always is room: ordinary ones have a fraction of it.
SMALL = 4 * 1024

# Bytes that all requests of a process, on their way or waiting for a thread, may have beyond SMALL. When they are used
# up, one that needs more is refused: so many large ones take neither the memory nor the place of ordinary ones.
ROOM = 32 * 1024 * 1024

_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*0*(\d*)[ \t]*\r\n", re.IGNORECASE)
_OF_UNKNOWN_LENGTH = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)
_EXPECTATION = re.compile(rb"\r\nexpect:[ \t]*100-continue", re.IGNORECASE)


class Request(Enum):
    COMING = "more of it must come"
    WHOLE = "all of it is here"
    REFUSABLE = "its head is here, and the rest is not wanted"
    ENDLESS = "its head does not end"
    CROWDED = "there is no room for a large one"


def look(received: bytes, searched: int = 0) -> tuple[Request, int]:
    """How far a request has come, and its size in bytes: 0 while that is not known.

    In the first `searched` bytes its head was known not to end.
    """
    head = received.find(_END, max(0, searched - len(_END) + 1), LARGEST_HEAD) + len(_END)
    if head < len(_END):
        return (Request.COMING if len(received) < LARGEST_HEAD else Request.ENDLESS), 0
    declared = _LENGTH.search(received, 0, head)
    body = int(declared[1][:20] or 0) if declared else 0
    size = head + body
    if body > LARGEST_BODY or _OF_UNKNOWN_LENGTH.search(received, 0, head):
        return Request.REFUSABLE, size
    return (Request.WHOLE if len(received) >= size else Request.COMING), size


def awaits_a_word(received: bytes) -> bool:
    """Whether the body comes only when the client is told to go on (RFC 9110, 10.1.1)."""
    head, _, body = received.partition(_END)
    line, _, _ = head.partition(b"\r\n")
    return not body and line.endswith(b" HTTP/1.1") and bool(_EXPECTATION.search(head, len(line)))


class Connection(TConn):  # type: ignore[misc]
    # When the request that is coming must be here.
    due = 0.0

    state = Request.WHOLE  # of the request before the first
    # Bytes of the request that is coming, once its head is here.
    size = 0

    # Bytes that it has of the ROOM.
    room = 0

    def __init__(self, worker: Any, *args: Any) -> None:
        super().__init__(*args)
        self.worker = worker
        self.init()

    def receive(self) -> bool:
        """Take in what has come, without waiting; whether this is still a connection."""
        buffer = self.parser.unreader.buf
        had = buffer.seek(0, os.SEEK_END)
        if self.state is not Request.COMING:
            self._begin()
            if had:  # of it came with the request before
                self._look(had, 0)
        came = None
        if self.state is Request.COMING:
            self.sock.setblocking(False)
            try:
                came = self.sock.recv(LARGEST_HEAD)
            except BlockingIOError:
                pass
            else:
                self._look(had + buffer.write(came), had)
        return self.state is not Request.COMING or (came != b"" and time.monotonic() < self.due)

    def _begin(self) -> None:
        self._give_room_back()
        self.due, self.state, self.size = time.monotonic() + REQUEST_SECONDS, Request.COMING, 0
        self.parser.mesg = None  # the request before, which would be kept until this one is whole

    def _look(self, has: int, searched: int) -> None:
        if self.size:
            self.state = Request.WHOLE if has >= self.size else Request.COMING
        else:
            self.state, self.size = look(received := self.parser.unreader.buf.getvalue(), searched)
            if self.size and self.state is Request.COMING and awaits_a_word(received):
                self.sock.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        if has > SMALL:
            self._take_room(has - SMALL)

    def _take_room(self, room: int) -> None:
        if room - self.room > self.worker.room:
            self.state = Request.CROWDED
        else:
            self.worker.room -= room - self.room
            self.room = room

    def _give_room_back(self) -> None:
        self.worker.room += self.room
        self.room = 0

    def close(self, graceful: bool = False) -> None:
        self._give_room_back()
        if graceful and self.state in (Request.REFUSABLE, Request.ENDLESS, Request.CROWDED):
            del self.parser  # and with it the request
            self.worker.linger(self)
        else:
            super().close()
