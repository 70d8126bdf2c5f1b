"""Upgrades while virtual users are at work: `python -m bench.upgrade [NAME...]`.

    haproxy, caddy, nginx
                two hosts behind this proxy, with its file of deploy/, are replaced one after the other. Each drains for
                DRAIN=6 seconds first. nginx is told by hand, unless it is DRAIN=0.
    logical     the database moves from an older PostgreSQL to that of the wheel by logical replication
    pg-upgrade  the embedded PostgreSQL's data is moved by `manage.py upgrade_database`, without users

Every sign-up, log-in and vote that was acknowledged is looked up in the database afterwards. The older PostgreSQL is
Debian's (`apt-get install postgresql-15`), or that of the folder OLD_POSTGRES. `--people` fills the database first.
"""

import argparse
import sys
from collections.abc import Callable
from functools import partial

from bench.drills.env import Skipped
from bench.env import heading, say
from bench.upgrade import databases, rolling
from tests.support.proxies import PROXIES

ROLLING = {name: partial(rolling.replace, name) for name in PROXIES}
DRILLS: dict[str, Callable[[int], tuple[bool, str]]] = {
    **ROLLING,
    "logical": databases.logical,
    "pg-upgrade": databases.by_command,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="all by default")
    parser.add_argument("--people", type=int, default=10_000)
    options = parser.parse_args()
    if unknown := set(options.names) - set(DRILLS):
        parser.error(f"no such drill: {', '.join(sorted(unknown))}")
    print(heading("bench.upgrade"))
    failed = 0
    for name in options.names or DRILLS:
        say(name)
        try:
            held, words = DRILLS[name](options.people)
        except Skipped as reason:
            say(f"{name} skipped: {reason}")
            continue
        print(f"{name}: {words}{'' if held else '  ! not as promised'}", flush=True)
        failed += not held
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
