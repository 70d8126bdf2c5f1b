"""People who sign up, read their SMS, sign in, vote and look, one after another; and those who want more than that."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from threading import Event, Thread

from bench.attacks.clients import Answer, Client
from bench.hosts.stage import Hosts

# Before asking again after an answer that is none.
PAUSE_SECONDS = 0.2

GIVE_UP_SECONDS = 30.0


@dataclass(frozen=True)
class Trouble:
    """A request that had no answer, or a 5xx; times of the monotonic clock."""

    step: str
    kind: str
    began: float
    ended: float


class Crowd:
    def __init__(self, hosts: Hosts) -> None:
        self.hosts = hosts
        self.numbers = count(1)
        self.stopping = Event()
        self.requests = self.greedy = self.guesses = self.compared = 0
        self.second_votes = self.second_votes_taken = 0
        self.troubles: list[Trouble] = []
        self.signed_in: list[str] = []
        self.voted: dict[str, str] = {}
        self.without_sms: list[str] = []
        self.sms_seconds: list[float] = []
        self.done: list[tuple[float, float]] = []
        """When somebody was through, and after how many seconds."""

        chosen = [self._first_person(number) for number in range(5)]
        self.codes = [client.me(token).body["invite_code"] for client, token in chosen]

    @contextmanager
    def at_work(self, threads: int) -> Iterator[None]:
        calls: list[Callable[[], None]] = [self._one_after_another] * threads + [self._greed, self._guess]
        self.running = [Thread(target=call) for call in calls]
        for thread in self.running:
            thread.start()
        try:
            yield
        finally:
            self.stop()

    def stop(self) -> None:
        """Let everybody finish what they are at."""
        self.stopping.set()
        for thread in self.running:
            thread.join()

    def _first_person(self, number: int) -> tuple[Client, str]:
        client = self.hosts.person()
        return client, self.hosts.sign_in(client, f"99177{number:05}").body["token"]

    def _one_after_another(self) -> None:
        while not self.stopping.is_set():
            self._come(next(self.numbers))

    def _come(self, number: int) -> None:
        client, phone, started = self.hosts.person(), f"99166{number:05}", time.monotonic()
        asked = self._ask("signup", lambda: client.sign_up(phone))
        if asked is None or (code := self._sms(phone)) is None:
            return
        entered = self._ask("login", lambda: client.log_in(asked, code))
        if entered is None or entered.status != 200:
            return
        self.signed_in.append(phone)
        token = entered.body["token"]
        invite = self.codes[0 if number % 3 else number % 5]  # the first is a celebrity
        if self._vote(client, token, invite):
            self.voted[phone] = invite
        second = self._ask("vote", lambda: _vote(client, token, self.codes[(number + 1) % 5]))
        self.second_votes += 1
        self.second_votes_taken += second is not None and second.status == 200
        self._ask("me", lambda: client.me(token))
        self.done.append((time.monotonic(), time.monotonic() - started))

    def _vote(self, client: Client, token: str, invite: str) -> bool:
        answer = self._ask("vote", lambda: _vote(client, token, invite))
        # Asked again after no answer, it may have been counted already.
        return answer is not None and (answer.status == 200 or answer.body.get("activated_invite") == invite)

    def _sms(self, phone: str) -> str | None:
        started = time.monotonic()
        try:
            code = self.hosts.inboxes.wait(f"+7{phone}", 1, GIVE_UP_SECONDS)[-1].code
        except TimeoutError:
            self.without_sms.append(phone)
            return None
        self.sms_seconds.append(time.monotonic() - started)
        return code

    def _ask(self, step: str, call: Callable[[], Answer]) -> Answer | None:
        """The answer, asked for again and again where there is none; what went wrong is written down."""
        deadline = time.monotonic() + GIVE_UP_SECONDS
        while time.monotonic() < deadline:
            began = time.monotonic()
            self.requests += 1
            try:
                answer = call()
                if answer.status < 500:
                    return answer
                kind = f"{answer.status} {answer.code if answer.code.isidentifier() else 'of the proxy'}"
            except (OSError, http.client.HTTPException) as error:
                kind = type(error).__name__
            self.troubles.append(Trouble(step, kind, began, time.monotonic()))
            time.sleep(PAUSE_SECONDS)
        return None

    def _greed(self) -> None:
        """One address asks for more SMS, and for more challenges of a code that is open, than an address gets."""
        client, joined = self.hosts.person(), "9915500000"
        for _ in range(3):  # two short codes, and then a long one, which may be joined without end
            self._ask("greed", lambda: self.hosts.person().sign_up(joined))
        while not self.stopping.wait(0.05):
            self.greedy += 1
            phone = f"99155{self.greedy:05}" if self.greedy % 2 else joined
            self._ask("greed", lambda phone=phone: client.sign_up(phone))  # type: ignore[misc]

    def _guess(self) -> None:
        """One challenge, guessed at without end."""
        client = self.hosts.person()
        asked = self._ask("signup", lambda: client.sign_up("9914400000"))
        assert asked is not None
        right = self._sms("9914400000")
        wrong = [f"{number:04}" for number in range(100) if f"{number:04}" != right]
        while not self.stopping.wait(0.1):
            answer = self._ask("guess", lambda: client.log_in(asked, wrong[self.guesses % len(wrong)]))
            self.guesses += 1
            self.compared += answer is not None and answer.compared and answer.body.get("attempts_left") is not None


def _vote(client: Client, token: str, invite: str) -> Answer:
    return client.call("POST", "/api/v1/profiles/me", {"activated_invite": invite}, token)
