"""Starts the baselines beside a running service, on gunicorn with as many processes and threads as the service has."""

import json
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import psutil

from bench import dataset
from bench.env import BenchEnv
from inviting_app.ops.embedded import Embedded
from tests.support.service import free_port
from users import keys

NAMES = ("bare", "drf")
# As in inviting_app/ops/gunicorn_conf.py. More connections than threads, but few, so that both processes get some.
GUNICORN = ["--worker-class=gthread", "--workers=2", "--threads=4", "--worker-connections=10", "--keep-alive=5"]


@dataclass
class Baseline:
    name: str
    port: int
    process: psutil.Process

    def web(self) -> psutil.Process:
        return self.process


def start(env: BenchEnv) -> list[Baseline]:
    """Start all of them, and check that they answer as the service does."""
    started = [_start(name, env) for name in NAMES]
    readers = [*dataset.spread(env.users, 20), dataset.CELEBRITY]
    same_answers({each.name: each.port for each in (env, *started)}, dataset.tokens(readers))
    return started


def _start(name: str, env: BenchEnv) -> Baseline:
    port = free_port()
    at = Embedded(env.service.data).settings()
    variables = {
        "PGHOST": at["HOST"],
        "PGUSER": at["USER"],
        "PGDATABASE": at["NAME"],
        "SITE_URL": f"http://localhost:{env.port}",
        "BASELINE_TOKEN_KEY": keys.token_keys()[0].hex(),
    }
    process = env.spawn_gunicorn(port, *GUNICORN, f"--bind=127.0.0.1:{port}", f"bench.baselines.{name}", **variables)
    return Baseline(name, port, psutil.Process(process.pid))


def same_answers(ports: dict[str, int], tokens: Iterable[str]) -> None:
    """Raises AssertionError if a server does not answer these tokens as the first server does."""
    for token in tokens:
        answers = {name: profile(port, token) for name, port in ports.items()}
        first, expected = next(iter(answers.items()))
        for name, answer in answers.items():
            assert answer == expected, f"{name} answers {answer}, but {first} answers {expected}"


def profile(port: int, token: str) -> dict[str, Any]:
    """The own profile as the server on this port answers it, without the cursor. Raises OSError if it is refused."""
    headers = {"Authorization": f"Bearer {token}", "Host": "localhost"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/api/v1/profiles/me", headers=headers)
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        found: dict[str, Any] = json.loads(answer.read())
    # The service alone knows how it encodes a cursor.
    found["invitations_next"] = bool(found["invitations_next"])
    return found
