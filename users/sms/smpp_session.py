"""One bound connection to an SMPP centre. Any thread sends requests, and the thread that opened it reads.

Responses may come in any order: each has the number of its request.
"""

import time
from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock
from typing import Any

from smpplib import consts, smpp
from smpplib.client import SimpleSequenceGenerator

from users.sms.smpp_wire import Bind, NotSent, Wire, parse, response

# Seconds without a word from the centre after which `enquire_link` asks whether it is there: while no request waits for
# its response, and while one does.
IDLE_SECONDS, QUIET_SECONDS = 30.0, 5.0

# Seconds in which it must say something then.
ENQUIRE_SECONDS = 5.0

# Longest wait for a packet, after which the thread looks whether requests wait.
_TICK_SECONDS = 1.0

# Octets of a message's id (SMPP 3.4, 5.2.23).
LONGEST_ID = 64

# The status of a `generic_nack` to a request that is not understood.
_UNKNOWN_COMMAND = consts.SMPP_ESME_RINVCMDID

# Set in the numbers of commands that are responses.
_RESPONSE = 0x80


class Refused(Exception):
    """The centre refused a request."""

    def __init__(self, status: int) -> None:
        self.status = status


class Session:
    """A connection on which a bind was accepted."""

    def __init__(self, wire: Wire, command: str, names: dict[str, str], ends: float) -> None:
        """Bind with this command. Raises Refused, NotSent, or OSError."""
        self.receives = command == "bind_transceiver"
        self._wire = wire
        self._numbers = SimpleSequenceGenerator()
        self._lock = Lock()
        self._waiting: dict[int, Future[Any]] = {}
        self._ending = False
        answer = self._send(Bind(command, client=self._numbers, **names), ends)
        while not answer.done():
            if time.monotonic() > ends:
                raise TimeoutError
            if packet := self._wire.read(ends - time.monotonic()):
                self._take(packet, lambda request: self.answer(request, consts.SMPP_ESME_RX_T_APPN))
        _accepted(answer.result(), command)

    @property
    def usable(self) -> bool:
        return not self._ending and not self._wire.down

    def submit(self, ends: float, **fields: Any) -> str:
        """Submit a message, and return the centre's id for it.

        Raises Refused, NotSent or, if the outcome is unknown, TimeoutError or ConnectionError.
        """
        if time.monotonic() > ends:
            raise NotSent
        packet = self._request("submit_sm", **fields)
        answer = self._send(packet, ends)
        try:
            accepted = answer.result(max(ends - time.monotonic(), 0))
        finally:
            self._waiting.pop(packet.sequence, None)
        _accepted(accepted, "submit_sm")
        name = (accepted.message_id or b"").decode("ascii", "replace").strip()
        return "".join(filter(str.isprintable, name))[:LONGEST_ID]

    def read(self, deliver: Callable[[Any], None]) -> None:
        """Answer the centre's requests and hand out its responses until the end. Raises OSError if it is not regular.

        `deliver` must answer each `deliver_sm` that it gets, and not wait.
        """
        heard, asked = time.monotonic(), False
        while self._waiting or not self._ending:
            limit = ENQUIRE_SECONDS if asked else QUIET_SECONDS if self._waiting else IDLE_SECONDS
            packet = self._wire.read(min(heard + limit - time.monotonic(), _TICK_SECONDS))
            if packet:
                heard, asked = time.monotonic(), False
                self._take(packet, deliver)
            elif time.monotonic() - heard >= limit:
                if asked:
                    raise TimeoutError
                self._reply(self._request("enquire_link"))
                heard, asked = time.monotonic(), True

    def answer(self, request: Any, status: int = consts.SMPP_ESME_ROK) -> None:
        """Respond to a request of the centre. If that fails, the centre asks again on the next connection."""
        self._reply(response(f"{request.command}_resp", request.sequence, status))

    def unbind(self) -> None:
        """Unbind. The thread that reads ends when the centre has answered."""
        self._ending = True
        try:
            self._send(self._request("unbind"), time.monotonic() + 1)
        except NotSent:
            self._wire.shut_down()

    def end(self) -> None:
        """Free the connection, and tell all threads that wait that nothing comes any more."""
        with self._lock:
            self._ending = True
            waiting = list(self._waiting.values())
        self._wire.close()
        for answer in waiting:
            answer.set_exception(ConnectionError())

    def _request(self, command: str, **fields: Any) -> Any:
        with self._lock:  # for its number
            return smpp.make_pdu(command, client=self._numbers, **fields)

    def _send(self, packet: Any, ends: float) -> Future[Any]:
        """Send a request. Raises NotSent."""
        answer: Future[Any] = Future()
        with self._lock:
            if self._ending and packet.command != "unbind":
                raise NotSent
            self._waiting[packet.sequence] = answer
        try:
            self._wire.write(packet, ends)
        except NotSent:
            self._waiting.pop(packet.sequence, None)
            raise
        return answer

    def _take(self, octets: bytes, deliver: Callable[[Any], None]) -> None:
        sequence = int.from_bytes(octets[12:16], "big")
        packet = parse(octets)
        if octets[4] & _RESPONSE:
            answer = self._waiting.pop(sequence, None)
            if answer and packet:  # otherwise the thread that waited has given up
                answer.set_result(packet)
        elif packet is None or packet.command not in ("deliver_sm", "enquire_link", "unbind"):
            self._reply(response("generic_nack", sequence, _UNKNOWN_COMMAND))
        elif packet.command == "deliver_sm":
            deliver(packet)
        else:
            if packet.command == "unbind":
                self._ending = True
            self.answer(packet)

    def _reply(self, packet: Any) -> None:
        try:
            self._wire.write(packet, time.monotonic() + 1)
        except NotSent:
            self._wire.shut_down()


def _accepted(answer: Any, command: str) -> None:
    """Raises Refused, or ConnectionError if this is no response to the command."""
    if answer.status:
        raise Refused(answer.status)
    if answer.command != f"{command}_resp":
        raise ConnectionError
