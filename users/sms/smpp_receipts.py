"""Delivery receipts of an SMPP centre: what they say, and how they get to the rest of the service."""

import logging
import re
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from queue import Empty, Full, Queue
from threading import Thread
from typing import Any

from smpplib import consts

from users.sms.answers import OnReceipt, Outcome
from users.sms.providers import Receipt
from users.sms.smpp_session import LONGEST_ID, Session

logger = logging.getLogger(__name__)

# Receipts that wait for the database. The centre keeps any others.
_WAITING = 1000

# A receipt may arrive before the id of its message is stored. If the message is not known, it is looked for once more
# after this many seconds. No job does that, as for receipts over HTTP: a worker's own threads cannot queue one.
LOOK_AGAIN_SECONDS = 5.0

# The bits of `esm_class` for the kind of message, and their value for a receipt (SMPP 3.4, 5.2.12).
_KIND, _RECEIPT = 0x3C, 0x04

# Other alphabets have the characters of a receipt at the places of ASCII.
_UCS2 = consts.SMPP_ENCODING_ISO10646

# The words for the states of a message in the text of a receipt (SMPP 3.4, appendix B).
_STATES = {
    consts.SMPP_MESSAGE_STATE_ENROUTE: "ENROUTE",
    consts.SMPP_MESSAGE_STATE_DELIVERED: "DELIVRD",
    consts.SMPP_MESSAGE_STATE_EXPIRED: "EXPIRED",
    consts.SMPP_MESSAGE_STATE_DELETED: "DELETED",
    consts.SMPP_MESSAGE_STATE_UNDELIVERABLE: "UNDELIV",
    consts.SMPP_MESSAGE_STATE_ACCEPTED: "ACCEPTD",
    consts.SMPP_MESSAGE_STATE_UNKNOWN: "UNKNOWN",
    consts.SMPP_MESSAGE_STATE_REJECTED: "REJECTD",
}

# A field in the text of a receipt, such as `stat:DELIVRD`. After `text:` the message is quoted.
_FIELD = re.compile(r"(?:^|\s)(id|stat|err):\s*([!-~]+)", re.IGNORECASE)
_QUOTED = re.compile(r"\stext:", re.IGNORECASE)


def read(packet: Any) -> dict[str, str] | None:
    """The fields `id`, `stat` and `err` of a `deliver_sm`, or None if it is no receipt that can be read.

    Optional parameters count before the text, because centres agree on their form. Somebody's text message that only
    looks like a receipt is not one.
    """
    text = _text(packet)
    found = {name.lower(): value for name, value in reversed(_FIELD.findall(_QUOTED.split(text)[0]))}
    marked = packet.receipted_message_id and packet.message_state is not None
    if not marked and (packet.esm_class or 0) & _KIND != _RECEIPT:
        return None
    if packet.receipted_message_id:
        found["id"] = packet.receipted_message_id.decode("ascii", "replace").strip()
    if packet.message_state in _STATES:
        found["stat"] = _STATES[packet.message_state]
    if not found.get("id") or not found.get("stat") or len(found["id"]) > LONGEST_ID:
        return None
    return {**found, "stat": found["stat"].upper()}


def _text(packet: Any) -> str:
    octets = packet.short_message or packet.message_payload or b""
    if (packet.esm_class or 0) & consts.SMPP_GSMFEAT_UDHI and octets[:1] < b" ":  # some set it without a header
        octets = octets[1 + octets[0] :] if octets else b""
    return octets.decode("utf-16-be" if packet.data_coding == _UCS2 else "ascii", "replace")


class Inbox:
    """Passes receipts on, one after the other, and then answers them. The database may be slow; the centre waits."""

    def __init__(self, table: Receipt, on_receipt: OnReceipt) -> None:
        """`on_receipt` runs in a thread of its own, which lives as long as the process."""
        self._table = table
        self._on_receipt = on_receipt
        self._queue: Queue[tuple[Session, Any, dict[str, str]] | None] = Queue(_WAITING)
        self._again: deque[tuple[float, dict[str, str]]] = deque(maxlen=_WAITING)
        self._hexadecimal = False
        self._thread = Thread(target=self._run, name="smpp receipts", daemon=True)
        self._thread.start()

    def put(self, session: Session, packet: Any) -> None:
        """Take a `deliver_sm`. Does not wait."""
        found = read(packet)
        if found is None:
            session.answer(packet)
            return
        try:
            self._queue.put_nowait((session, packet, found))
        except Full:
            session.answer(packet, consts.SMPP_ESME_RX_T_APPN)

    def close(self) -> None:
        """End when what has arrived is passed on."""
        with suppress(Full):
            self._queue.put_nowait(None)
            self._thread.join(1)

    def _run(self) -> None:
        while True:
            wait = self._again[0][0] - time.monotonic() if self._again else None
            try:
                item = self._queue.get(timeout=wait if wait is None else max(wait, 0))
            except Empty:
                self._pass_on(self._again.popleft()[1])
                continue
            if item is None:
                break
            session, packet, found = item
            known = self._pass_on(found)
            if known is False:
                self._again.append((time.monotonic() + LOOK_AGAIN_SECONDS, found))
            # A centre sends a receipt again after this error.
            session.answer(packet, consts.SMPP_ESME_RX_T_APPN if known is None else consts.SMPP_ESME_ROK)
        for _due, found in self._again:
            self._pass_on(found)

    def _pass_on(self, found: dict[str, str]) -> bool | None:
        """Whether the message is known, or None if that could not be found out."""
        try:
            return self._passed_on(found)
        except Exception as error:  # of any kind, of the database: the thread must live, and a text may have a secret
            logger.warning("SMPP: a receipt could not be recorded: %s", type(error).__name__)
            return None

    def _passed_on(self, found: dict[str, str]) -> bool:
        if (outcome := self._table.read(found)) is None:
            return True  # not the end of the message
        given = outcome.reference
        for reference in self._references(given):
            if self._on_receipt(Outcome(reference, outcome.reason)):
                self._hexadecimal |= given.isdecimal() and not reference.isdecimal()
                return True
        return False

    def _references(self, given: str) -> Iterator[str]:
        """The forms in which the centre may have given this id when it took the message.

        Some give a hexadecimal number then, and a decimal one in the text of the receipt, with or without zeros before
        it. A hexadecimal form is tried if it has a letter, so that it is no decimal id of another message, or if the
        centre was seen to use such.
        """
        yield given
        if not given.isdecimal():
            return
        number = int(given)
        if str(number) != given:
            yield str(number)
        if self._hexadecimal or not f"{number:x}".isdecimal():
            yield from dict.fromkeys(f"{number:{form}}" for form in ("X", "x", "08X", "08x"))
