"""Sign-ins a second by the number of cores, on a machine with fewer: `python -m bench.cores`.

A core is simulated by a share of processor time that the kernel grants: web, worker and PostgreSQL together may run
SHARE of the time of a real core, times the number of cores. The load is outside. There is one web process a core. All
services stand still but the one whose turn it is, and rates are divided by the first one's within each round.

This shows what the service's own locks and processes make of more time. It shows nothing of what real cores share, such
as memory and its caches.

It needs root and control groups of version 1 with the cpu controller, as /sys/fs/cgroup/cpu.
"""

import argparse
import sys
from contextlib import ExitStack, suppress
from pathlib import Path

from bench import document
from bench.env import BenchEnv, measuring, say
from bench.journeys.load import Bench, Measured
from bench.journeys.servers import JOURNEY, Service
from bench.journeys.wire import Load
from bench.machine import Spread

CONTROLLER = Path("/sys/fs/cgroup/cpu")
# How often the kernel grants time, in microseconds. Its default of 100,000 would add up to 0.1 s to each wait.
PERIOD = 10_000
# The weight of a group beside other processes, the largest that there is, so that the granted time is its only limit.
WEIGHT = 262_144
# Of a real core's time. Four of these leave half of two real cores to the load.
SHARE = 0.25


class Limited:
    """A service that gets the time of so many cores."""

    def __init__(self, stack: ExitStack, load: Load, cores: int, options: argparse.Namespace) -> None:
        self.cores = cores
        self.env = BenchEnv(stack, options.users, SMS_GATEWAYS=f"webhook+{load.gateway_url}", WEB_WORKERS=str(cores))
        self.bench, self.service = Bench(self.env, load), Service(self.env)
        self.group = CONTROLLER / f"inviting_app-bench-{self.env.service.process.pid}"
        self.group.mkdir()
        # A group with processes cannot be removed.
        stack.callback(self._release)
        self.group.joinpath("cpu.shares").write_text(str(WEIGHT))
        self.group.joinpath("cpu.cfs_period_us").write_text(str(PERIOD))
        self.group.joinpath("cpu.cfs_quota_us").write_text(str(round(PERIOD * options.share * cores)))
        serve = self.env.service.process
        for process in [serve, *serve.children(recursive=True)]:
            self.group.joinpath("cgroup.procs").write_text(str(process.pid))

    def measure(self, seconds: float) -> Measured:
        """Whole sign-ins. Raises RuntimeError if one failed."""
        (measured,) = self.bench.round(self.service, seconds, {JOURNEY})
        if measured.failed:
            raise RuntimeError(f"{measured.failed} sign-ins failed")
        return measured

    def _release(self) -> None:
        """Give its processes back to the group above."""
        for pid in self.group.joinpath("cgroup.procs").read_text().split():
            with suppress(OSError):
                CONTROLLER.joinpath("cgroup.procs").write_text(pid)
        self.group.rmdir()


def table(rounds: dict[int, list[Measured]]) -> str:
    first = next(iter(rounds.values()))
    lines = ["| cores | whole sign-ins a second | of the first | ms of CPU each |", "|---|---|---|---|"]
    for cores, found in rounds.items():
        rate = Spread.of([one.per_second for one in found])
        ratio = Spread.of([one.per_second / other.per_second for one, other in zip(found, first, strict=True)])
        cpu = Spread.of([sum(one.cpu.values()) / 1000 for one in found])
        lines.append(f"| {cores} | {rate:.0f} | {ratio:.2f} | {cpu:.1f} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cores", type=int, nargs="*", default=[1, 2, 3, 4])
    parser.add_argument("--share", type=float, default=SHARE, help="of a real core's time")
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--write", action="store_true", help="write the table into docs/scale.md")
    options = parser.parse_args()
    with measuring("bench.cores") as (head, stack):
        load = stack.enter_context(Load().running())
        services = [Limited(stack, load, cores, options) for cores in options.cores]
        rounds: dict[int, list[Measured]] = {one.cores: [] for one in services}
        for one in services:
            one.measure(options.seconds)
        for number in range(options.rounds):
            say(f"round {number + 1} of {options.rounds}")
            for one in services[:: -1 if number % 2 else 1]:
                rounds[one.cores].append(one.measure(options.seconds))
        text = f"{head}\n\nA core is {options.share:.0%} of a real one.\n\n{table(rounds)}"
    document.show("docs/scale.md", "bench.cores", text, is_written=options.write)
    return 0


if __name__ == "__main__":
    sys.exit(main())
