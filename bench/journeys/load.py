"""The five operations: reading, asking for a code, the sending of one SMS, telling the code, and a whole journey."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from itertools import count, islice
from typing import Any

import psutil

from bench import machine, wrk
from bench.env import NOTHING_QUEUED, BenchEnv, say
from bench.journeys.servers import ASK, JOURNEY, READ, SEND, VERIFY, Server, some
from bench.journeys.wire import Connection, Load

CLIENTS = 16
CHECKED_BODIES = 50
DRAIN_SECONDS = 600
PARTS = ("web", "PostgreSQL", "worker")

_numbers = count()


@dataclass
class Measured:
    """One load. CPU is in microseconds for each operation that succeeded, by part."""

    operation: str
    server: str
    done: int = 0
    failed: int = 0
    seconds: float = 0.0
    cpu: dict[str, float] = field(default_factory=dict)
    # How long each took, in milliseconds.
    waits: list[float] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        return self.done / self.seconds


@dataclass
class Attempt:
    """A new phone, from an address of its own, that asks for a code."""

    phone: str
    address: str
    issued: str = ""


Act = Callable[[Server, Connection, Attempt], Coroutine[Any, Any, None]]


class Refused(Exception):
    """The server answered something else than it should."""


class Bench:
    def __init__(self, env: BenchEnv, load: Load) -> None:
        self.env, self.load = env, load

    def round(self, server: Server, seconds: float, operations: set[str]) -> Iterator[Measured]:
        """Each of these operations that the server has."""
        operations = operations & set(server.operations)
        if READ in operations:
            yield self._read(server, seconds)
        if operations & {ASK, SEND, VERIFY}:
            yield from (one for one in self._steps(server, seconds) if one.operation in operations)
        if JOURNEY in operations:
            self.env.count_sms()
            with self._measured(JOURNEY, server, works=SEND in server.operations) as measured:
                self._by_all(server, measured, _new_attempts(seconds), self._journey)
            yield measured

    def one_after_another(self, server: Server, times: int) -> list[float]:
        """Milliseconds from each request for a code until the SMS is at the gateway."""
        waits: list[float] = []

        async def ask_and_wait(server: Server, connection: Connection, attempt: Attempt) -> None:
            began = time.monotonic()
            await self._ask(server, connection, attempt)
            await self.load.codes.wait(attempt.phone)
            waits.append((time.monotonic() - began) * 1000)

        attempts = islice(_new_attempts(3600), times)
        self.load.run(_by_clients(1, server, Measured("", server.name), attempts, ask_and_wait))
        return waits

    def _read(self, server: Server, seconds: float) -> Measured:
        """wrk counts the statuses; the bodies of some are checked before."""
        requests = server.reads()
        self.load.run(self._check_bodies(server, some(requests, CHECKED_BODIES)))
        with self._measured(READ, server) as measured:
            outcome = wrk.run(server.port, wrk.Requests(requests), connections=CLIENTS, seconds=seconds)
            measured.done = outcome.requests - outcome.refused
            measured.failed = outcome.refused + outcome.errors
        measured.seconds = outcome.seconds
        return measured

    def _steps(self, server: Server, seconds: float) -> Iterator[Measured]:
        """First all ask, then all SMS are sent, then all tell their codes. The worker rests at first and at last."""
        attempts: list[Attempt] = []
        self.env.count_sms()
        with self._measured(ASK, server) as measured:
            self._by_all(server, measured, _kept(_new_attempts(seconds), attempts), self._ask)
        yield measured
        if SEND in server.operations:
            with self._measured(SEND, server, works=True) as measured:
                self.env.wait_for(NOTHING_QUEUED, seconds=DRAIN_SECONDS)
                measured.done = sum(attempt.phone in self.load.codes.of for attempt in attempts)
                measured.failed = len(attempts) - measured.done
            yield measured
        with self._measured(VERIFY, server) as measured:
            self._by_all(server, measured, iter(attempts), self._verify)
        yield measured

    @contextmanager
    def _measured(self, operation: str, server: Server, works: bool = False) -> Iterator[Measured]:
        """Fill in the seconds and CPU. The worker is suspended meanwhile, unless it `works`."""
        measured = Measured(operation, server.name)
        worker = self.env.part("manage.py worker")
        if not works:
            self.env.wait_for(NOTHING_QUEUED, seconds=DRAIN_SECONDS)
            self.env.suspend_worker()
        processes = dict(zip(PARTS, (server.web(), self.env.part("postgres"), worker), strict=True))
        before = _cpu(processes)
        started = time.monotonic()
        try:
            yield measured
        finally:
            measured.seconds = time.monotonic() - started
            after = _cpu(processes)
            with suppress(psutil.NoSuchProcess):
                worker.resume()
        if not worker.is_running():
            say("the worker was started again meanwhile: its CPU is not known")
            measured.failed += 1
        operations = max(1, measured.done)
        measured.cpu = {part: (after[part] - before[part]) * 1e6 / operations for part in PARTS}
        cpu = ", ".join(f"{part} {used:,.0f} us" for part, used in measured.cpu.items())
        failed = f", {measured.failed} FAILED" if measured.failed else ""
        say(f"{server.name}, {operation}: {measured.done / measured.seconds:,.0f}/s, {cpu}{failed}")

    def _by_all(self, server: Server, measured: Measured, attempts: Iterator[Attempt], act: Act) -> None:
        self.load.run(_by_clients(CLIENTS, server, measured, attempts, act))

    async def _check_bodies(self, server: Server, requests: list[wrk.Request]) -> None:
        connection = Connection(server.port)
        for request in requests:
            answer = await connection.call(request)
            assert server.read_is_right(answer), answer
        connection.close()

    async def _ask(self, server: Server, connection: Connection, attempt: Attempt) -> None:
        answer = await connection.call(server.ask(attempt.phone, attempt.address))
        try:
            attempt.issued = server.issued(answer)
        except (ValueError, LookupError) as error:
            raise Refused(answer) from error

    async def _verify(self, server: Server, connection: Connection, attempt: Attempt) -> None:
        """Wait for the code, and tell it."""
        code = await self.load.codes.wait(attempt.phone)
        answer = await connection.call(server.verify(attempt.phone, code, attempt.issued, attempt.address))
        if not server.signed_in(answer):
            raise Refused(answer)

    async def _journey(self, server: Server, connection: Connection, attempt: Attempt) -> None:
        await self._ask(server, connection, attempt)
        await self._verify(server, connection, attempt)


def _new_attempts(seconds: float) -> Iterator[Attempt]:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        number = next(_numbers)
        yield Attempt(f"+7999{number:07}", str(IPv4Address("10.0.0.0") + number))


def _kept(attempts: Iterable[Attempt], kept: list[Attempt]) -> Iterator[Attempt]:
    for attempt in attempts:
        kept.append(attempt)
        yield attempt


async def _by_clients(clients: int, server: Server, measured: Measured, attempts: Iterator[Attempt], act: Act) -> None:
    """So many clients at once, each with a connection of its own, and each with the next attempt when one is done."""

    async def client() -> None:
        connection = Connection(server.port)
        for attempt in attempts:
            began = time.monotonic()
            try:
                await act(server, connection, attempt)
                measured.done += 1
                measured.waits.append((time.monotonic() - began) * 1000)
            except (Refused, OSError, TimeoutError) as error:
                if not measured.failed:
                    say(f"{server.name} failed: {error!r:.500}")
                measured.failed += 1
        connection.close()

    await asyncio.gather(*(client() for _ in range(clients)))


def _cpu(processes: dict[str, psutil.Process]) -> dict[str, float]:
    return {part: machine.cpu_seconds(process) for part, process in processes.items()}
