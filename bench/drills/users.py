"""Virtual users who sign up, log in, vote and read over HTTP, and a record of what they were told."""

import http.client
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from threading import Event, Thread

from bench.clients import Answer, Client
from bench.fake_gateway import Inboxes

# How long a user repeats a step that the service could not do. Then the user gives up.
INSIST_SECONDS = 60.0
RETRY_SECONDS = 0.1
SIGN_UP_SECONDS = 0.3
STEPS = ("sign-up", "SMS", "log-in", "vote", "read")
OK = "200"
# What clients see instead of an answer.
NO_ANSWER: dict[type[Exception], str] = {
    TimeoutError: "no answer in time",
    ConnectionRefusedError: "refused",
    ConnectionResetError: "reset",
}


@dataclass(frozen=True)
class Call:
    """One request, or one wait for an SMS. Times are of time.monotonic()."""

    step: str
    began: float
    ended: float
    outcome: str

    @property
    def seconds(self) -> float:
        return self.ended - self.began


@dataclass
class VirtualUsers:
    """`threads` users at a time. When one is done, the next begins."""

    # Makes a client with a new address.
    client: Callable[[], Client]
    inboxes: Inboxes
    threads: int
    calls: list[Call] = field(default_factory=list)
    # What was acknowledged: phones in E.164 signed up, signed in, and the invite code that each activated.
    signed_up: set[str] = field(default_factory=set)
    signed_in: set[str] = field(default_factory=set)
    voted: dict[str, str] = field(default_factory=dict)
    gone: Event = field(default_factory=Event)
    _token: str = ""
    _numbers: Iterator[int] = field(default_factory=count)

    @contextmanager
    def at_work(self, *others: Callable[[], None]) -> Iterator[None]:
        """Run them meanwhile, with other loops that end when `gone` is set."""
        targets = [*[self._one_after_another] * self.threads, self._read_again, self._sign_up_again, *others]
        running = [Thread(target=target) for target in targets]
        for thread in running:
            thread.start()
        try:
            yield
        finally:
            self.gone.set()
            for thread in running:
                thread.join()

    def errors(self) -> Counter[str]:
        return Counter(call.outcome for call in self.calls if call.outcome != OK)

    def recovered(self, end: float) -> dict[str, float]:
        """For each step, seconds from `end`, when a cause ended, until it succeeded again and no longer failed.

        Steps that have not succeeded since are left out.
        """
        since = [call for call in list(self.calls) if call.began >= end]
        after = {}
        for step in STEPS:
            succeeded = [call.ended for call in since if call.step == step and call.outcome == OK]
            failed = [call.ended for call in since if call.step == step and call.outcome != OK]
            if succeeded:
                after[step] = max([min(succeeded), *failed]) - end
        return after

    def sms_seconds(self, since: float = 0.0) -> list[float]:
        """How long users waited for the SMS that arrived since this time."""
        calls = [call for call in list(self.calls) if (call.step, call.outcome) == ("SMS", OK)]
        return [call.seconds for call in calls if call.ended > since]

    def _one_after_another(self) -> None:
        inviter = ""
        while not self.gone.is_set():
            inviter = self._user(f"+7999{next(self._numbers):07}", inviter) or inviter

    def _read_again(self) -> None:
        """One who is signed in reads all the time."""
        client = self.client()
        while not self.gone.wait(RETRY_SECONDS):
            if self._token:
                self.insist("read", lambda: client.me(self._token))

    def _sign_up_again(self) -> None:
        """Others sign up and do nothing more, to show when that is possible again."""
        for number in count():
            if self.gone.wait(SIGN_UP_SECONDS):
                return
            self._sign_up(self.client(), f"+7998{number:07}")

    def _user(self, phone: str, inviter: str) -> str:
        """Sign up, log in, vote for the inviter and read. Returns this user's own invite code, or an empty string."""
        client = self.client()
        issued = self._sign_up(client, phone)
        code = issued and self._sms(phone)
        entered = code and issued and self.insist("log-in", lambda: client.log_in(issued, code))
        if not entered:
            return ""
        self.signed_in.add(phone)
        self._token = token = entered.body["token"]
        if inviter and self.insist("vote", lambda: client.activate(token, inviter)):
            self.voted[phone] = inviter
        read = self.insist("read", lambda: client.me(token))
        return read.body["invite_code"] if read else ""

    def _sign_up(self, client: Client, phone: str) -> Answer | None:
        issued = self.insist("sign-up", lambda: client.sign_up(phone))
        if issued:
            self.signed_up.add(phone)
        return issued

    def _sms(self, phone: str) -> str:
        began = time.monotonic()
        while not self.inboxes.of.get(phone):
            if self.gone.is_set():
                return ""
            if time.monotonic() > began + INSIST_SECONDS:
                self.calls.append(Call("SMS", began, time.monotonic(), f"no SMS in {INSIST_SECONDS:.0f} s"))
                return ""
            time.sleep(0.01)
        self.calls.append(Call("SMS", began, time.monotonic(), OK))
        return self.inboxes.of[phone][-1].code

    def insist(self, step: str, call: Callable[[], Answer]) -> Answer | None:
        """The answer 200, repeated while the service is unavailable. None if it refuses or the user gives up."""
        deadline = time.monotonic() + INSIST_SECONDS
        again = False
        while time.monotonic() < deadline and not self.gone.is_set():
            began = time.monotonic()
            answer, outcome = attempt(call)
            # A vote that was counted although its answer was lost.
            if again and step == "vote" and outcome == "409 already_activated":
                outcome = OK
            self.calls.append(Call(step, began, time.monotonic(), outcome))
            if outcome == OK:
                return answer
            if answer and answer.status < 500:
                return None
            again = True
            self.gone.wait(RETRY_SECONDS)
        return None


def attempt(call: Callable[[], Answer]) -> tuple[Answer | None, str]:
    """The answer, if any, and in words: its status and error code, or what happened instead."""
    try:
        answer = call()
    except (OSError, http.client.HTTPException) as error:
        return None, NO_ANSWER.get(type(error), "closed without an answer")
    code = answer.code if answer.code.isidentifier() else "of the proxy" if answer.code else ""
    return answer, f"{answer.status} {code}".strip()
