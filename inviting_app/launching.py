"""How `serve` starts web and worker, and starts them anew while people are served."""

from __future__ import annotations

import logging
import os
import select
import signal
import socket
import subprocess
import sys
from typing import Any

from django.conf import settings
from dotenv import dotenv_values

from inviting_app import environment
from inviting_app.embedded import die_with_parent
from inviting_app.supervisor import Part, Process, kill_group

logger = logging.getLogger(__name__)

READY_FD = "READY_FD"
"""The variable with the file that a web server writes to as soon as it can serve."""

RENEW_SECONDS = 30.0
"""For a new web server to get so far."""

STOP_SECONDS = 6.5
"""For web and worker to finish what they are at; PostgreSQL then has its own few seconds: ten in all."""


def bound() -> socket.socket:
    """The socket that all web servers of this start share, one after the other. Raises OSError."""
    listener = socket.socket(socket.AF_INET6 if ":" in environment.HOST else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((environment.HOST, environment.PORT))
    except OSError:
        listener.close()
        raise
    return listener


class Launcher:
    """Starts processes by the code and with the settings of the moment."""

    def __init__(self, listener: socket.socket) -> None:
        self.listener = listener
        self.read_at_first = _env_file()

    def web(self, ready: int | None = None) -> Process:
        files = [self.listener.fileno(), *([ready] if ready else [])]
        command = ["-m", "gunicorn", "-c", "python:inviting_app.gunicorn_conf", "--bind", f"fd://{files[0]}"]
        return self._start(command, files, {READY_FD: str(ready)} if ready else {})

    def worker(self) -> Process:
        return self._start(["manage.py", "worker"])

    def prepared(self) -> bool:
        """Whether the version that is there now has what it needs; what is wrong goes to the standard error."""
        return subprocess.run([sys.executable, "manage.py", "prepare"], **self._here()).returncode == 0

    def _start(self, command: list[str], files: list[int] | None = None, more: dict[str, str] | None = None) -> Process:
        # In a session of its own, a terminal's Ctrl-C reaches `serve` alone, which stops the parts in order.
        return subprocess.Popen(
            [sys.executable, *command],
            **self._here(more),
            pass_fds=files or [],
            start_new_session=True,
            # Without PostgreSQL, which goes too, there is nothing they could end in order.
            preexec_fn=die_with_parent(signal.SIGKILL),
        )

    def _here(self, more: dict[str, str] | None = None) -> dict[str, Any]:
        """In this folder, with what was given to this process and `.env` as it is now."""
        given = {name: value for name, value in os.environ.items() if self.read_at_first.get(name) != value}
        return {"cwd": settings.BASE_DIR, "env": _env_file() | given | (more or {})}


def _env_file() -> dict[str, str]:
    return {name: value for name, value in dotenv_values(settings.BASE_DIR / ".env").items() if value is not None}


def renew(launcher: Launcher, web: Part, worker: Part) -> None:
    """Replace web and worker by new ones, of the code and settings that are there now; no request is refused meanwhile.

    If the new ones do not come up, the old ones go on.
    """
    logger.info("starting web and worker anew")
    # The worker first: jobs of the old web processes are known to the new one, but perhaps not the other way round.
    new = None
    if launcher.prepared():
        _replace(worker, launcher.worker())
        new = _ready_web(launcher)
    if new is None:
        logger.error("the web was not started anew; the old one goes on")
        return
    _replace(web, new)
    logger.info("web and worker are new")


def _replace(part: Part, process: Process) -> None:
    former = part.replace(process)
    former.terminate()
    former.wait(STOP_SECONDS)


def _ready_web(launcher: Launcher) -> Process | None:
    """A web server that is about to serve; None if it ended, or took too long."""
    reading, writing = os.pipe()
    process = launcher.web(writing)
    os.close(writing)
    with open(reading, "rb") as pipe:
        readable, _, _ = select.select([pipe], [], [], RENEW_SECONDS)
        if readable and pipe.read(1):
            return process
    kill_group(process)
    process.wait()
    return None
