"""SMS on their way to gateways, many at once, each in the event loop of HTTP or in a thread of SMPP."""

import logging
import socket
import time
from collections import deque
from collections.abc import Iterator
from functools import partial

from users import phones
from users.context import request_id
from users.sms import receipts
from users.sms.answers import Answer, TooLate, Verdict
from users.sms.delivery import BEGIN_SECONDS, Change, Sms
from users.sms.gateways import Gateway, Try
from users.sms.models import DEMO_GATEWAY
from users.sms.receipts import Watch
from users.sms.text import message

logger = logging.getLogger(__name__)


class Tries:
    """The tries of this worker. `number` are on their way. All methods but `wake` run in one thread.

    `watch` is called after each try with the gateway's name, `sent` or the verdict, and the seconds that it took.
    `receipt_watch` is for the receipts that come over the connection to a gateway.
    """

    def __init__(self, watch: Watch, receipt_watch: Watch) -> None:
        self._watch, self._receipt_watch = watch, receipt_watch
        self.number = 0
        # The end of a try is told by another thread. `wakeup` can be read then, so a `select` returns.
        self.wakeup, self._wakeup_writer = socket.socketpair()
        self._ended: deque[tuple[Sms, Gateway, Try, float]] = deque()

    def begin(self, sms: Sms, gateway: Gateway, counted_at: float) -> bool:
        """Begin a try, which was counted at this `time.monotonic`. Returns False if the message cannot be made."""
        request_id.set(sms.request_id or "-")
        on_receipt = partial(receipts.record_from_centre, gateway, self._receipt_watch)
        began_at = time.monotonic()
        try:
            begun = gateway.begin(message(sms.code, sms.id, sms.notice_phone), on_receipt, counted_at + BEGIN_SECONDS)
        except Exception:
            logger.exception("SMS %d failed", sms.id)  # the others go on
            return False
        self.number += 1
        begun.done.add_done_callback(lambda _: self._end((sms, gateway, begun, began_at)))
        return True

    def ended(self) -> Iterator[tuple[Sms, Gateway, Answer | None]]:
        """Yield those that have ended. The answer is None if the gateway was not asked, because it was too late."""
        while self._ended:
            sms, gateway, begun, began_at = self._ended.popleft()
            self.number -= 1
            request_id.set(sms.request_id or "-")
            try:
                answer = begun.answer()
            except TooLate:
                yield sms, gateway, None
                continue
            outcome = "sent" if answer.verdict is Verdict.ACCEPTED else answer.verdict
            self._watch(gateway.name, outcome, time.monotonic() - began_at)
            if answer.reason:
                logger.warning("SMS %d was not taken by gateway %s: %s", sms.id, gateway.name, answer)
            yield sms, gateway, answer

    def show(self, sms: Sms) -> Change:
        """Write the message to the log instead, in demo mode."""
        request_id.set(sms.request_id or "-")
        began_at, shown = time.monotonic(), message(sms.code, sms.id, sms.notice_phone)
        logger.info("DEMO MODE, no SMS is sent to %s: %s", phones.mask(shown.phone), shown.text.splitlines()[0])
        self._watch(DEMO_GATEWAY, "sent", time.monotonic() - began_at)
        return sms.sent(DEMO_GATEWAY, Answer())

    def wake(self) -> None:
        """Make `wakeup` readable. Any thread may do so."""
        self._wakeup_writer.send(b"!")

    def close(self) -> None:
        self.wakeup.close()
        self._wakeup_writer.close()

    def _end(self, ended: tuple[Sms, Gateway, Try, float]) -> None:
        self._ended.append(ended)
        self.wake()
