"""How a server is asked for a code, told the code, and asked who one is."""

import json
from itertools import islice

import psutil

from bench import dataset
from bench.env import BenchEnv
from bench.journeys.wire import Answer
from bench.scenarios import ME, bearer
from bench.wrk import Request

SERVICE = "this service"
READ, ASK, SEND, VERIFY, JOURNEY = "own profile", "ask", "one SMS", "verify", "whole journey"
OPERATIONS = (READ, ASK, SEND, VERIFY, JOURNEY)
READERS = 10_000


class Server:
    """A server that is measured. A kind of server has the methods that its `operations` need: FastAPI only reads.

    `path` of a request is below its port; phones are in E.164.
    """

    name: str
    port: int
    # The operations that are measured.
    operations: tuple[str, ...] = (READ, ASK, VERIFY, JOURNEY)

    def web(self) -> psutil.Process:
        raise NotImplementedError

    def reads(self) -> list[Request]:
        """The own profiles or sessions of different users."""
        raise NotImplementedError

    def read_is_right(self, answer: Answer) -> bool:
        raise NotImplementedError

    def ask(self, phone: str, address: str) -> Request:
        raise NotImplementedError

    def issued(self, answer: Answer) -> str:
        """What identifies the attempt later. Raises ValueError or LookupError if there was no code."""
        raise NotImplementedError

    def verify(self, phone: str, code: str, issued: str, address: str) -> Request:
        raise NotImplementedError

    def signed_in(self, answer: Answer) -> bool:
        raise NotImplementedError


class Service(Server):
    name = SERVICE
    operations = OPERATIONS

    def __init__(self, env: BenchEnv) -> None:
        self.env, self.port = env, env.port

    def web(self) -> psutil.Process:
        return self.env.web()

    def reads(self) -> list[Request]:
        readers = dataset.spread(self.env.users, min(READERS, self.env.users // 2))
        return [Request(ME, bearer(token)) for token in dataset.tokens(readers)]

    def read_is_right(self, answer: Answer) -> bool:
        return answer.status == 200 and bool(answer.json["invite_code"])

    def ask(self, phone: str, address: str) -> Request:
        return post("/api/auth/signup", {"phone": phone}, address)

    def issued(self, answer: Answer) -> str:
        challenge: str = answer.json["challenge_id"]
        return challenge

    def verify(self, phone: str, code: str, issued: str, address: str) -> Request:
        return post("/api/auth/login", {"challenge_id": issued, "code": code}, address)

    def signed_in(self, answer: Answer) -> bool:
        return answer.status == 200 and bool(answer.json["token"])


def post(path: str, body: dict[str, str], address: str, **headers: str) -> Request:
    """A request with JSON from this address, as a proxy passes it on."""
    return Request(path, {"X-Forwarded-For": address, **headers}, json.dumps(body))


def some(requests: list[Request], count: int) -> list[Request]:
    """So many of them, at even distances."""
    return list(islice(requests[:: max(1, len(requests) // count)], count))
