"""Attacks on sign-in, over HTTP, through nginx, against eight web processes that share a database.

`python -m bench.attack` prints a table and all criteria. `--write` puts the table into docs/security.md
if no attack has succeeded.

Everything is on the loopback network. Each client has its own address in 127.0.0.0/8. Owners read their codes from a
fake SMS gateway, attackers do not. Limits have their defaults. The first resend interval is a second, all others are an
hour. Days pass by shifting the times in the rows of sign-in.

It ends with status 1 if any attack has succeeded. What depends on luck is judged by a bound that luck alone exceeds
less than once in a million runs.
"""

import argparse
import sys
from collections.abc import Callable
from contextlib import ExitStack

from bench import document
from bench.attacks import addresses, dead_codes, enumeration, guessing, networks, pages, report, spray, tokens
from bench.attacks.env import MONTH, AttackEnv
from bench.attacks.report import Report
from bench.env import heading, say

ATTACKS: dict[int, Callable[[AttackEnv], list[Report]]] = {
    1: addresses.spoofed_addresses,
    2: guessing.parallel_guesses,
    3: guessing.one_phone,  # and 4
    5: dead_codes.dead_codes,
    6: enumeration.enumeration,
    7: tokens.forgery,
    8: tokens.refresh_reuse,
    9: tokens.revocation,
    10: spray.spray,
    11: networks.ipv6,
    12: networks.refusals,
    13: pages.pages,
    14: pages.operators,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", type=int, choices=ATTACKS, metavar="N", help="only these (4 is part of 3)")
    parser.add_argument("--write", action="store_true", help="write the table into docs/security.md if all pass")
    options = parser.parse_args()
    reports: list[Report] = []
    print(heading("bench.attack"))
    with ExitStack() as stack:
        attacked = AttackEnv(stack)
        for number in options.only or ATTACKS:
            say(f"attack {number}")
            reports += ATTACKS[number](attacked)
            attacked.pass_time(MONTH)
    print(report.text(reports))
    passed = all(one.passed for one in reports)
    if options.write and passed:
        document.write("docs/security.md", "bench.attack", report.table(reports))
    return int(not passed)


if __name__ == "__main__":
    sys.exit(main())
