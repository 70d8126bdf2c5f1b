"""What follows from what gateways say of an SMS: it is sent, the next gateway is asked, or all of them later again.

The rules alone: `users/sms/sender.py` claims SMS, sends them and records what follows.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from users.models import SmsDelivery
from users.sms.answers import Answer, Reason, Verdict
from users.sms.breaker import Breaker
from users.sms.gateways import Gateway
from users.sms.queries import Claimed

# The most tries of one SMS at one gateway whose outcomes are not known. Each of them may have sent the SMS.
MOST_OPEN_TRIES = 2

# How long a claim of an SMS lasts. Afterwards any worker may claim it, as if the one before were dead. The time begins
# with the claim, and again when the next gateway is to be asked. A try begins at most BEGIN_SECONDS later, and takes at
# most eight seconds. So two workers never send one SMS at once.
CLAIM_FOR = timedelta(seconds=12)
BEGIN_SECONDS = 3.0

# Between two rounds of all gateways: 2, 4, 8, 16, 32, 60, 60, … seconds.
LONGEST_INTERVAL_SECONDS = 60.0


@dataclass
class Change:
    """What is recorded of a claimed SMS, and the gateway that is asked next if the claim lives."""

    sms: "Sms"
    state: SmsDelivery.State = SmsDelivery.State.QUEUED
    gateway: str = ""
    reference: str = ""
    failed_rounds: int = 0
    # Seconds until the next try, or until the claim ends.
    wait: float = 0.0
    then: Gateway | None = None

    def values(self) -> dict[str, Any]:
        """The values for `queries.record`."""
        return {
            "id": self.sms.id,
            "code": self.sms.code.pk,
            "until": self.sms.until.isoformat(),
            "state": self.state,
            "gateway": self.gateway,
            "reference": self.reference,
            "error": self.sms.error,
            "open_tries": self.sms.open_tries,
            "failed_rounds": self.failed_rounds,
            "wait": self.wait,
        }


class Sms:
    """A claimed SMS on its way through the gateways."""

    def __init__(self, claimed: Claimed, health: Breaker, gateways: list[Gateway], counted: Gateway | None) -> None:
        """`counted` is the gateway whose try the claim counted."""
        self.id, self.code, self.request_id = claimed.id, claimed.code, claimed.request_id
        self.notice_phone = claimed.notice_phone
        self.until, self.error, self.open_tries = claimed.until, claimed.error, claimed.open_tries
        self._rounds = claimed.failed_rounds
        tried = [one for one in gateways if one != counted and self.open_tries.get(one.name, 0) >= MOST_OPEN_TRIES]
        # What the gateways said in this round. Those that were tried too often are not asked.
        self._refused = {gateway.name: Answer(Reason.TRIED_TWICE) for gateway in tried}
        # They are left out before the breaker gives the order. It allows one trial to a gateway whose circuit was open,
        # and such an SMS would use that up without being sent there.
        self._turn: Iterator[Gateway] = health.in_turn([one for one in gateways if one != counted and one not in tried])

    @property
    def is_repeated(self) -> bool:
        """Whether all gateways were asked before."""
        return self._rounds > 0

    def answered(self, gateway: Gateway, answer: Answer) -> Change:
        """What follows from this answer."""
        if answer.verdict is not Verdict.UNKNOWN:
            self.not_asked(gateway)
        if answer.verdict is Verdict.ACCEPTED:
            return self.sent(gateway.name, answer)
        if answer.verdict is Verdict.UNREACHABLE:
            self.error = _error({gateway.name: answer})
            return Change(self, SmsDelivery.State.FAILED)
        self._refused[gateway.name] = answer
        self.error = _error(self._refused)
        return self.next()

    def sent(self, name: str, answer: Answer) -> Change:
        self.error = ""
        return Change(self, SmsDelivery.State.SENT, name, answer.reference, self._rounds)

    def next(self) -> Change:
        """Count a try of the next gateway. If all were asked, do so again later, unless none may be asked again."""
        gateway = next(self._turn, None)
        if gateway:
            self.open_tries[gateway.name] = self.open_tries.get(gateway.name, 0) + 1
            return Change(self, failed_rounds=self._rounds, wait=CLAIM_FOR.total_seconds(), then=gateway)
        if all(answer.reason == Reason.TRIED_TWICE for answer in self._refused.values()):
            return Change(self, SmsDelivery.State.FAILED, failed_rounds=self._rounds)
        return self.later()

    def later(self) -> Change:
        """Begin another round after a while. The code may have ended then."""
        rounds = min(self._rounds + 1, 10)  # a larger power would overflow
        return Change(self, failed_rounds=rounds, wait=min(2.0**rounds, LONGEST_INTERVAL_SECONDS))

    def give_back(self, gateway: Gateway) -> Change:
        """Let any worker claim it at once: the gateway was not asked."""
        self.not_asked(gateway)
        return Change(self, failed_rounds=self._rounds)

    def not_asked(self, gateway: Gateway) -> None:
        """Take back a try of this gateway: it is known that it did not send the SMS."""
        self.open_tries[gateway.name] = max(self.open_tries.get(gateway.name, 0) - 1, 0)


def _error(refused: dict[str, Answer]) -> str:
    """What is stored of these refusals; `answers.describe` reads it."""
    return "; ".join(f"{name}: {answer}" for name, answer in refused.items())[:100]
