"""The service on two web hosts, with PgBouncer and a load balancer: `python -m bench.many_hosts`.

Hosts are network namespaces. This needs Linux, root, and the programs ip, pgbouncer and haproxy. First both hosts get
votes at the same moment, then one host loses its network under load and gets it back, then the attacks of
`bench.attack` go through the load balancer. Prints each criterion, and ends with status 1 if one does not hold.
"""

import argparse
import os
import shutil
import signal
import sys
import time

from bench.attack import ATTACKS
from bench.attacks import env, report
from bench.attacks.report import Report
from bench.hosts import cut, races
from bench.hosts.env import running

PROGRAMS = ("ip", "pgbouncer", "haproxy")
PARTS = ("races", "cut", "attacks")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=PARTS, nargs="+", default=PARTS, help="only these parts")
    parser.add_argument("--seconds", type=float, default=20.0, help="for which the host has no network (default: 20)")
    parser.add_argument("--keep-logs", metavar="FOLDER", help="write the logs of all processes to this folder")
    options = parser.parse_args()
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing or os.geteuid() != 0:
        parser.error(f"needs root and {', '.join(missing or PROGRAMS)}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stops the processes that were started
    began = time.monotonic()
    reports: list[Report] = []
    with running(options.keep_logs) as hosts:
        if "races" in options.only:
            reports += races.races(hosts)
        if "cut" in options.only:
            reports += cut.cut(hosts, options.seconds)
        for attack in ATTACKS.values() if "attacks" in options.only else ():
            hosts.pass_time(env.MONTH)
            reports += attack(hosts)
    print(report.text(reports))
    print(f"{time.monotonic() - began:.0f} s in all", file=sys.stderr)
    return 0 if all(one.passed for one in reports) else 1


if __name__ == "__main__":
    sys.exit(main())
