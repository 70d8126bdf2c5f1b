"""Drills: something fails while virtual users are at work: `python -m bench.drills [NAME...]`.

Each drill has its own service, database and gateway on the loopback network. Every vote and sign-up that was
acknowledged is looked up in the database afterwards. `--write` puts the rows into docs/failures.md and
bench/results/drills.txt.

`disk-full` and `log-full` need root, `clock` needs a C compiler. The drills of slow clients go through the proxy that
`--proxy` names, with the files of deploy/. `gateway` takes a quarter of an hour, during which the others run.
"""

import argparse
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from tests.support.environment import NAMES

os.environ |= dict.fromkeys(NAMES - {"DATA_DIR", "SECRET_KEY"}, "")
os.environ["DJANGO_SETTINGS_MODULE"] = "inviting_app.settings"

from bench.drills import clients, clock, outage, postgres, processes, table
from bench.drills.env import Row, Skipped
from tests.support.proxies import PROXIES

DRILLS: dict[str, Callable[[], Row]] = {
    "stopped": postgres.stopped,
    "killed": postgres.killed,
    "connections": postgres.connections,
    "disk-full": postgres.disk_full,
    "log-full": postgres.log_full,
    "web-process": processes.web_process,
    "web-server": processes.web_master,
    "worker-killed": processes.worker_killed,
    "worker-hangs": processes.worker_down,
    "clock": clock.stepped,
    "gateway": outage.gateway_down,
    "slow-heads": clients.slow_heads,
    "slow-bodies": clients.slow_bodies,
    "never-close": clients.never_close,
    "slow-readers": clients.slow_readers,
    "large-bodies": clients.large_bodies,
    "idle": clients.idle,
    "nearly-whole": clients.nearly_whole,
}
BESIDE = "gateway"
HERE = Path(__file__).parent.parent
PAGE = HERE.parent / "docs" / "failures.md"
RESULTS = HERE / "results" / "drills.txt"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(DRILLS)}; all by default")
    parser.add_argument("--write", action="store_true", help="put the rows into the documents")
    parser.add_argument("--proxy", choices=sorted(PROXIES), default="caddy", help="of the drills of slow clients")
    options = parser.parse_args()
    if unknown := set(options.names) - DRILLS.keys():
        parser.error(f"no such drill: {', '.join(sorted(unknown))}")
    os.environ["DRILL_PROXY"] = options.proxy
    names = options.names or list(DRILLS)
    with ThreadPoolExecutor() as beside:
        waiting = {name: beside.submit(DRILLS[name]) for name in names if name == BESIDE and len(names) > 1}
        rows = [row for name in names if name not in waiting and (row := _run(name, DRILLS[name]))]
        rows += [row for name, future in waiting.items() if (row := _run(name, future.result))]
    lines = [table.line(row) for row in rows]
    if options.write:
        load = " ".join(f"{load:.0f}" for load in os.getloadavg())
        last = f"{', '.join(names)} at {datetime.now(UTC):%F %R} UTC, {os.cpu_count()} cores, load average {load}"
        table.write(PAGE, RESULTS, lines, last)
    return int(any(row.lost or not row.recovered or max(row.recovered.values()) > 5 for row in rows))


def _run(name: str, drill: Callable[[], Row]) -> Row | None:
    print(f"... {name}", file=sys.stderr, flush=True)
    try:
        row = drill()
    except Skipped as reason:
        print(f"{name} skipped: {reason}", flush=True)
        return None
    print(table.line(row), flush=True)
    return row


if __name__ == "__main__":
    sys.exit(main())
