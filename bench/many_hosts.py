"""The service on two web hosts, with PgBouncer and a load balancer: `python -m bench.many_hosts`.

Hosts are network namespaces. This needs Linux, root, and the programs ip, pgbouncer and haproxy. First both hosts get
votes at the same moment, then one host loses its network under load and gets it back, then the attacks of
`bench.attack` go through the load balancer. Prints each criterion, and ends with status 1 if one does not hold.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import time
from typing import NoReturn

from bench.attack import ATTACKS
from bench.attacks import env, report
from bench.attacks.report import Report
from bench.hosts import cut, races
from bench.hosts.env import Hosts, running

PROGRAMS = ("ip", "pgbouncer", "haproxy")


def attacks(hosts: Hosts, only: list[int]) -> list[Report]:
    reports = []
    for number in only:
        started = time.monotonic()
        reports += ATTACKS[number](hosts)
        _say(f"attack {number}: {time.monotonic() - started:.0f} s")
        hosts.pass_time(env.MONTH)
    return reports


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=["races", "attacks", "cut"], help="this part alone")
    parser.add_argument(
        "--attack", nargs="+", type=int, choices=ATTACKS, metavar="N", help="of the attacks these alone"
    )
    parser.add_argument(
        "--seconds", type=float, default=20.0, help="that the host is cut off; 20 unless told otherwise"
    )
    parser.add_argument("--keep-logs", metavar="FOLDER", help="write what the processes say to this folder")
    options = parser.parse_args()
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing or os.geteuid() != 0:
        parser.error(f"needs root and {', '.join(missing or PROGRAMS)}")
    signal.signal(signal.SIGTERM, _end)
    began = time.monotonic()
    reports: list[Report] = []
    with running(options.keep_logs) as hosts:
        _say(f"all hosts are up after {time.monotonic() - began:.0f} s")
        if options.only in (None, "races"):
            reports += races.races(hosts)
        if options.only in (None, "cut"):
            reports += cut.cut(hosts, options.seconds)
        if options.only in (None, "attacks"):
            hosts.pass_time(env.MONTH)
            reports += attacks(hosts, options.attack or list(ATTACKS))
    print(report.text(reports))
    _say(f"{time.monotonic() - began:.0f} s in all")
    return 0 if all(one.passed for one in reports) else 1


def _end(*_: object) -> NoReturn:
    sys.exit("ended by a signal")


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
