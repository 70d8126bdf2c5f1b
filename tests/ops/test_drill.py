"""Random crashes while users sign up: every SMS that a response promised is sent, whatever a provider answers."""

import random
import secrets
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http.client import HTTPException
from itertools import count
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qs

import psutil
import psycopg
import pytest

from tests.support.http_gateway import Gateway, Webhook, running
from tests.support.provider_peer import BROKEN, Asked, Peer, Reply, as_reply, played
from tests.support.service import Service, first, ready_service
from users.sms.delivery import MOST_OPEN_TRIES

ROUNDS = 4
SERVED_BETWEEN_CRASHES = 5
GATEWAY_SECONDS = 0.05
RECOVERY_SECONDS = 20
# For the last SMS of dead workers; codes live for five minutes.
TAKEN_UP_SECONDS = 60


class SlowWebhook(Webhook):
    """Records when it got each message, and is slow, so that crashes happen in the middle of a send."""

    def read(self, body: bytes) -> dict[str, Any]:
        message = {**super().read(body), "at": time.time()}
        Event().wait(GATEWAY_SECONDS)
        return message


class Crowd:
    """Signs up new phones, each from another address, and remembers those that got a 200."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.accepted: dict[str, float] = {}
        self.went_home = Event()

    def sign_up(self) -> None:
        for number in count():
            if self.went_home.wait(0.02):
                return
            phone, asked_at = f"+7999{number:07}", time.monotonic()
            with suppress(OSError, HTTPException):
                status = self.service.sign_up(
                    phone, f"127.{1 + number // 62500}.{number // 250 % 250}.{number % 250 + 1}"
                )
                assert status in (200, 503)
                if status == 200:
                    self.accepted[phone] = asked_at

    def served_since(self, then: float) -> bool:
        return sum(asked_at > then for asked_at in list(self.accepted.values())) >= SERVED_BETWEEN_CRASHES

    @contextmanager
    def signing_up(self) -> Iterator[None]:
        thread = Thread(target=self.sign_up)
        thread.start()
        try:
            yield
        finally:
            self.went_home.set()
            thread.join()


def web(service: Service) -> psutil.Process | None:
    return service.part("gunicorn")


def web_worker(service: Service) -> psutil.Process | None:
    master = web(service)
    return first(master.children(), "gunicorn") if master else None


def worker(service: Service) -> psutil.Process | None:
    return service.part("manage.py worker")


def postmaster(service: Service) -> psutil.Process | None:
    return service.part("postgres")


def backend(service: Service) -> psutil.Process | None:
    master = postmaster(service)
    return first(master.children(), "[local]") if master else None


VICTIMS = [web, web_worker, worker, postmaster, backend]


class Moody(Peer):
    """A provider that answers at random all that SMSC.ru can answer. It remembers the verdicts for each phone."""

    def __init__(self, chosen: random.Random) -> None:
        super().__init__()
        known = [(answer["verdict"], as_reply(answer)) for answer in played("smsc")["answers"]]
        self.replies = known + [("unknown", reply) for reply in BROKEN.values()]
        self.random = chosen
        self.verdicts: defaultdict[str, list[str]] = defaultdict(list)

    def choose(self, asked: Asked) -> Reply:
        verdict, reply = self.random.choice(self.replies)
        [phone] = parse_qs(asked.body.decode())["phones"]
        self.verdicts[phone].append(verdict)
        return reply


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    yield from running(partial(Gateway, SlowWebhook))


@pytest.fixture
def chosen() -> random.Random:
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    return random.Random(seed)


@pytest.fixture
def moody(chosen: random.Random) -> Iterator[Moody]:
    yield from running(partial(Moody, chosen))


@pytest.mark.long
def test_crashes_neither_lose_nor_repeat_an_sms(gateway: Gateway, moody: Moody, chosen: random.Random) -> None:
    first_choice = f"smsc+http://login:password@{moody.host}"
    with ready_service(SMS_GATEWAYS=f"{first_choice},{gateway.url}", WEB_WORKERS="2") as service:
        crowd = Crowd(service)

        with crowd.signing_up():
            for victim in in_random_order(chosen):
                kill(victim, service)
                killed_at = time.monotonic()
                service.wait_for(partial(crowd.served_since, killed_at), RECOVERY_SECONDS)
                with psycopg.connect(**service.database, autocommit=True) as database:
                    # Otherwise a refused account would keep the first choice out of the rest of the drill.
                    database.execute("DELETE FROM users_smsgateway")

        with psycopg.connect(**service.database, autocommit=True) as database:
            service.wait_for(lambda: not rows(database, QUEUED), TAKEN_UP_SECONDS)
            deliveries = rows(database, DELIVERIES)

    received = defaultdict(list)
    for message in gateway.messages:
        received[message["to"]].append(message["at"])
    assert crowd.accepted.keys() <= {phone for phone, *_ in deliveries}
    for phone, state, finished_at, expires_at, open_tries in deliveries:
        verdicts, times = moody.verdicts[phone], received[phone]
        assert max(times, default=0) < finished_at < expires_at
        if state == "sent":
            assert times or "accepted" in verdicts
        else:
            assert state == "failed"
            # Crashes can cut off both tries at each gateway. A third one could send the SMS three times.
            assert "unreachable" in verdicts or [*open_tries.values()] == [MOST_OPEN_TRIES] * 2
        # Each of these tries may have been paid: those that were cut off by a crash, too.
        assert len([verdict for verdict in verdicts if verdict in ("accepted", "unknown")]) <= MOST_OPEN_TRIES
        assert len(times) <= MOST_OPEN_TRIES


QUEUED = "SELECT id FROM users_smsdelivery WHERE state = 'queued'"
DELIVERIES = """
SELECT phone, state, extract(epoch FROM finished_at), extract(epoch FROM expires_at), open_tries
  FROM users_smsdelivery delivery
  JOIN users_logincode code ON code.id = delivery.login_code_id
  JOIN users_user person ON person.id = code.user_id
"""


def in_random_order(random: random.Random) -> Iterator[Any]:
    for _ in range(ROUNDS):
        yield from random.sample(VICTIMS, len(VICTIMS))


def kill(victim: Any, service: Service) -> None:
    """Kill this part. It may not run yet, after the previous crash."""
    killed = False
    while not killed:
        service.wait_for(lambda: victim(service))
        with suppress(psutil.NoSuchProcess, AttributeError):
            victim(service).kill()
            killed = True


def rows(database: psycopg.Connection[Any], query: str) -> list[Any]:
    return database.execute(query).fetchall()
