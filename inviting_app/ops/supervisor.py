"""Keeps the parts of the service running: what ends by itself is started again."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

logger = logging.getLogger(__name__)

# A part that ends so soon after its start has hardly started, on a slow machine too.
AT_ONCE_SECONDS = 30.0

# Ends that say nothing against starting again: its database was away, or somebody ended it.
NOT_ITS_FAULT = (os.EX_TEMPFAIL, -signal.SIGKILL, -signal.SIGTERM)

# Ends at once, in a row, after which starting again mends nothing.
STARTS_IN_VAIN = 5

LONGEST_PAUSE_SECONDS = 1.0

# The variable with the socket by which a process that is to replace another talks to whoever started it.
STARTER_FD = "STARTER_FD"

Process = subprocess.Popen[bytes]
Start = Callable[..., Process]


class CrashLoop(Exception):
    """A part ends each time as soon as it is started; the text is for the operator."""


@dataclass
class Part:
    """One process of the service, and how to start it."""

    name: str
    start: Start
    process: Process | None = None
    started: float = 0.0
    in_vain: int = 0
    # Whether it has served before, so that what keeps it from starting now may pass, as a full disk does.
    lasting: bool = False

    def look_after(self) -> None:
        """Start it if it does not run and it is time to.

        Raises CrashLoop.
        """
        now = time.monotonic()
        if self.process is None:
            if now >= self.started + self._pause():
                self.started, self.process = now, self.start()
        elif self.process.poll() is not None:
            at_once = now < self.started + AT_ONCE_SECONDS and self.process.returncode not in NOT_ITS_FAULT
            self.in_vain = self.in_vain + 1 if at_once else 0
            ended = f"{self.name} ended by itself with status {self.process.returncode}"
            if self.in_vain == STARTS_IN_VAIN and not self.lasting:
                raise CrashLoop(f"{ended}, {STARTS_IN_VAIN} times in a row as soon as it was started.")
            logger.warning("%s; starting it again", ended)
            kill_group(self.process)
            self.process = None
            self.started = now

    def _pause(self) -> float:
        """Seconds to wait before the next start: what the last one has left behind may still be in the way."""
        return min(LONGEST_PAUSE_SECONDS, 0.25 * self.in_vain)

    def replace(self, process: Process, start: Start) -> Part:
        """Look after this process from now on, and start it so; the former one is the caller's to end."""
        former = Part(self.name, self.start, self.process)
        self.process, self.start, self.started, self.in_vain = process, start, time.monotonic(), 0
        return former

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def terminate(self) -> None:
        if self.process is not None:
            with suppress(ProcessLookupError):
                self.process.terminate()

    def wait(self, seconds: float) -> None:
        """Wait for it to end; then end, by force, it and the children it has left."""
        if self.process is not None:
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(max(0.0, seconds))
            kill_group(self.process)
            self.process.wait()


def wait_for_turn() -> None:
    """In a process that is to replace another: say that it is up, and wait until all that replace others are."""
    if number := os.environ.pop(STARTER_FD, ""):
        with socket.socket(fileno=int(number)) as starter:
            starter.send(b"1")
            starter.recv(1)  # nothing, as soon as the other end is closed


def kill_group(process: Process) -> None:
    """The process and its children that did not leave its session."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
