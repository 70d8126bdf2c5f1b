"""Time from a sign-up to its SMS, and the effect of a slow gateway: `python -m bench.sms` (`make bench-sms`).

1. One after another: each sign-up is sent when the SMS of the previous one has arrived.
2. Under load: wrk sends sign-ups on 8 connections, first to a gateway that answers at once, then to one that takes
   300 ms, with 1, 2 and 4 workers. Then everything queued is delivered.

Prints a table, and keeps it in bench/results/sms.txt. Ends with status 1 if an SMS is lost or arrives twice.
"""

import argparse
import sys
import time
from dataclasses import dataclass
from itertools import count

from bench import scenarios, wrk
from bench.env import NOTHING_QUEUED, RESULTS, BenchEnv, measuring, say
from bench.machine import quantile

SLOW_SECONDS = 0.3
DRAIN_SECONDS = 300
CONNECTIONS = 8
_WORKERS = "SELECT count(*) = {} FROM procrastinate_workers WHERE last_heartbeat > now() - interval '10 s'"

_HEAD = "".join(f"{name:>9}" for name in ("median", "p90", "p99", "most"))
_LOAD_HEAD = "workers  gateway  sign-ups/s   p50 ms   p99 ms accepted SMS once    twice drained s"

_numbers = count()


@dataclass
class Sms:
    env: BenchEnv
    lost: int = 0

    def one_after_another(self, times: int) -> list[str]:
        """Milliseconds from a sign-up to its answer and to its SMS."""
        answered, arrived = [], []
        for _ in range(times):
            phone = f"+7998{next(_numbers):07}"
            started = time.monotonic()
            answer = self.env.client().sign_up(phone)
            assert answer.status == 200, answer
            answered.append(answer.seconds * 1000)
            [sms] = self.env.inboxes.wait(phone)
            arrived.append((sms.at - started) * 1000)
        return [f"{name:24}{_spread(waits)}" for name, waits in (("answer", answered), ("SMS at gateway", arrived))]

    def under_load(self, workers: int, gateway_seconds: float, seconds: float) -> str:
        self.env.gateways[0].seconds = gateway_seconds
        self.env.inboxes.of.clear()
        requests = scenarios.sign_ups(self.env, seconds)
        outcome = wrk.run(self.env.port, requests, connections=CONNECTIONS, seconds=seconds)
        ended = time.monotonic()
        self.env.wait_for(NOTHING_QUEUED, seconds=DRAIN_SECONDS)
        drained = time.monotonic() - ended
        received = [len(messages) for messages in self.env.inboxes.of.values()]
        # wrk stops without the answers to its last requests, whose SMS arrive nevertheless.
        accepted = outcome.requests - outcome.refused
        self.lost += max(0, accepted - len(received)) + sum(number > 1 for number in received)
        return (
            f"{workers:7} {gateway_seconds * 1000:5.0f} ms {outcome.per_second:10.0f} {outcome.p50:8.1f} "
            f"{outcome.p99:8.1f} {accepted:8} {received.count(1):8} {sum(n > 1 for n in received):8} {drained:8.1f}"
            f"{'' if outcome.clean else '  ! not all were accepted'}"
        )


def _spread(waits: list[float]) -> str:
    return "".join(f"{quantile(waits, part):9.1f}" for part in (0.5, 0.9, 0.99, 1))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.sms", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--times", type=int, default=300, help="sign-ups one after another")
    parser.add_argument("--seconds", type=float, default=20, help="duration of each load")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4], help="numbers of workers")
    options = parser.parse_args()
    with measuring("bench.sms") as (head, stack):
        bench = Sms(BenchEnv(stack, 1000))
        bench.one_after_another(40)  # warms up
        lines = [
            head,
            "",
            f"{options.times} sign-ups one after another; milliseconds from the request",
            " " * 24 + _HEAD,
        ]
        lines += bench.one_after_another(options.times)
        lines += ["", f"wrk, {CONNECTIONS} connections, {options.seconds:g} s", _LOAD_HEAD]
        running = 1
        for workers in sorted(options.workers):
            for _ in range(workers - running):
                bench.env.spawn("manage.py", "worker")
            running = workers
            bench.env.wait_for(_WORKERS.format(workers))
            for seconds in (0.0, SLOW_SECONDS):
                lines.append(bench.under_load(workers, seconds, options.seconds))
                say(lines[-1])
    print("\n".join(lines))
    RESULTS.joinpath("sms.txt").write_text("\n".join(lines) + "\n")
    return int(bench.lost > 0)


if __name__ == "__main__":
    sys.exit(main())
