"""The whole service as real processes, for the tests that need one."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from django.conf import settings

from tests.environment import NAMES

START_SECONDS = 60
STOP_SECONDS = 10


class Service:
    """`manage.py serve` on a port and a folder of its own."""

    def __init__(self, folder: Path, port: int, **variables: str) -> None:
        self.port = port
        self.log = Path(tempfile.mkstemp(dir=folder, suffix=".log")[1])
        # Empty rather than unset: a developer's `.env` must not reach it.
        clean = {**os.environ, **dict.fromkeys(NAMES, "")}
        environment = {**clean, "PORT": str(port), "DATA_DIR": str(folder / "data"), **variables}
        with self.log.open("ab") as log:
            self.process = psutil.Popen(
                [sys.executable, "manage.py", "serve"], cwd=settings.BASE_DIR, env=environment, stdout=log, stderr=log
            )

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while "inviting_app is ready" not in self.output:
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            self._pause()

    def _pause(self) -> None:
        try:
            self.process.wait(0.05)
        except psutil.TimeoutExpired:
            return

    @property
    def output(self) -> str:
        return self.log.read_text()

    def parts(self) -> list[psutil.Process]:
        return list(self.process.children(recursive=True))

    def stop(self, how: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """The exit status, and how many seconds it took."""
        started = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(how)
        status = self.process.wait(START_SECONDS)
        return status, time.monotonic() - started

    def call(self, path: str, body: Any = None, token: str = "") -> Any:
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read() or "null")

    def sign_in(self, phone: str) -> Any:
        asked = self.call("/api/auth/signup", {"phone": phone})
        return self.call("/api/auth/login", {"code": asked["code"], "challenge_id": asked["challenge_id"]})


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def service_folder() -> Iterator[Path]:
    """A folder for services: short, for the socket's path; open, since root's PostgreSQL runs as another user."""
    with tempfile.TemporaryDirectory(prefix="inviting_app-") as name:
        os.chmod(name, 0o755)
        yield Path(name)


@contextmanager
def services(folder: Path) -> Iterator[Callable[..., Service]]:
    """Makes services with the data of this folder, on one port unless told otherwise; stops them all in the end."""
    started: list[Service] = []
    port = free_port()

    def make(**variables: str) -> Service:
        started.append(Service(folder, port, **variables))
        return started[-1]

    try:
        yield make
    finally:
        for service in started:
            service.stop()
