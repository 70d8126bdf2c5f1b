"""A client over real sockets that loses answers at random: it stays signed in, and a thief is found out.

Time passes by moving the rows of the database into the past, so nothing waits.
"""

import json
import random
import socket
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.support.environment import THOROUGH
from tests.support.service import Service

pytestmark = pytest.mark.thorough

REFRESHES = 1000 if THOROUGH else 100
SEEDS = range(12 if THOROUGH else 2)
AGO = """
UPDATE users_device SET refreshed_at = refreshed_at - %(ago)s * interval '1 s'
 WHERE session_id = %(session)s
"""
LIVE = "SELECT ended_at IS NULL, trust_hash IS NOT NULL FROM users_device WHERE session_id = %s"
ME = "/api/v1/profiles/me"


class Lost(Exception):
    """No answer came."""


@pytest.fixture(scope="module")
def database(service: Service) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(**service.database, autocommit=True, options="-c synchronous_commit=off") as connection:
        yield connection


class Client:
    """Stores a pair before it uses it, as docs/clients.md says. Its network loses requests and answers."""

    def __init__(self, service: Service, chance: random.Random, pair: dict[str, Any], losses: float = 0) -> None:
        self.service, self.chance, self.losses = service, chance, losses
        self.pair = pair
        self.lost_pairs: list[dict[str, Any]] = []

    def refresh(self) -> int:
        """The status. Raises Lost."""
        status, body = self._send("POST", "/api/auth/refresh", {"refresh": self.pair["refresh"]})
        if status == 200:
            self.pair = body
        return status

    def me(self) -> int:
        return self._send("GET", ME)[0]

    def _send(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        text = json.dumps(body).encode() if body else b""
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {self.pair['token']}\r\nContent-Length: {len(text)}\r\nConnection: close\r\n\r\n"
        )
        fate = self.chance.random() / self.losses if self.losses else 1
        with socket.create_connection(("127.0.0.1", self.service.port), timeout=30) as peer:
            if fate < 0.3:  # cut off before the service has it all
                peer.sendall(head.encode()[: self.chance.randrange(len(head))])
                raise Lost
            peer.sendall(head.encode() + text)
            answer = peer.makefile("rb").read()
        status, read = int(answer.split(b" ")[1]), json.loads(answer.partition(b"\r\n\r\n")[2] or b"null")
        if fate < 1:
            if method == "POST" and status == 200:
                self.lost_pairs.append(read)
            raise Lost
        return status, read


def session(database: Any) -> Any:
    """The id of the newest session."""
    return database.execute("SELECT session_id FROM users_device ORDER BY id DESC LIMIT 1").fetchone()[0]


def pass_time(database: Any, session_id: Any, seconds: float) -> None:
    if seconds:
        database.execute(AGO, {"ago": seconds, "session": session_id})


def test_client_that_loses_answers_at_random_stays_signed_in(service: Service, database: Any) -> None:
    chance = random.Random(20261127)
    client = Client(service, chance, service.sign_in("9991110001"), losses=0.5)
    own = session(database)
    refreshed = lost = 0

    while refreshed < REFRESHES:
        pass_time(database, own, chance.choice([0, 0, 0, 0, 9.5, 11, 86_400]))
        try:
            if chance.random() < 0.2:
                assert client.me() == 200
            assert client.refresh() == 200
            refreshed += 1
        except Lost:
            lost += 1

    assert lost > REFRESHES / 2 and len(client.lost_pairs) > REFRESHES / 4
    assert database.execute(LIVE, [own]).fetchone() == (True, True)
    client.losses = 0
    assert client.me() == client.refresh() == 200


def go_on(database: Any, own: Any, chance: random.Random, players: list[Client], rounds: int = 12) -> set[Client]:
    """Let the clients use the session in turn, at random times. Returns those that were refused."""
    refused = set()
    for _ in range(rounds):
        for player in chance.sample(players, len(players)):
            pass_time(database, own, chance.choice([0, 3, 11, 600]))
            try:
                statuses = {player.me(), player.refresh()} if chance.random() < 0.5 else {player.refresh()}
            except Lost:
                continue
            assert statuses <= {200, 401}
            if 401 in statuses:
                refused.add(player)
    return refused


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("stolen", ["the pair in use", "the pair whose answer was lost"])
def test_thief_is_found_out(service: Service, database: Any, seed: int, stolen: str) -> None:
    chance = random.Random(f"{stolen} {seed}")
    number = 2 + seed + len(SEEDS) * (stolen == "the pair in use")
    client = Client(service, chance, service.sign_in(f"99911100{number:02}"), losses=0.3)
    own = session(database)
    assert go_on(database, own, chance, [client], rounds=chance.randrange(1, 8)) == set()
    if stolen == "the pair in use":
        pair = client.pair
    else:
        while not client.lost_pairs or client.lost_pairs[-1]["refresh"] == client.pair["refresh"]:
            client.losses = 0.99
            go_on(database, own, chance, [client], rounds=1)
        client.losses, pair = 0.3, client.lost_pairs[-1]
    thief = Client(service, chance, pair)

    refused = go_on(database, own, chance, [client, thief])

    assert thief in refused
    assert database.execute(LIVE, [own]).fetchone() == (False, False)
