"""The yardsticks, running beside the service on its database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import psutil

from bench import people
from bench.stage import Stage, say
from bench.yardsticks import servers
from tests.support.service import free_port


@dataclass
class Yardstick:
    """A server of bench/yardsticks."""

    name: str
    port: int
    process: psutil.Process

    def web(self) -> psutil.Process:
        return self.process


@contextmanager
def yardsticks(of: Stage) -> Iterator[list[Yardstick]]:
    """All of them, running; the bare one first."""
    readers = list(people.spread(of.people, 20))
    with ExitStack() as stack:
        started = []
        for name in servers.NAMES:
            port = free_port()
            process = servers.start(
                name, port=port, data=of.data, site_url=f"http://localhost:{of.port}", log=of.service.log
            )
            stack.callback(servers.stop, process)
            started.append(Yardstick(name, port, psutil.Process(process.pid)))
            try:
                servers.wait_until_ready(process, port, people.tokens(of.data, readers[:1])[0])
            except AssertionError as error:
                raise RuntimeError(f"{name} does not start: {of.service.output[-2000:]}") from error
        ports = {"service": of.port, **{each.name: each.port for each in started}}
        servers.same_answers(ports, people.tokens(of.data, [*readers, people.CELEBRITY]))
        say(f"{', '.join(ports)} answer alike")
        yield started
