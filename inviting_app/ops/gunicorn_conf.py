"""How gunicorn serves: its own worker with threads, behind a proxy that buffers requests and answers.

HUP loads new code and settings. So the master process must not import this project: the workers are forked from it
and would keep the old modules. That is why this file is named by its path, runs env.py without importing it, and uses
neither `preload_app` nor our log handler. Upgraded packages need a stop and a start.
"""

import gc
import os
import runpy
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from pythonjsonlogger.json import JsonFormatter

_before = set(sys.modules)
_project = Path(__file__).parents[2]
sys.path.insert(0, str(_project))
try:
    _env = runpy.run_path(str(_project / "inviting_app" / "env.py"))
except ImproperlyConfigured as error:
    sys.exit(str(error))
if not _env["IS_PART_OF_SERVE"]:
    for _note in _env["notes"]():
        print(_env["as_line"]("WARNING", _note), file=sys.stderr)
# The module that env.py imports, and its package.
for _name in set(sys.modules) - _before:
    if _name.partition(".")[0] == "inviting_app":
        del sys.modules[_name]

wsgi_app = "inviting_app.wsgi"
_host = f"[{_env['HOST']}]" if ":" in _env["HOST"] else _env["HOST"]
bind = f"{_host}:{_env['PORT']}"
worker_class = "gthread"
workers = _env["WEB_WORKERS"]
threads = _env["WEB_THREADS"]
# A process with all its threads busy accepts this many connections, and leaves the rest to the other processes. Much
# more than `threads` would let one process take all kept-alive connections. See docs/speed.md for measurements.
worker_connections = threads + 6
keepalive = 5
graceful_timeout = 5
# A worker proves that it is alive by touching a file. In memory that works while a disk is slow.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108
# TRUSTED_PROXIES decides which addresses to believe, not gunicorn.
forwarded_allow_ips = ""
control_socket_disable = True
# The name of the web's database sessions in pg_stat_activity, read by libpq.
raw_env = ["PGAPPNAME=inviting_app web"]

_METRICS_PREFIX = "inviting_app-gunicorn-metrics-"
if _env["METRICS_PORT"] and "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
    # `serve` names a folder that the worker shares. Without it, gunicorn's processes share one of their own.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix=_METRICS_PREFIX, dir=worker_tmp_dir)

# Each request has one line, written by api/middleware.py, so gunicorn's access log stays off. The workers' lines go
# through Django's LOGGING. These are the few lines of the master process.
loglevel = "warning"


def when_ready(server: Any) -> None:
    """Write the master's lines as JSON too, if LOG_FORMAT says so: `logconfig_dict` would turn on the access log."""
    if _env["LOG_FORMAT"] == "json":
        fields = {"levelname": "level", "name": "logger"}
        names = "%(levelname)s %(name)s %(message)s"
        formatter = JsonFormatter(names, rename_fields=fields, timestamp="time", static_fields={"request_id": "-"})
        for handler in server.log.error_log.handlers:
            handler.setFormatter(formatter)
    if not _env["SMS_GATEWAYS"]:
        server.log.warning("demo mode on %s: no SMS is sent, and anybody who reaches it can sign in as anybody", bind)


on_reload = when_ready


def post_fork(server: Any, worker: Any) -> None:
    """Look for no garbage while the application is loaded: nearly all that is made then is kept."""
    gc.disable()


def post_worker_init(worker: Any) -> None:
    """Prepare a process that has loaded the application."""
    from django.conf import settings

    if settings.METRICS_PORT:
        from inviting_app.ops import metrics_server

        metrics_server.start()
    # What was imported lives as long as the process. Frozen, the garbage collector does not visit it again.
    gc.collect()
    gc.freeze()
    gc.enable()


def child_exit(server: Any, worker: Any) -> None:
    if _env["METRICS_PORT"]:
        from prometheus_client import multiprocess

        multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def on_exit(server: Any) -> None:
    if _METRICS_PREFIX in (folder := os.environ.get("PROMETHEUS_MULTIPROC_DIR", "")):
        shutil.rmtree(folder, ignore_errors=True)
