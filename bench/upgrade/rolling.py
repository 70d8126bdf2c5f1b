"""Two web servers behind a proxy are replaced in turn, as on two hosts."""

import subprocess
import time
from contextlib import ExitStack
from itertools import cycle

from bench import dataset
from bench.clients import Client
from bench.drills import evidence
from bench.drills.users import OK, VirtualUsers, attempt
from bench.env import Env, stop
from tests.support.proxies import PROXIES
from tests.support.service import free_port

USERS = 6
# Between two replacements: longer than HAProxy takes to notice that a server is back.
PAUSE_SECONDS = 6.0
TURNS = 2
# What HAProxy's checks need: an answer within their interval of two seconds.
READY_TIMES, READY_SECONDS = 10, 1.0
GUNICORN = ["-c", "inviting_app/ops/gunicorn_conf.py"]


def replace(proxy: str, people: int) -> tuple[bool, str]:
    with ExitStack() as stack:
        on = Env(stack, TRUSTED_PROXIES="1", SMS_PER_DAY="1000000000")
        dataset.fill(on.database, people)
        ports = free_port(), free_port()
        webs = {port: _start(on, port) for port in ports}
        on.ports = cycle([stack.enter_context(PROXIES[proxy](on.folder, ports[0], also=ports[1]))])
        users = VirtualUsers(on.client, on.inboxes, USERS)
        with users.at_work():
            time.sleep(PAUSE_SECONDS)
            began = time.monotonic()
            for port in ports * TURNS:
                stop(webs[port])
                webs[port] = _start(on, port)
                time.sleep(PAUSE_SECONDS)
            seconds = time.monotonic() - began
        lost = evidence.lost(users, on.database)
        calls = [call for call in users.calls if call.began > began]
        slowest = max(call.seconds for call in calls if call.step != "SMS")
        errors = ", ".join(f"{number} × {kind}" for kind, number in users.errors().most_common()) or "none"
        words = f"{len(webs) * TURNS} replacements in {seconds:.0f} s, {len(calls):,} requests, errors {errors}, "
        return not lost and not users.errors(), f"{words}slowest {slowest:.1f} s, acknowledged and lost {lost}"


def _start(on: Env, port: int) -> subprocess.Popen[bytes]:
    """Start a web server, and wait until `/readyz` is 200 some times in a row, quickly: both processes have loaded."""
    started = on.spawn_gunicorn(port, *GUNICORN, PORT=str(port), WEB_WORKERS="2")
    client, quick = Client("127.0.0.1", cycle([port])), 0
    while quick < READY_TIMES:
        answer, outcome = attempt(lambda: client.call("GET", "/readyz"))
        quick = quick + 1 if answer and outcome == OK and answer.seconds < READY_SECONDS else 0
        time.sleep(0.1)
    return started
