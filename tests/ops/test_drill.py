"""Random crashes while users sign up: every SMS that a response promised is sent."""

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

import psutil
import psycopg
import pytest

from tests.support.environment import THOROUGH
from tests.support.http_gateway import Gateway, Webhook
from tests.support.service import Service, first, ready_service

ROUNDS = 4 if THOROUGH else 1
SERVED_BETWEEN_CRASHES = 5
GATEWAY_SECONDS = 0.05
RECOVERY_SECONDS = 20
# For the last jobs of dead workers; codes live for five minutes.
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


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with Gateway(SlowWebhook) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_crashes_neither_lose_nor_repeat_an_sms(gateway: Gateway) -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    with ready_service(SMS_GATEWAYS=gateway.url) as service:
        crowd = Crowd(service)

        with crowd.signing_up():
            for victim in in_random_order(random.Random(seed)):
                kill(victim, service)
                killed_at = time.monotonic()
                service.wait_for(partial(crowd.served_since, killed_at), RECOVERY_SECONDS)

        with psycopg.connect(**service.database, autocommit=True) as database:
            service.wait_for(lambda: not rows(database, JOBS), TAKEN_UP_SECONDS)
            deliveries = rows(database, DELIVERIES)

    received = defaultdict(list)
    for message in gateway.messages:
        received[message["to"]].append(message["at"])
    assert {state for _, state, _, _ in deliveries} == {"sent"}
    assert crowd.accepted.keys() <= {phone for phone, _, _, _ in deliveries} == set(received)
    for phone, _, finished_at, expires_at in deliveries:
        assert max(received[phone]) < finished_at < expires_at


JOBS = "SELECT id, status FROM procrastinate_jobs WHERE task_name = 'users.tasks.send_sms'"
DELIVERIES = """
SELECT phone, state, extract(epoch FROM finished_at), extract(epoch FROM expires_at)
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
