"""People who sign up, sign in, vote and read, each step on a new connection, and a ledger of what they were told."""

from __future__ import annotations

import http.client
import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import count
from threading import Event, Lock, Thread
from typing import Any

from bench.attacks.sink import Inboxes

# After so long without an answer a request has failed.
ANSWER_SECONDS = 10.0

# How long a person tries a step again that the service could not do; then they go home.
INSIST_SECONDS = 60.0

RETRY_SECONDS = 0.1
KNOCK_SECONDS = 0.3
STEPS = ("sign-up", "SMS", "sign-in", "vote", "read")
OK = "200"
ME = "/api/v1/profiles/me"


@dataclass(frozen=True)
class Call:
    """One request, or one wait for an SMS; times of time.monotonic()."""

    step: str
    began: float
    ended: float
    outcome: str

    @property
    def milliseconds(self) -> float:
        return (self.ended - self.began) * 1000


class Crowd:
    """So many people at a time; each who is done is followed by the next."""

    def __init__(self, port: int, inboxes: Inboxes, clients: int, prefix: str = "+7999") -> None:
        self.port, self.inboxes, self.clients, self.prefix = port, inboxes, clients, prefix
        self.calls: list[Call] = []
        self.told_sms: set[str] = set()
        """Phones whose sign-up was answered with 200."""
        self.told_in: set[str] = set()
        """Phones who were told that they are signed in for the first time."""
        self.told_vote: dict[str, str] = {}
        """The invite code that a phone was told to have activated."""
        self._token = ""
        self._numbers = count()
        self._lock = Lock()
        self.gone = Event()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        threads = [Thread(target=self._live) for _ in range(self.clients)]
        threads += [Thread(target=self._read), Thread(target=self._knock)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.gone.set()
            for thread in threads:
                thread.join()

    def errors(self) -> Counter[str]:
        return Counter(call.outcome for call in list(self.calls) if call.outcome != OK)

    def recovered(self, end: float) -> dict[str, float] | None:
        """For each step, seconds from this end of a cause until it has been done again and its last failure was over.

        None if some step has not been done since.
        """
        since = [call for call in list(self.calls) if call.began >= end]
        after = {}
        for step in STEPS:
            done = [call.ended for call in since if call.step == step and call.outcome == OK]
            failed = [call.ended for call in since if call.step == step and call.outcome != OK]
            if not done:
                return None
            after[step] = max([min(done), *failed]) - end
        return after

    def _live(self) -> None:
        elder = ""
        while not self.gone.is_set():
            with self._lock:
                number = next(self._numbers)
            elder = self.person(number, elder) or elder

    def _read(self) -> None:
        """One who is signed in already reads all the time."""
        while not self.gone.wait(RETRY_SECONDS):
            if self._token:
                self.insist("read", "", ME, None, self._token)

    def _knock(self) -> None:
        """Others sign up and wait for nothing, so that it is seen when that can be done again."""
        for number in count():
            if self.gone.wait(KNOCK_SECONDS):
                return
            phone, address = f"+7998{number:07}", f"13.{number // 62500}.{number // 250 % 250}.{number % 250 + 1}"
            if self.insist("sign-up", address, "/api/auth/signup", {"phone": phone}):
                self.told_sms.add(phone)

    def person(self, number: int, elder: str) -> str:
        """Sign up, sign in, vote for the elder and read; the invite code of this person, or nothing."""
        phone = f"{self.prefix}{number:07}"
        address = f"10.{number // 62500}.{number // 250 % 250}.{number % 250 + 1}"
        asked = self.insist("sign-up", address, "/api/auth/signup", {"phone": phone})
        if not asked:
            return ""
        self.told_sms.add(phone)
        if not (code := self._sms(phone)):
            return ""
        proof = {"code": code, "challenge_id": asked["challenge_id"]}
        signed_in = self.insist("sign-in", address, "/api/auth/login", proof)
        if not signed_in:
            return ""
        self.told_in.add(phone)
        self._token = signed_in["token"]
        if elder and self.insist("vote", address, ME, {"activated_invite": elder}, signed_in["token"]):
            self.told_vote[phone] = elder
        read = self.insist("read", address, ME, None, signed_in["token"])
        return read["invite_code"] if read else ""

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

    def insist(self, step: str, address: str, path: str, body: Any, token: str = "") -> Any:
        """The answer with 200, tried again while the service cannot; None if it refuses or the person goes home."""
        deadline = time.monotonic() + INSIST_SECONDS
        again = False
        while time.monotonic() < deadline and not self.gone.is_set():
            began = time.monotonic()
            status, answer = ask(self.port, path, body, token, address)
            # A vote that was counted while its answer was lost.
            done = status == 409 and again and answer.get("activated_invite") == body["activated_invite"]
            outcome = OK if status == 200 or done else f"{status} {answer.get('code', '')}".strip()
            self.calls.append(Call(step, began, time.monotonic(), outcome))
            if outcome == OK:
                return answer
            if isinstance(status, int) and status < 500:
                return None
            again = True
            self.gone.wait(RETRY_SECONDS)
        return None


def ask(port: int, path: str, body: Any = None, token: str = "", address: str = "") -> tuple[int | str, dict[str, Any]]:
    """Status and JSON of an answer on a connection of its own; without one, the kind of failure."""
    headers = {"Host": f"localhost:{port}", "Connection": "close", "Content-Type": "application/json"}
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    headers |= {"X-Forwarded-For": address} if address else {}
    try:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)) as peer:
            peer.request("GET" if body is None else "POST", path, body and json.dumps(body), headers)
            answer = peer.getresponse()
            text = answer.read()
            try:
                return answer.status, json.loads(text or b"{}")
            except ValueError:
                return answer.status, {}
    except TimeoutError:
        return f"no answer in {ANSWER_SECONDS:.0f} s", {}
    except (OSError, http.client.HTTPException) as error:
        return {"ConnectionRefusedError": "refused", "ConnectionResetError": "reset"}.get(
            type(error).__name__, "closed without an answer"
        ), {}
