"""CPU of a whole sign-in and of reading the own profile, by the number of people: `python -m bench.scale`.

One service for each size, all at the same time. They take turns: a new phone asks, its SMS is sent, it tells the code
and reads its profile, one after another. CPU is what the kernel counts for each thread, in nanoseconds. Of all turns
the table has the tenth from the fastest in a hundred, because the rest shows what else the host does.

The data is in /dev/shm, or in TMPDIR if that has no room: 10,000,000 people need 10 GB and a quarter of an hour.
"""

import argparse
import sys
import time
from collections import defaultdict
from contextlib import ExitStack, suppress
from itertools import count
from pathlib import Path

import psutil

from bench import document
from bench.env import NOTHING_QUEUED, BenchEnv, measuring, say
from bench.journeys.load import PARTS
from bench.journeys.servers import Service
from bench.journeys.wire import Connection, Load
from bench.machine import quantile
from bench.scenarios import ME, bearer
from bench.wrk import Request

JOURNEY, READ = "whole sign-in", "own profile"
SIZES = [100_000, 1_000_000]
# Before it counts: statements are prepared, and files read.
WARM_UP = 30

# Microseconds of each turn, by operation and part.
Used = defaultdict[tuple[str, str], list[float]]

_numbers = count()


class Sized:
    """A service with so many people."""

    def __init__(self, stack: ExitStack, people: int, load: Load) -> None:
        self.people, self.load = people, load
        self.env = BenchEnv(stack, people, SMS_GATEWAYS=f"webhook+{load.gateway_url}")
        self.service = Service(self.env)
        roots = (self.env.web(), self.env.part("postgres"), self.env.part("manage.py worker"))
        self.parts = dict(zip(PARTS, roots, strict=True))
        self.used: Used = defaultdict(list)

    def turn(self) -> None:
        """One person signs in and reads."""
        number = next(_numbers)
        begin = self._cpu()
        token = self.load.run(
            self._sign_in(f"+7999{number:07}", f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
        )
        self.env.wait_for(NOTHING_QUEUED)
        signed_in = self._cpu()
        self.load.run(self._read(token))
        read = self._cpu()
        for part in self.parts:
            self.used[JOURNEY, part].append(signed_in[part] - begin[part])
            self.used[READ, part].append(read[part] - signed_in[part])

    async def _sign_in(self, phone: str, address: str) -> str:
        connection = Connection(self.env.port)
        issued = self.service.issued(await connection.call(self.service.ask(phone, address)))
        code = await self.load.codes.wait(phone)
        answer = await connection.call(self.service.verify(phone, code, issued, address))
        connection.close()
        token: str = answer.json["token"]
        return token

    async def _read(self, token: str) -> None:
        connection = Connection(self.env.port)
        assert self.service.read_is_right(await connection.call(Request(ME, bearer(token))))
        connection.close()

    def _cpu(self) -> dict[str, float]:
        """Microseconds of CPU by part."""
        return {part: sum(map(_used, [root, *root.children(recursive=True)])) for part, root in self.parts.items()}


def _used(process: psutil.Process) -> float:
    """Microseconds that the threads of a process have run."""
    total = 0
    with suppress(OSError):
        for thread in Path(f"/proc/{process.pid}/task").iterdir():
            with suppress(OSError):
                total += int(thread.joinpath("schedstat").read_text().split()[0])
    return total / 1000


def table(used_by: dict[int, Used]) -> str:
    """Microseconds by number of people, and their sum over that of the first number."""
    heads = "".join(f" {operation}: web + PostgreSQL, worker | of the first |" for operation in (JOURNEY, READ))
    lines = [f"| people |{heads}", "|---" * 5 + "|"]
    first: dict[str, float] = {}
    for people, used in used_by.items():
        cells = [f"{people:,}"]
        for operation in (JOURNEY, READ):
            web, postgres, worker = (quantile(used[operation, part][WARM_UP:], 0.1) for part in PARTS)
            whole = web + postgres + worker
            cells += [
                f"{web:,.0f} + {postgres:,.0f}, {worker:,.0f}",
                f"{whole / first.setdefault(operation, whole):.2f}",
            ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", type=int, nargs="*", default=SIZES, help="numbers of people")
    parser.add_argument("--turns", type=int, default=400, help="of each size")
    parser.add_argument("--write", action="store_true", help="write the table into docs/scale.md")
    options = parser.parse_args()
    with measuring("bench.scale") as (head, stack):
        load = stack.enter_context(Load().running())
        sizes = [Sized(stack, people, load) for people in options.sizes]
        started = time.monotonic()
        for number in range(WARM_UP + options.turns):
            for size in sizes[:: -1 if number % 2 else 1]:
                size.turn()
        say(f"{time.monotonic() - started:.0f} s")
        text = f"{head}\n\nMicroseconds of CPU.\n\n{table({size.people: size.used for size in sizes})}"
    document.show("docs/scale.md", "bench.scale", text, is_written=options.write)
    return 0


if __name__ == "__main__":
    sys.exit(main())
