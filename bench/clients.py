"""Clients of the service. Each has its own loopback address and sends its requests to the web processes in turn."""

import http.client
import json
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any, TypeVar

ANSWER_SECONDS = 20.0

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    headers: frozenset[str]
    seconds: float

    @property
    def code(self) -> str:
        """The code of an error, or an empty string."""
        return str(self.body.get("code")) if self.status >= 400 and self.body else ""

    @property
    def error(self) -> tuple[int, str]:
        """The status and the code of an error."""
        return self.status, self.code

    @property
    def compared(self) -> bool:
        """Whether a login's code was compared: the answer is a session, or the number of attempts left."""
        return self.status in (200, 403) or (self.status == 400 and "attempts_left" in self.body)


@dataclass
class Client:
    """A client with one network address. `ports` are those of the web processes, in turn."""

    address: str
    ports: Iterator[int]

    def call(self, method: str, path: str, body: Any = None, token: str = "", **headers: str) -> Answer:
        headers |= {"Host": "localhost", "Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        peer = http.client.HTTPConnection(
            "127.0.0.1", next(self.ports), ANSWER_SECONDS, source_address=(self.address, 0)
        )
        with closing(peer):
            peer.connect()
            started = time.perf_counter()
            peer.request(method, path, None if body is None else json.dumps(body), headers)
            answer = peer.getresponse()
            content = answer.read()
            seconds = time.perf_counter() - started
        return Answer(answer.status, _parsed(content), frozenset(answer.headers), seconds)

    def sign_up(self, phone: str, **more: str) -> Answer:
        return self.call("POST", "/api/auth/signup", {"phone": phone, **more})

    def log_in(self, issued: Answer, code: Any) -> Answer:
        """Answer the challenge that a sign-up issued."""
        return self.call("POST", "/api/auth/login", {"challenge_id": issued.body["challenge_id"], "code": code})

    def me(self, token: str) -> Answer:
        return self.call("GET", "/api/v1/profiles/me", token=token)

    def activate(self, token: str, invite_code: str) -> Answer:
        return self.call("POST", "/api/v1/profiles/me", {"activated_invite": invite_code}, token)

    def refresh(self, token: str) -> Answer:
        return self.call("POST", "/api/auth/refresh", {"refresh": token})


def addresses(network: str) -> Iterator[str]:
    """Each address of a network, once."""
    found = IPv4Network(network)
    # A map, because threads share it, and a generator cannot run in two threads at once.
    return map(str, map(found.__getitem__, range(1, found.num_addresses - 1)))


def at_once(call: Callable[[Item], Result], items: Iterable[Item], threads: int = 24) -> list[Result]:
    """The result of the call for each item, with up to `threads` calls at the same time."""
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(call, items))


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content or b"null")
    except ValueError:
        return {"code": f"not JSON: {content[:60]!r}"}
