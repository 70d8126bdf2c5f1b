"""Ports for what the tests start."""

import os
import random
import socket
from collections.abc import Iterator
from contextlib import suppress


def _ports() -> Iterator[int]:
    """Ports below those that Linux gives to outgoing connections: one of these could take it before it is used.

    Each process of the tests has others, in a random order. So no test gets the port that another one has chosen and
    does not listen at yet, or again.
    """
    process = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    ports = list(range(10_000 + process, 32_768, processes))
    # The common generator begins anew with each test.
    random.SystemRandom().shuffle(ports)
    yield from ports


_own = _ports()


def free_port() -> int:
    """A port at which nothing listens. Each call returns another one."""
    for port in _own:
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("", port))
            return port
    raise RuntimeError("All ports were given.")
