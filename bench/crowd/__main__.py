"""A crowd that signs up within one minute and then votes: `python -m bench.crowd`.

People with new phones, each at an address of its own, ask for a code at random moments (open loop: nobody waits for
another). Each types the code some seconds after its SMS arrived. When all are signed in, they vote at an even rate.
Their requests go through nginx with deploy/nginx.conf to the service as `make run` starts it. The worker sends each SMS
over HTTP. Everything runs on this machine, the crowd and the gateway too. Nobody loads files of the page, and there is
no TLS.

Waits count from the moment when a step was due. A person who is refused with Retry-After waits that long and tries
again; after any other error, one to three seconds. `--write` puts the table into docs/speed.md. Ends with status 1 if
there was such an error, somebody was not signed in, or a vote was lost or counted twice.
"""

import argparse
import asyncio
import random
import sys
from collections.abc import Coroutine
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from bench import dataset, document, machine
from bench.crowd import report
from bench.crowd.people import STEPS, Found, Person
from bench.env import BenchEnv, measuring, say
from bench.journeys.wire import Load
from tests.support import proxies

# Whom the crowd votes for.
INVITERS = 1000
# As deploy/nginx.conf advises for a crowd.
CONNECTIONS = 8192
SAY_SECONDS = 10

_COUNTED = "SELECT coalesce(sum(invitations_count), 0) FROM profiles_profile"
_VOTES = "SELECT count(*) FROM profiles_activation"
_SMS = "SELECT count(*) FROM users_smsdelivery"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=60, help="within which all of them ask for a code")
    parser.add_argument("--votes", type=float, default=500, help="a second")
    parser.add_argument("--write", action="store_true", help="write the table into docs/speed.md")
    options = parser.parse_args()
    with measuring("bench.crowd") as (head, stack):
        measured = run(stack, options)
    text = f"{head}\n\n{report.text(measured)}"
    document.show("docs/speed.md", "bench.crowd", text, is_written=options.write)
    return int(bool(report.broken(measured)))


def run(stack: ExitStack, options: argparse.Namespace) -> report.Measured:
    load = stack.enter_context(Load().running())
    env = BenchEnv(stack, 10_000, SMS_GATEWAYS=f"webhook+{load.gateway_url}")
    folder = Path(stack.enter_context(TemporaryDirectory(prefix="inviting_app-")))
    port = stack.enter_context(proxies.nginx(folder, env.port, connections=CONNECTIONS))
    parts = {
        "web": env.web(),
        "PostgreSQL": env.part("postgres"),
        "worker": env.part("manage.py worker"),
        "nginx": _child("nginx"),
        "crowd": psutil.Process(),
    }
    found = Found()
    people = [Person(number, port, load.codes, found) for number in range(options.people)]
    votes, counted, sms = (env.one(query) for query in (_VOTES, _COUNTED, _SMS))
    before = _cpu(parts)
    say("the crowd signs in")
    load.run(_sign_in(people, options.seconds))
    between = _cpu(parts)
    say("the crowd votes")
    load.run(_vote([person for person in people if person.token], options.votes))
    after = _cpu(parts)
    return report.Measured(
        options.people,
        found,
        signed_in=sum(bool(person.token) for person in people),
        sms=env.one(_SMS) - sms,
        repeated_sms=load.codes.repeated,
        votes=env.one(_VOTES) - votes,
        counted=env.one(_COUNTED) - counted,
        cpu=[{name: end[name] - begin[name] for name in parts} for begin, end in ((before, between), (between, after))],
    )


async def _sign_in(people: list[Person], seconds: float) -> None:
    began = asyncio.get_running_loop().time() + 1
    moments = random.Random(1)  # noqa: S311
    sign_ins = [person.sign_in(began + moments.uniform(0, seconds)) for person in people]
    await _all(people, sign_ins)


async def _vote(people: list[Person], a_second: float) -> None:
    began = asyncio.get_running_loop().time() + 1
    inviters = [dataset.invite_code(user) for user in range(2, 2 + INVITERS)]
    moments = [began + number / a_second for number in range(len(people))]
    votes = [person.vote(moments[number], inviters[number % INVITERS]) for number, person in enumerate(people)]
    await _all(people, votes)


async def _all(people: list[Person], steps: list[Coroutine[Any, Any, None]]) -> None:
    """Run them at the same time, and say how far they are."""
    pending: set[asyncio.Future[None]] = {asyncio.ensure_future(step) for step in steps}
    while pending:
        _, pending = await asyncio.wait(pending, timeout=SAY_SECONDS)
        found = people[0].found
        done = ", ".join(f"{step} {len(found.done[step]):,}" for step in STEPS)
        say(f"{done}; {found.refused.total():,} refusals, {found.failed.total():,} errors")


def _child(name: str) -> psutil.Process:
    return next(child for child in psutil.Process().children() if child.name() == name)


def _cpu(parts: dict[str, psutil.Process]) -> dict[str, float]:
    """CPU seconds of each part. The crowd is the parent of all others."""
    return {
        name: machine.own_cpu_seconds(part) if name == "crowd" else machine.cpu_seconds(part)
        for name, part in parts.items()
    }


if __name__ == "__main__":
    sys.exit(main())
