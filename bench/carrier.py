"""A day behind a mobile carrier's NAT, played with the rules of sign-in and a clock of its own.

`python -m bench.carrier` prints who was refused, and what attackers achieved.

50,000 people sign in on new devices from 20 addresses, with peaks in the morning and in the evening. One in 20 mistypes
the code at first, one in 50 never types it. Who is refused comes back after the `Retry-After`. Meanwhile a stranger
behind the same NAT, and one behind an IPv6 /48, ask for codes of random phones every few seconds and guess.

The rules are the service's own functions on a real PostgreSQL, with all limits as in production, except that
SMS_PER_DAY is twice the number of people. No SMS is sent.
"""

import argparse
from contextlib import ExitStack

from bench.env import Env, heading

# By default there are as many people as share 20 addresses.
PEOPLE = 50_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=PEOPLE, help="fewer people use fewer addresses")
    parser.add_argument("--attacked-from", type=int, default=0, metavar="HOUR", help="24 is a day without attackers")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print(heading("bench.carrier"))
    with ExitStack() as stack:
        env = Env(stack, SMS_PER_DAY=str(2 * options.people), LANGUAGE="en")
        env.part("manage.py worker").suspend()
        result = env.folder / "result"
        given = f"{options.people}, {options.seed}, {options.attacked_from}, Path({str(result)!r})"
        code = f"from pathlib import Path; from bench.carrier_day import play; play({given})"
        assert env.spawn("manage.py", "shell", "-v0", "-c", code).wait() == 0
        print(result.read_text())


if __name__ == "__main__":
    main()
