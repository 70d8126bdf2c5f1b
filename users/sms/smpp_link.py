"""The link of this process to an SMPP centre: one bind that opens with the first SMS and lives as long as it can."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock, Thread, Timer
from typing import Any

from smpplib import consts

from users.sms.smpp_receipts import Inbox
from users.sms.smpp_session import Refused, Session
from users.sms.smpp_wire import NotSent

logger = logging.getLogger(__name__)

# Seconds in which a connection must be made and bound.
OPEN_SECONDS = 7.0

# Seconds until a lost connection is opened again for receipts. An SMS does not wait for that.
REOPEN_SECONDS = 30.0

# Makes a session before this time. Raises Refused, or an exception of the network.
Connect = Callable[[float], Session]


class BindRefused(Refused):
    """The centre refused the account's bind, and so all SMS."""


class Link:
    """One bind for all threads. The thread that opens it also reads from it."""

    def __init__(self, connect: Connect, inbox: Inbox | None) -> None:
        self._connect = connect
        self._inbox = inbox
        self._lock = Lock()
        self._opening: Future[Session] | None = None
        self._thread: Thread | None = None
        self._timer: Timer | None = None
        self._closed = False

    def submit(self, ends: float, *, receipt: bool, **fields: Any) -> str:
        """Submit a message and return the centre's id for it. `receipt` asks for one if it can arrive here.

        Raises Refused, NotSent or, if the outcome is unknown, TimeoutError or ConnectionError.
        """
        session = self.session(ends)
        try:
            return session.submit(ends, registered_delivery=int(receipt and session.receives), **fields)
        except NotSent:
            session = self.session(ends)  # a new one: that one was just lost
            return session.submit(ends, registered_delivery=int(receipt and session.receives), **fields)

    def session(self, ends: float) -> Session:
        """The open session, or a new one. Raises BindRefused or NotSent."""
        with self._lock:
            if self._closed:
                raise NotSent
            opening = self._opening
            if opening is None or (opening.done() and not opening.result().usable):
                opening = self._opening = Future()
                self._thread = Thread(target=self._live, args=(opening,), name="smpp", daemon=True)
                self._thread.start()
        try:
            return opening.result(max(ends - time.monotonic(), 0))
        except Refused as refused:
            raise BindRefused(refused.status) from None
        except Exception as error:  # the network, certificates, names of hosts
            raise NotSent from error

    def close(self) -> None:
        """Unbind, or the centre might refuse the next bind. Waits two seconds at most."""
        with self._lock:
            self._closed = True
            opening, thread, timer = self._opening, self._thread, self._timer
        if timer:
            timer.cancel()
        if opening and thread and opening.done() and not opening.exception():
            opening.result().unbind()
            thread.join(1)
        if self._inbox:
            self._inbox.close()

    def _live(self, opening: Future[Session]) -> None:
        try:
            session = self._connect(time.monotonic() + OPEN_SECONDS)
        except Exception as error:  # those who wait for the session get it, whatever it is
            self._forget(opening)
            opening.set_exception(error)
            return
        with self._lock:
            opening.set_result(session)
            closed = self._closed
        if closed:  # while it was bound
            session.unbind()
        logger.info("SMPP: bound as %s", "transceiver" if session.receives else "transmitter, without receipts")
        try:
            session.read(lambda packet: self._deliver(session, packet))
        except Exception as error:  # its text may have an address
            logger.warning("SMPP: the connection was lost: %s", type(error).__name__)
        self._forget(opening)
        session.end()
        if session.receives:
            self._reopen_later()

    def _deliver(self, session: Session, packet: Any) -> None:
        if self._inbox:
            self._inbox.put(session, packet)
        else:  # another process takes it
            session.answer(packet, consts.SMPP_ESME_RX_T_APPN)

    def _forget(self, opening: Future[Session]) -> None:
        with self._lock:
            if self._opening is opening:
                self._opening = None

    def _reopen_later(self) -> None:
        with self._lock:
            if self._closed or self._inbox is None:
                return
            if self._timer:
                self._timer.cancel()
            self._timer = Timer(REOPEN_SECONDS, self._reopen)
            self._timer.daemon = True
            self._timer.start()

    def _reopen(self) -> None:
        try:
            self.session(time.monotonic() + OPEN_SECONDS)
        except Refused:
            logger.warning("SMPP: the bind was refused, so no receipts arrive until the next SMS")
        except NotSent:
            self._reopen_later()
