"""Starts the yardsticks as processes beside a running service, on its database and with its tokens.

    process = start("bare", port=8001, data=data, site_url="http://localhost:8000", log=log)
    wait_until_ready(process, 8001, token)
    same_answers({"service": 8000, "bare": 8001}, tokens)
    same_statements(database, {"service": sign_up_there, "bare": sign_up_here})
    stop(process)

As many worker processes as the service has; those of Django with the very settings of its web server.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg

from bench.people import token_key
from inviting_app.ops.embedded import Embedded, die_with_parent
from tests.support import environment as variables

ROOT = Path(__file__).parents[2]
PATH = "/api/v1/profiles/me"

_GUNICORN = ["gunicorn", "-c", "python:inviting_app.ops.gunicorn_conf"]
_UVICORN = ["uvicorn", "--no-access-log", "--log-level", "warning"]
COMMANDS = {
    "bare": [*_GUNICORN, "bench.yardsticks.bare"],
    "drf": [*_GUNICORN, "bench.yardsticks.drf"],
    "fastapi_asyncpg": [*_UVICORN, "bench.yardsticks.fastapi_asyncpg:app"],
    "fastapi_sqlalchemy": [*_UVICORN, "bench.yardsticks.fastapi_sqlalchemy:app"],
}
NAMES = tuple(COMMANDS)


def database(data: Path) -> dict[str, str]:
    """Where PostgreSQL's clients find the database of the service with this DATA_DIR, as environment variables."""
    at = Embedded(data).settings()
    return {"PGHOST": at["HOST"], "PGUSER": at["USER"], "PGDATABASE": at["NAME"]}


def start(name: str, *, port: int, data: Path, site_url: str, log: Path) -> psutil.Popen:
    """One of COMMANDS on this loopback port.

    `data` and `site_url` are the service's DATA_DIR and SITE_URL; what the yardstick says goes to the file `log`.
    """
    from inviting_app import env  # reads what tests.support.environment has cleaned

    command = [sys.executable, "-m", *COMMANDS[name]]
    if name.startswith("fastapi"):
        command += ["--host", "127.0.0.1", "--port", str(port), "--workers", str(env.WEB_WORKERS)]
    # Empty rather than unset: a developer's `.env` must not reach it.
    clean = {**os.environ, **dict.fromkeys(variables.NAMES, "")}
    own = {"PORT": str(port), "DATA_DIR": str(data), "SITE_URL": site_url, "YARDSTICK_TOKEN_KEY": token_key(data).hex()}
    with log.open("ab") as output:
        return psutil.Popen(
            command,
            cwd=ROOT,
            env={**clean, **database(data), **own},
            stdout=output,
            stderr=output,
            preexec_fn=die_with_parent(signal.SIGTERM),
        )


def wait_until_ready(process: psutil.Popen, port: int, token: str, seconds: float = 30) -> None:
    """Until it answers a person's request for their profile."""
    deadline = time.monotonic() + seconds
    while True:
        with suppress(OSError):
            profile(port, token)
            return
        assert process.poll() is None, f"{process.args} has ended"
        assert time.monotonic() < deadline, f"{process.args} does not answer"
        with suppress(psutil.TimeoutExpired):
            process.wait(0.05)


def stop(process: psutil.Popen) -> None:
    """With all its workers."""
    with suppress(psutil.NoSuchProcess):
        family = [process, *process.children(recursive=True)]
        process.terminate()
        _, alive = psutil.wait_procs(family, timeout=10)
        for each in alive:
            with suppress(psutil.NoSuchProcess):
                each.kill()
    process.wait()


def same_answers(ports: dict[str, int], tokens: Iterable[str]) -> None:
    """Have the servers answer these people.

    Raises AssertionError, with the names of the two, if an answer is not that of the first server.
    """
    for token in tokens:
        answers = {name: profile(port, token) for name, port in ports.items()}
        first, expected = next(iter(answers.items()))
        for name, answer in answers.items():
            assert answer == expected, f"{name} answers {answer}, but {first} answers {expected}"


# By id: the text is that of whoever sent it first, with or without its constants.
# By text: a number is sent in as few bytes as it needs, so one statement may have several query ids.
_STATEMENTS = """
SELECT query, sum(calls)::int FROM pg_stat_statements WHERE query !~ 'pg_stat_statements' GROUP BY query
"""


def same_statements(database: psycopg.Connection[Any], sends: dict[str, Callable[[], object]]) -> dict[str, int]:
    """Have each server, by name, answer its requests, which `sends` makes, while nobody else asks PostgreSQL.

    Returns how often each statement was sent. Raises AssertionError if a server sends one more or less often than the
    first server.
    """
    sent: dict[str, dict[str, int]] = {}
    for name, send in sends.items():
        database.execute("SELECT pg_stat_statements_reset()")
        send()
        sent[name] = dict(database.execute(_STATEMENTS).fetchall())
    first, expected = next(iter(sent.items()))
    for name, statements in sent.items():
        odd = dict(statements.items() ^ expected.items())
        assert not odd, f"{name} and {first} do not send alike: {odd}"
    return expected


def profile(port: int, token: str) -> Any:
    """The answer of the server on this port. Raises OSError if it is an error or there is none."""
    # The same host for all, for it stands in the addresses of further pages.
    headers = {"Authorization": f"Bearer {token}", "Host": "localhost"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{PATH}", headers=headers)
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return json.loads(answer.read())
