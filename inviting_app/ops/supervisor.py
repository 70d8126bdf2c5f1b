"""Keeps the processes of the service running: a process that ends by itself is started again.

The command `serve` handles the signals.
"""

import logging
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from django.conf import settings
from django.core.management import CommandError

from inviting_app.ops.programs import die_with_parent

logger = logging.getLogger(__name__)

Process = subprocess.Popen[bytes]

# A part that ends within these seconds is started again after a wait, and given up after FAILED_STARTS in a row.
EARLY_SECONDS = 30.0
WAIT_SECONDS = 0.5
FAILED_STARTS = 5
# Exit statuses that do not count as failed starts: the database was unavailable, or the process was killed.
HARMLESS = (os.EX_TEMPFAIL, -signal.SIGKILL, -signal.SIGTERM)
# For web and worker to finish their current work. PostgreSQL then has its own few seconds: ten in all.
FINISH_SECONDS = 6.5


@dataclass
class Part:
    """One process of the service, and how to start it."""

    name: str
    start: Callable[[], Process]
    process: Process | None = None
    started: float = 0.0
    start_at: float = 0.0
    failed_starts: int = 0
    # For PostgreSQL: the cause of a failed start may be temporary, such as a full disk.
    never_given_up: bool = False
    # When a process that was told to end is killed; 0 while it should run.
    kill_at: float = 0.0

    def look_after(self) -> None:
        """Start it again if it has ended. Raises CommandError if it ends early each time."""
        now = time.monotonic()
        if self.process is None:
            if now >= self.start_at:
                self.started, self.process = now, self.start()
        elif (status := self.process.poll()) is not None:
            if not self.kill_at:
                self._note_end(status, now)
            kill_group(self.process)
            self.process, self.kill_at = None, 0.0
        elif self.kill_at and now > self.kill_at:
            kill_group(self.process)

    def _note_end(self, status: int, now: float) -> None:
        early = now < self.started + EARLY_SECONDS
        self.start_at = now + WAIT_SECONDS if early else now
        self.failed_starts = self.failed_starts + 1 if early and status not in HARMLESS else 0
        ended = f"{self.name} ended by itself with status {status}"
        if self.failed_starts == FAILED_STARTS and not self.never_given_up:
            raise CommandError(f"{ended}, {FAILED_STARTS} times in a row as soon as it was started. It is given up.")
        logger.warning("%s; starting it again", ended)

    def end(self) -> None:
        """Tell the process to end, and kill it if it takes too long. `look_after` starts the next one after it."""
        if self.process is not None:
            self.process.terminate()
            self.kill_at = time.monotonic() + FINISH_SECONDS


def start(arguments: list[str], environment: dict[str, str], pass_fds: Sequence[int] = ()) -> Process:
    """Start Python in a session of its own: Ctrl-C of a terminal reaches only `serve`, which stops the parts."""
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=settings.BASE_DIR,
        env=environment,
        pass_fds=pass_fds,
        start_new_session=True,
        # Without `serve` PostgreSQL ends too, so there is nothing left that they could finish.
        preexec_fn=die_with_parent(signal.SIGKILL),
    )


def stop(*parts: Part) -> None:
    """Let all parts finish at the same time."""
    for part in parts:
        part.start_at = math.inf
        part.end()
    while any(part.process for part in parts):
        time.sleep(0.02)
        for part in parts:
            part.look_after()


def kill_group(process: Process) -> None:
    """Kill the process and those of its children that did not leave its session."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
