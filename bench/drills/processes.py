"""A process of the service is killed, or hangs for a while."""

import time

from bench.drills.env import DrillEnv, Row, run
from tests.support.service import first

DOWN_SECONDS = 10.0
WORKER = "manage.py worker"


def web_process() -> Row:
    return run("Web process killed", "SIGKILL to one of two web processes; gunicorn starts another", _kill_web_process)


def _kill_web_process(on: DrillEnv) -> None:
    victim = first(on.web().children(), "gunicorn")
    assert victim
    victim.kill()


def web_server() -> Row:
    what = "SIGKILL to gunicorn's main process; `serve` starts it again"
    return run("Web server killed", what, lambda on: on.web().kill())


def worker_killed() -> Row:
    what = "SIGKILL to the worker; `serve` starts it again"
    return run("Worker killed", what, lambda on: on.part(WORKER).kill(), lambda on: _slowest_sms(on, on.end))


def worker_hangs() -> Row:
    """The process is stopped, not ended, as on a host that hangs. Nothing starts another one."""
    what = f"SIGSTOP to the worker, SIGCONT {DOWN_SECONDS:.0f} s later"
    return run("Worker hangs", what, _hang_worker, lambda on: _slowest_sms(on, on.end - DOWN_SECONDS), users=12)


def _hang_worker(on: DrillEnv) -> None:
    worker = on.part(WORKER)
    worker.suspend()
    time.sleep(DOWN_SECONDS)
    worker.resume()


def _slowest_sms(on: DrillEnv, since: float) -> str:
    return f"slowest SMS {max(on.users.sms_seconds(since), default=-1):.1f} s"
