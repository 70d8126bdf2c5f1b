"""Ten attacks on sign-in, over HTTP, against two web processes that share a database: `python -m bench.attack`.

Everything is on the loopback network. Each client has its own address in 127.0.0.0/8. Owners read their codes from a
fake SMS gateway, attackers do not. Limits have their defaults. The first resend interval is a second, all others are an
hour. Days pass by shifting the times in the rows of sign-in.

Prints a line for each attack with its criteria, and ends with status 1 if any has succeeded. What depends on luck is
judged by a bound that luck alone exceeds less than once in a million runs.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime

from bench.attacks import addresses, dead_codes, enumeration, env, guessing, report, spray, tokens
from bench.attacks.env import AttackEnv
from bench.attacks.report import Report

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
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", type=int, choices=ATTACKS, metavar="N", help="only these (4 is part of 3)")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown too")
    options = parser.parse_args()
    reports: list[Report] = []
    began = datetime.now(UTC)
    with ExitStack() as stack:
        attacked = AttackEnv(stack)
        for number in options.only or ATTACKS:
            started = time.monotonic()
            reports += ATTACKS[number](attacked)
            print(f"attack {number}: {time.monotonic() - started:.0f} s", file=sys.stderr)
            attacked.pass_time(env.MONTH)
    print(report.text(reports))
    if options.markdown:
        taken = (datetime.now(UTC) - began).total_seconds()
        print(f"\n`python -m bench.attack`, {began:%F}, {taken:.0f} s on {os.cpu_count()} cores:\n")
        print(report.markdown(reports))
    return 0 if all(one.passed for one in reports) else 1


if __name__ == "__main__":
    sys.exit(main())
