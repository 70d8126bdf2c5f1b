"""Two hosts behind a proxy, each with `manage.py serve`, are replaced in turn."""

import os
import signal
import subprocess
import time
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path

from bench import dataset
from bench.clients import Client
from bench.drills import evidence
from bench.drills.users import OK, VirtualUsers, attempt
from bench.env import Env, stop
from tests.support.ports import free_port
from tests.support.proxies import PROXIES

USERS = 6
# Seconds. Without a drain, as the default is, requests are lost.
DRAIN = os.environ.get("DRAIN", "6")
# Between two replacements: longer than HAProxy takes to notice that a server is back.
PAUSE_SECONDS = 6.0
TURNS = 2
# What HAProxy's checks need: an answer within two seconds.
READY_TIMES, READY_SECONDS = 10, 1.0


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
                by_hand = proxy == "nginx" and DRAIN != "0"
                if by_hand:
                    _tell_nginx(on.folder, f"127.0.0.1:{port} ", f"127.0.0.1:{port} down ")
                stop(webs[port])
                webs[port] = _start(on, port)
                if by_hand:
                    _tell_nginx(on.folder, " down ", " ")
                time.sleep(PAUSE_SECONDS)
            seconds = time.monotonic() - began
        lost = evidence.lost(users, on.database)
        calls = [call for call in users.calls if call.began > began]
        slowest = max(call.seconds for call in calls if call.step != "SMS")
        errors = ", ".join(f"{number} × {kind}" for kind, number in users.errors().most_common()) or "none"
        words = f"{len(webs) * TURNS} replacements in {seconds:.0f} s, {len(calls):,} requests, errors {errors}, "
        return not lost and not users.errors(), f"{words}slowest {slowest:.1f} s, acknowledged and lost {lost}"


def _start(on: Env, port: int) -> subprocess.Popen[bytes]:
    """Start a host, and wait until `/readyz` is 200 some times in a row, quickly: both processes have loaded."""
    at = on.service.database
    url = f"postgresql://{at['user']}@/{at['dbname']}?host={at['host']}"
    started = on.spawn("manage.py", "serve", DATABASE_URL=url, PORT=str(port), DRAIN_SECONDS=DRAIN)
    client, quick = Client("127.0.0.1", cycle([port])), 0
    while quick < READY_TIMES:
        answer, outcome = attempt(lambda: client.call("GET", "/readyz"))
        quick = quick + 1 if answer and outcome == OK and answer.seconds < READY_SECONDS else 0
        time.sleep(0.1)
    return started


def _tell_nginx(folder: Path, before: str, after: str) -> None:
    """It asks no server whether it is ready. So an operator takes one out, and puts it back."""
    site = folder / "site.conf"
    text = site.read_text()
    assert before in text
    site.write_text(text.replace(before, after))
    os.kill(int((folder / "nginx.pid").read_text()), signal.SIGHUP)
