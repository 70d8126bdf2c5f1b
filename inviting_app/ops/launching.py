"""How `serve` starts web and worker, and starts them anew while people are served."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack

from django.conf import settings
from dotenv import dotenv_values

from inviting_app.ops.embedded import die_with_parent
from inviting_app.ops.supervisor import STARTER_FD, Part, Process, Start, kill_group

logger = logging.getLogger(__name__)

# Settings that `serve` itself goes by, so that its parts have them until it is stopped.
KEPT = ("HOST", "PORT", "DATA_DIR", "DATABASE_URL", "WORKER_DATABASE_URL")

# For a new web server and a new worker to come up.
RENEW_SECONDS = 30.0

# For web and worker to finish what they are at; PostgreSQL then has its own few seconds: ten in all.
STOP_SECONDS = 6.5

# For former ones that are still finishing when all is stopped.
LEAVE_SECONDS = 1.0


def bound() -> socket.socket:
    """The socket that all web servers of this start share, one after the other. Raises OSError."""
    listener = socket.socket(socket.AF_INET6 if ":" in settings.HOST else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.HOST, settings.PORT))
    except OSError:
        listener.close()
        raise
    return listener


class Launcher:
    """Starts processes with the settings of the moment in which it was made."""

    def __init__(self, listener: socket.socket, given: dict[str, str] | None = None) -> None:
        """`given` is what stands above `.env`: without it, what this process was given, by others or as KEPT."""
        self.listener = listener
        self.env_file = _env_file()
        if given is None:
            given = {name: value for name, value in os.environ.items() if self.env_file.get(name) != value}
            given |= {name: os.environ.get(name, "") for name in KEPT} | {"PYTHON_DOTENV_DISABLED": "1"}
        self.given = given

    def anew(self) -> Launcher:
        """One with the settings of now."""
        later = Launcher(self.listener, self.given)
        if ignored := [name for name in KEPT if later.env_file.get(name) != self.env_file.get(name)]:
            logger.warning("%s stays as it was until a stop and a start", ", ".join(ignored))
        return later

    def web(self, starter: int | None = None) -> Process:
        port = self.listener.fileno()
        command = ["-m", "gunicorn", "-c", "python:inviting_app.ops.gunicorn_conf", "--bind", f"fd://{port}"]
        return self._start(command, starter, port)

    def worker(self, starter: int | None = None) -> Process:
        return self._start(["manage.py", "worker"], starter)

    def prepare(self) -> Process:
        return self._start(["manage.py", "prepare"])

    def _start(self, command: list[str], starter: int | None = None, *files: int) -> Process:
        told = {} if starter is None else {STARTER_FD: str(starter)}
        # In a session of its own, a terminal's Ctrl-C reaches `serve` alone, which stops the parts in order.
        return subprocess.Popen(
            [sys.executable, *command],
            cwd=settings.BASE_DIR,
            env=self.env_file | self.given | told,
            pass_fds=[*files, *([] if starter is None else [starter])],
            start_new_session=True,
            # Without PostgreSQL, which goes too, there is nothing they could end in order.
            preexec_fn=die_with_parent(signal.SIGKILL),
        )


def _env_file() -> dict[str, str]:
    return {name: value for name, value in dotenv_values(settings.BASE_DIR / ".env").items() if value is not None}


class NotUp(Exception):
    """What was started does not come up."""


class Newcomer:
    """A process that says when it is up, and then waits until all are."""

    def __init__(self, start: Start) -> None:
        self.start = start
        self.pipe, theirs = socket.socketpair()
        with theirs:
            self.process = start(theirs.fileno())
        self.pipe.setblocking(False)
        self.has_a_part = False

    def is_up(self) -> bool:
        """Raises NotUp if it never will be."""
        try:
            said = self.pipe.recv(1)
        except BlockingIOError:
            return False
        if not said:
            raise NotUp
        return True

    def take_over(self, part: Part) -> Iterator[None]:
        """Let it begin as this part, and the former process finish what it is at."""
        former = part.replace(self.process, self.start)
        self.has_a_part = True
        self.pipe.close()
        former.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        try:
            while former.is_running() and time.monotonic() < deadline:
                yield
        except GeneratorExit:
            former.wait(LEAVE_SECONDS)
            raise
        former.wait(0)

    def give_up(self) -> None:
        """End it, unless it has become a part."""
        self.pipe.close()
        if not self.has_a_part:
            kill_group(self.process)
            self.process.wait()


def renewal(current: Launcher, web: Part, worker: Part) -> Generator[None]:
    """Replace web and worker by new ones, of the code and settings that are there now; no request is refused meanwhile.

    Goes on a little at each step, so that the parts are looked after meanwhile. If the new ones do not come up, or this
    is closed before they do, the old ones go on.
    """
    logger.info("starting web and worker anew")
    with ExitStack() as undo:
        try:
            launcher = current.anew()
            yield from _prepared(launcher)
            newcomers = []
            for start in (launcher.worker, launcher.web):
                newcomers.append(Newcomer(start))
                undo.callback(newcomers[-1].give_up)
            yield from _all_up(newcomers)
        except (NotUp, OSError, ValueError) as error:  # without its text, which may quote `.env`
            logger.error("web and worker were not started anew (%s); the old ones go on", type(error).__name__)
            return
        new_worker, new_web = newcomers
        # The worker first: jobs of the old web processes are known to the new one, but perhaps not the other way round.
        yield from new_worker.take_over(worker)
        yield from new_web.take_over(web)
    logger.info("web and worker are new")


def _prepared(launcher: Launcher) -> Iterator[None]:
    preparing = launcher.prepare()
    try:
        while preparing.poll() is None:
            yield
    finally:
        kill_group(preparing)
        preparing.wait()
    if preparing.returncode:
        raise NotUp


def _all_up(newcomers: list[Newcomer]) -> Iterator[None]:
    deadline = time.monotonic() + RENEW_SECONDS
    while newcomers := [newcomer for newcomer in newcomers if not newcomer.is_up()]:
        if time.monotonic() > deadline:
            raise NotUp
        yield
