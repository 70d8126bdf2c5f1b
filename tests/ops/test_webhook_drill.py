"""A receiver that is down for long and workers that are killed: no event is lost, and none gets another id."""

import base64
import uuid
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from threading import Event
from typing import Any

import psutil
import psycopg
import pytest

from tests.support.http_gateway import running
from tests.support.service import Service, ready_service
from tests.support.webhooks import Receiver, Request, verified
from users.keys import hkdf_sha256

pytestmark = pytest.mark.long

KILLS = 5
# Events of users who sign in, and of others, whose number makes that workers die in the middle.
SIGN_INS, OTHERS = 3, 300
ANSWER_SECONDS = 0.05
DELIVERED_SECONDS = 90

ENDPOINT = """
INSERT INTO profiles_webhookendpoint (url, events, nonce, is_enabled, disabled_reason, error)
VALUES (%s, '{user.verified}', %s, true, '', '')
"""
EVENTS = """
INSERT INTO profiles_webhookdelivery (endpoint_id, kind, data)
SELECT endpoint.id, 'user.verified', jsonb_build_object('user_id', number)
  FROM profiles_webhookendpoint AS endpoint, generate_series(1001, 1000 + %s) AS number
"""
DUE = "UPDATE profiles_webhookdelivery SET next_try_at = now() WHERE state = 'queued'"
COUNTS = "SELECT state, count(*) FROM profiles_webhookdelivery GROUP BY state"


class Slow(Receiver):
    """Answers after a while, so that workers die in the middle. `status` is that of an answer which was sent."""

    def __init__(self) -> None:
        super().__init__()
        self.RequestHandlerClass = SlowRequest
        self.taken: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)


class SlowRequest(Request):
    server: Slow

    def read(self, body: bytes) -> dict[str, Any]:
        message = super().read(body)
        Event().wait(ANSWER_SECONDS)
        if self.server.status == 200:
            self.server.taken[message["webhook-id"]].append(message)
        return message


@pytest.fixture
def slow() -> Iterator[Slow]:
    yield from running(Slow)


def kill_worker(service: Service, seen: Any) -> None:
    """Kill the worker as soon as the receiver has got something, from this worker or from the one before."""
    before = len(seen)
    service.wait_for(lambda: len(seen) > before + 5 and service.part("manage.py worker"))
    worker = service.part("manage.py worker")
    assert worker
    with suppress(psutil.NoSuchProcess):
        worker.kill()
        worker.wait(10)


def test_no_event_is_lost(slow: Slow) -> None:
    nonce = uuid.uuid4()
    with (
        ready_service(WEBHOOK_PRIVATE_ADDRESSES="127.0.0.0/8") as service,
        psycopg.connect(**service.database, autocommit=True) as database,
    ):
        database.execute(ENDPOINT, [slow.url, nonce])
        key = hkdf_sha256((service.data / "secret_key").read_text().strip().encode(), b"webhook " + nonce.bytes)
        slow.status = 503
        for number in range(SIGN_INS):
            service.sign_in(f"999111006{number}")
        database.execute(EVENTS, [OTHERS])
        for _ in range(KILLS):
            kill_worker(service, slow.messages)
            database.execute(DUE)
        assert dict(database.execute(COUNTS).fetchall()) == {"queued": SIGN_INS + OTHERS}

        slow.status = 200
        database.execute(DUE)
        for _ in range(KILLS):
            kill_worker(service, slow.messages)
            database.execute(DUE)
        service.wait_for(lambda: dict(database.execute(COUNTS).fetchall()).keys() == {"delivered"}, DELIVERED_SECONDS)
        query = "SELECT message_id, id, data->>'user_id' FROM profiles_webhookdelivery"
        stored = {f"msg_{found.hex}": (sequence, int(user)) for found, sequence, user in database.execute(query)}
        [(users,)] = database.execute("SELECT count(*) FROM users_user WHERE verified_at IS NOT NULL").fetchall()

    assert users == SIGN_INS and len(stored) == SIGN_INS + OTHERS
    assert slow.taken.keys() == stored.keys()
    secret = f"whsec_{base64.b64encode(key).decode()}"
    for message_id, messages in slow.taken.items():
        [(sequence, user_id)] = {
            (event["sequence"], event["data"]["user_id"]) for event in (verified(secret, one) for one in messages)
        }
        assert (sequence, user_id) == stored[message_id]
    print(f"{sum(len(messages) for messages in slow.taken.values()) - len(stored)} duplicates of {len(stored)} events")
