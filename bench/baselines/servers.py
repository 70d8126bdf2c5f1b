"""Starts the baselines beside a running service, on gunicorn with as many processes and threads as the service has."""

from dataclasses import dataclass
from itertools import cycle

import psutil

from bench import dataset
from bench.clients import Client
from bench.env import BenchEnv
from inviting_app.ops.embedded import Embedded
from tests.support.ports import free_port
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
    same_answers({env.name: env.port} | {each.name: each.port for each in started}, dataset.tokens(readers))
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


def same_answers(ports: dict[str, int], tokens: list[str]) -> None:
    """Raises AssertionError if a server does not answer these tokens as the first server does."""
    for token in tokens:
        answers = {name: Client("127.0.0.1", cycle([port])).me(token).body for name, port in ports.items()}
        for answer in answers.values():
            # The service alone knows how it encodes a cursor.
            answer["invitations_next"] = bool(answer["invitations_next"])
        first = next(iter(answers.values()))
        assert all(answer == first for answer in answers.values()), answers
