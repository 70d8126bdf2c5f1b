"""What one person of the crowd does, and what happens to all of them."""

import asyncio
import json
import random
import re
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from bench.journeys.wire import Answer, Codes, Connection
from bench.scenarios import ME, bearer
from bench.wrk import Request

ASK, SMS, VERIFY, VOTE = "ask", "SMS", "verify", "vote"
STEPS = (ASK, SMS, VERIFY, VOTE)

# As the page waits for answers: for a log-in less, because it repeats it once.
ANSWER_SECONDS = {ASK: 20.0, VERIFY: 8.0, VOTE: 20.0}
# A code lives for five minutes. Nobody tries a step for longer.
PATIENCE_SECONDS = 300.0
# From an SMS to its code, and from an error that says nothing to the next attempt.
TYPING_SECONDS, PAUSE_SECONDS = (3.0, 8.0), (1.0, 3.0)

_RETRY_AFTER = re.compile(rb"\r\nretry-after: *(\d+)\r\n", re.IGNORECASE)


@dataclass
class Found:
    """What the crowd met. Waits are in seconds, from the moment when a step was due, all its refusals included."""

    waits: dict[str, list[float]] = field(default_factory=lambda: {step: [] for step in STEPS})
    # When each step was done, in seconds of the event loop.
    done: dict[str, list[float]] = field(default_factory=lambda: {step: [] for step in STEPS})
    # Honest refusals: by step, status and Retry-After.
    refused: Counter[tuple[str, int, int]] = field(default_factory=Counter)
    # Everything else: by step and what it was.
    failed: Counter[tuple[str, str]] = field(default_factory=Counter)
    code_lengths: Counter[int] = field(default_factory=Counter)
    # Steps that somebody gave up.
    given_up: Counter[str] = field(default_factory=Counter)

    def note(self, step: str, due: float) -> None:
        now = asyncio.get_running_loop().time()
        self.waits[step].append(now - due)
        self.done[step].append(now)


class GivenUp(Exception):
    """A step did not succeed, however often it was tried."""


@dataclass
class Person:
    """A new phone, at an address of its own. Times are those of the event loop."""

    number: int
    port: int
    codes: Codes
    found: Found
    token: str = ""

    def __post_init__(self) -> None:
        self.phone = f"+7998{self.number:07}"
        self.address = str(IPv4Address("127.64.0.1") + self.number)
        self.random = random.Random(self.number)  # noqa: S311

    async def sign_in(self, due: float) -> None:
        """Ask, wait for the SMS, and type the code."""
        await _until(due)
        with suppress(GivenUp):
            asked = (await self._step(ASK, due, _post("/api/auth/signup", phone=self.phone))).json
            self.found.code_lengths[asked["code_length"]] += 1
            await self._type_code(asked["challenge_id"])

    async def vote(self, due: float, invite_code: str) -> None:
        await _until(due)
        body = json.dumps({"activated_invite": invite_code})
        with suppress(GivenUp):
            await self._step(VOTE, due, Request(ME, bearer(self.token), body))

    async def _type_code(self, challenge: str) -> None:
        loop = asyncio.get_running_loop()
        asked_at = loop.time()
        try:
            code = await self.codes.wait(self.phone, PATIENCE_SECONDS)
        except TimeoutError as error:
            self.found.given_up[SMS] += 1
            raise GivenUp(SMS) from error
        self.found.note(SMS, asked_at)
        await asyncio.sleep(self.random.uniform(*TYPING_SECONDS))
        login = _post("/api/auth/login", challenge_id=challenge, code=code)
        self.token = (await self._step(VERIFY, loop.time(), login)).json["token"]

    async def _step(self, step: str, due: float, request: Request) -> Answer:
        """Repeat a request as docs/clients.md says, until it succeeds."""
        loop = asyncio.get_running_loop()
        while loop.time() < due + PATIENCE_SECONDS:
            connection = Connection(self.port, self.address)
            try:
                answer = await connection.call(request, ANSWER_SECONDS[step])
            except (OSError, TimeoutError) as error:
                self.found.failed[step, type(error).__name__] += 1
                # A log-in is repeated at once: the service answers it again for ten seconds.
                await asyncio.sleep(0 if step == VERIFY else self.random.uniform(*PAUSE_SECONDS))
                continue
            finally:
                connection.close()
            if answer.status == 200 or (answer.status == 409 and step == VOTE):
                self.found.note(step, due)
                return answer
            if answer.status == 400:  # the code is no longer valid: to ask again would begin anew
                self._pause(step, answer)
                break
            await asyncio.sleep(self._pause(step, answer))
        self.found.given_up[step] += 1
        raise GivenUp(step)

    def _pause(self, step: str, answer: Answer) -> float:
        """Seconds until the next attempt after a refusal."""
        if answer.status in (429, 503) and (named := _RETRY_AFTER.search(answer.head)):
            self.found.refused[step, answer.status, int(named[1])] += 1
            return float(named[1])
        self.found.failed[step, f"{answer.status} {_code(answer)}".strip()] += 1
        return self.random.uniform(*PAUSE_SECONDS)


def _post(path: str, **body: str) -> Request:
    return Request(path, body=json.dumps(body))


async def _until(due: float) -> None:
    await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))


def _code(answer: Answer) -> str:
    try:
        return str(answer.json["code"])
    except (ValueError, LookupError, TypeError):
        return ""
