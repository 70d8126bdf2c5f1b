"""How gunicorn serves: threads, so that a slow client or an idle connection holds no process."""

import gc
import os
import resource
import shutil
import tempfile
from typing import Any

from inviting_app import env
from inviting_app.ops.supervisor import wait_for_turn
from inviting_app.settings import DEMO, LOGGING, METRICS_PORT

wsgi_app = "inviting_app.wsgi"
bind = f"[{env.HOST}]:{env.PORT}" if ":" in env.HOST else f"{env.HOST}:{env.PORT}"
worker_class = "inviting_app.ops.gunicorn_parts.Worker"
logger_class = "inviting_app.ops.gunicorn_parts.Logger"
workers = env.WEB_WORKERS
threads = env.WEB_THREADS
# Of each process. One that waits for its request costs a few kilobytes, and a file; so there must be files enough.
worker_connections = 10_000
_, _most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (_most_files, _most_files))
# Imported once, before the processes are made: they start at once and share what they do not write to.
preload_app = True
graceful_timeout = 5
keepalive = 5
# A worker is alive as long as it says so, even while a disk is slow: the file it says so with is in memory.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108
# The addresses are ours to judge (TRUSTED_PROXIES), not gunicorn's.
forwarded_allow_ips = ""
control_socket_disable = True
METRICS_PREFIX = "inviting_app-gunicorn-metrics-"
if METRICS_PORT and "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
    # Before prometheus_client is imported. `serve` names a folder that the worker shares.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix=METRICS_PREFIX, dir=worker_tmp_dir)


def when_ready(server: Any) -> None:
    """Leave what was imported out of every collection of garbage, which else takes an eighth of the time; and say what
    must not go unnoticed where nobody reads the banner of `serve`."""
    gc.collect()
    gc.freeze()
    if DEMO:
        server.log.warning("demo mode on %s: no SMS is sent, and anybody who gets here can sign in as anybody", bind)
    wait_for_turn()


def post_worker_init(worker: Any) -> None:
    if METRICS_PORT:
        from inviting_app.ops import metrics_server

        metrics_server.start()


def child_exit(server: Any, worker: Any) -> None:
    if METRICS_PORT:
        from prometheus_client import multiprocess

        multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def on_exit(server: Any) -> None:
    if METRICS_PREFIX in (folder := os.environ.get("PROMETHEUS_MULTIPROC_DIR", "")):
        shutil.rmtree(folder, ignore_errors=True)


# One line of our own for each request, with its id; gunicorn's go the same way as all others.
logconfig_dict = LOGGING
