"""PostgreSQL fails under load: stopped, killed, without free connections, without space on its disk."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg

from bench.drills.env import DrillEnv, Row, Skipped, run, running
from bench.drills.users import OK
from tests.support.service import service_folder

HELD_SECONDS = 10.0
FULL_SECONDS = 15.0
VOLUME_MB = 320

_CUT_OTHERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE backend_type = 'client backend' AND application_name <> 'drill'"
)


def stopped() -> Row:
    return run("PostgreSQL stopped", "fast shutdown (SIGINT); `serve` starts it again", _stop)


def _stop(on: DrillEnv) -> None:
    postmaster = on.part("postgres")
    postmaster.send_signal(signal.SIGINT)
    postmaster.wait(20)


def killed() -> Row:
    what = "SIGKILL to the postmaster; `serve` starts it again"
    return run("PostgreSQL killed", what, lambda on: on.part("postgres").kill())


def connections() -> Row:
    """All of max_connections is used by others, and the service loses its connections meanwhile."""
    held: list[psycopg.Connection[Any]] = []
    with running() as on:
        with on.load():
            _take_all(on, held)
            began = time.monotonic()
            time.sleep(3)
            served = sum(call.ended > began and call.outcome == OK for call in on.users.calls)
            deadline = time.monotonic() + HELD_SECONDS
            while time.monotonic() < deadline:
                held[0].execute(_CUT_OTHERS)
                _take_all(on, held)
                time.sleep(0.02)
            for connection in held:
                connection.close()
            on.over()
        what = f"{len(held)} other connections for 13 s; after 3 s the service's own are cut too"
        return on.fault("No connection left", what, f"{served} requests answered in the first 3 s")


def _take_all(on: DrillEnv, held: list[psycopg.Connection[Any]]) -> None:
    with suppress(psycopg.OperationalError):
        while True:
            held.append(on.connect("drill"))


def disk_full() -> Row:
    return _full("Disk full", "DATA_DIR's disk is full for 15 s", lambda on: None)


def log_full() -> Row:
    """PostgreSQL ends itself when its write-ahead log cannot go on, and cannot start while the disk is full."""
    return _full("Disk full, log too", "the same, and the write-ahead log needs its next file", _use_up_log)


def _full(name: str, what: str, then: Callable[[DrillEnv], None]) -> Row:
    if os.geteuid():
        raise Skipped("only root can mount a volume of its own")
    with service_folder() as folder, _volume(folder / "data"), running(data_in=folder) as on:
        filler = folder / "data" / "filler"
        with on.load():
            began = time.monotonic()
            _fill(filler)
            then(on)
            while time.monotonic() < began + FULL_SECONDS:
                time.sleep(0.2)
                _fill(filler)
            filler.unlink()
            on.over()
        return on.fault(name, what, f"PostgreSQL ended {on.service.output.count('PostgreSQL ended')} times")


def _use_up_log(on: DrillEnv) -> None:
    with suppress(psycopg.Error), on.connect() as database:
        for _ in range(30):
            database.execute("SELECT pg_switch_wal(), pg_logical_emit_message(true, 'drill', 'x')")


@contextmanager
def _volume(folder: Path) -> Iterator[None]:
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={VOLUME_MB}m,mode=755", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True).returncode:
        raise Skipped("a volume of its own cannot be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)  # noqa: S607


def _fill(filler: Path) -> None:
    """Write until nothing more fits."""
    with suppress(OSError), filler.open("ab", buffering=0) as file:
        for size in (1 << 20, 1 << 12):
            with suppress(OSError):
                while file.write(b"\0" * size) == size:
                    pass
