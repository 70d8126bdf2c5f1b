"""Starts the baselines beside a running service, on gunicorn with as many processes and threads as the service has."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from bench import dataset
from bench.env import BenchEnv
from inviting_app.ops.embedded import Embedded, die_with_parent
from tests.support.service import free_port

ROOT = Path(__file__).parents[2]
NAMES = ("bare", "drf")
START_SECONDS = 30
# As in inviting_app/ops/gunicorn_conf.py. More connections than threads, but few, so that both processes get some.
GUNICORN = ["--worker-class=gthread", "--workers=2", "--threads=4", "--worker-connections=10", "--keep-alive=5"]


@dataclass
class Baseline:
    name: str
    port: int
    process: psutil.Process

    def web(self) -> psutil.Process:
        return self.process


@contextmanager
def running(env: BenchEnv) -> Iterator[list[Baseline]]:
    """Start all of them, and check that they answer as the service does."""
    started: list[Baseline] = []
    try:
        for name in NAMES:
            started.append(_start(name, env))
        readers = [*dataset.spread(env.users, 20), dataset.CELEBRITY]
        same_answers({each.name: each.port for each in (env, *started)}, dataset.tokens(env.data, readers))
        yield started
    finally:
        for baseline in started:
            baseline.process.terminate()
        psutil.wait_procs([baseline.process for baseline in started], timeout=10)


def _start(name: str, env: BenchEnv) -> Baseline:
    port = free_port()
    at = Embedded(env.data).settings()
    environment = {
        **os.environ,
        "PGHOST": at["HOST"],
        "PGUSER": at["USER"],
        "PGDATABASE": at["NAME"],
        "SITE_URL": f"http://localhost:{env.port}",
        "BASELINE_TOKEN_KEY": dataset.token_key(env.data).hex(),
    }
    command = [sys.executable, "-m", "gunicorn", *GUNICORN, f"--bind=127.0.0.1:{port}", f"bench.baselines.{name}"]
    with env.service.log.open("ab") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=log, stderr=log, preexec_fn=die_with_parent(signal.SIGTERM)
        )
    deadline = time.monotonic() + START_SECONDS
    while True:
        with suppress(OSError):
            profile(port, dataset.tokens(env.data, [dataset.OPERATOR])[0])
            return Baseline(name, port, psutil.Process(process.pid))
        assert process.poll() is None and time.monotonic() < deadline, f"{name} does not start: {env.service.output}"
        time.sleep(0.05)


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
