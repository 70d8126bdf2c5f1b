"""Whoever speaks to the service: each from a network address of its own, to one web process and then to the other."""

from __future__ import annotations

import http.client
import json
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any, TypeVar

ATTACKERS = "127.66.0.0/16"
OWNERS = "127.77.0.0/16"

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
        """A problem's code; nothing where there is no problem."""
        return str(self.body.get("code")) if self.status >= 400 and self.body else ""

    @property
    def compared(self) -> bool:
        """Whether a login's code was compared: right ones sign in, wrong ones are told how many attempts are left."""
        return self.status in (200, 403) or (self.status == 400 and "attempts_left" in self.body)


@dataclass
class Client:
    """One network address; `ports` are the web processes that it calls in turn."""

    address: str
    ports: Iterator[int]

    def call(self, method: str, path: str, body: Any = None, token: str = "", **headers: str) -> Answer:
        headers |= {"Host": "localhost", "Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        peer = http.client.HTTPConnection("127.0.0.1", next(self.ports), timeout=20, source_address=(self.address, 0))
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

    def log_in(self, challenge: Answer | str, code: Any) -> Answer:
        challenge_id = challenge if isinstance(challenge, str) else challenge.body["challenge_id"]
        return self.call("POST", "/api/auth/login", {"challenge_id": challenge_id, "code": code})

    def me(self, token: str) -> Answer:
        return self.call("GET", "/api/v1/profiles/me", token=token)

    def refresh(self, token: str) -> Answer:
        return self.call("POST", "/api/auth/refresh", {"refresh": token})


def addresses(network: str) -> Iterator[str]:
    """Those of the network, each once."""
    first = int(IPv4Address(network.partition("/")[0]))
    return (str(IPv4Address(first + number)) for number in range(1, 2**16 - 1))


def guesses(length: int, count: int) -> list[str]:
    """Different codes, drawn as a guesser does who knows nothing."""
    drawn: set[str] = set()
    while len(drawn) < count:
        drawn.add(str(secrets.randbelow(10**length)).zfill(length))
    return list(drawn)


def at_once(call: Callable[[Item], Result], items: Iterable[Item], threads: int = 24) -> list[Result]:
    """What the call returns for each item, with so many calls under way at the same time."""
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(call, items))


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content or b"null")
    except ValueError:
        return {"code": f"not JSON: {content[:60]!r}"}
