"""Drills: something fails while virtual users are at work: `python -m bench.drills [NAME...]`.

Each drill has its own service, database and gateway on the loopback network. Every vote and sign-up that was
acknowledged is looked up in the database afterwards. `--write` puts the rows into docs/failures.md.

`disk-full` and `log-full` need root, `clock` needs a C compiler. The drills of slow clients go through Caddy and nginx,
with the files of deploy/. `gateway` takes a quarter of an hour, during which the others run.
"""

import argparse
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from bench.document import replace_rows
from bench.drills import clients, clock, outage, postgres, processes
from bench.drills.env import Row, Skipped
from bench.env import say
from tests.support.proxies import BUFFERING

FAULTS: dict[str, Callable[[], Row]] = {
    "stopped": postgres.stopped,
    "killed": postgres.killed,
    "connections": postgres.connections,
    "disk-full": postgres.disk_full,
    "log-full": postgres.log_full,
    "web-process": processes.web_process,
    "web-server": processes.web_server,
    "worker-killed": processes.worker_killed,
    "worker-hangs": processes.worker_hangs,
    "clock": clock.stepped,
    "gateway": outage.gateway_down,
}
BESIDE = "gateway"
PAGE = "docs/failures.md"


def main() -> int:
    names = [*FAULTS, *clients.DRILLS]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names)}; all by default")
    parser.add_argument("--write", action="store_true", help="put the rows into the document")
    parser.add_argument("--proxy", choices=BUFFERING, help="of the drills of slow clients; both by default")
    options = parser.parse_args()
    if unknown := set(options.names) - set(names):
        parser.error(f"no such drill: {', '.join(sorted(unknown))}")
    chosen = options.names or names
    drills = {name: FAULTS[name] for name in chosen if name in FAULTS}
    for proxy in [options.proxy] if options.proxy else BUFFERING:
        drills |= {
            f"{name}, {proxy}": partial(clients.DRILLS[name], proxy) for name in chosen if name in clients.DRILLS
        }
    with ThreadPoolExecutor() as beside:
        if len(drills) > 1 and BESIDE in drills:
            drills[BESIDE] = beside.submit(drills.pop(BESIDE)).result
        rows = [row for name, drill in drills.items() if (row := _run(name, drill, options.write))]
    return int(not all(row.held for row in rows))


def _run(name: str, drill: Callable[[], Row], write: bool) -> Row | None:
    say(name)
    try:
        row = drill()
    except Skipped as reason:
        say(f"{name} skipped: {reason}")
        return None
    print(*row.lines(), *[] if row.held else ["! not as promised"], sep="\n", flush=True)
    if write:
        replace_rows(PAGE, row.lines())
    return row


if __name__ == "__main__":
    sys.exit(main())
