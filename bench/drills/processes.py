"""A process of the service is killed, or stays away for a while."""

from __future__ import annotations

import time

from bench.drills.ground import Ground, Row, ground
from tests.service import first

DOWN_SECONDS = 10.0


def web_process() -> Row:
    with ground() as on:
        with on.load():
            victim = first(on.web().children(), "gunicorn")
            assert victim
            victim.kill()
            on.over()
        return on.row("Web process killed", "SIGKILL to one of two web processes under load; gunicorn makes another")


def web_master() -> Row:
    with ground() as on:
        with on.load():
            on.web().kill()
            on.over()
        return on.row("Web server killed", "SIGKILL to gunicorn's first process under load; `serve` starts it again")


def worker_killed() -> Row:
    with ground() as on:
        with on.load():
            worker = on.service.part("manage.py worker")
            assert worker
            worker.kill()
            on.over()
        return on.row("Worker killed", "SIGKILL under load; `serve` starts it again", _slowest_sms(on, on.end))


def worker_down() -> Row:
    """Stopped, not ended: as on a host that hangs. Nobody starts it again, and its jobs wait."""
    with ground(clients=12) as on:
        with on.load():
            worker = on.service.part("manage.py worker")
            assert worker
            worker.suspend()
            hung = time.monotonic()
            time.sleep(DOWN_SECONDS)
            worker.resume()
            on.over()
        what = f"hangs (SIGSTOP) for {DOWN_SECONDS:.0f} s under load, then goes on"
        return on.row("Worker hangs", what, _slowest_sms(on, hung))


def _slowest_sms(on: Ground, since: float) -> str:
    waits = [call.ended - call.began for call in on.crowd.calls if call.step == "SMS" and call.ended > since]
    return f"slowest SMS {max(waits):.1f} s" if waits else "no SMS came"
