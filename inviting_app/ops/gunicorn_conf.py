"""How gunicorn serves: its own worker with threads, behind a proxy that buffers requests and answers.

HUP loads new code and settings. So the master process must not import this project: the workers are forked from it
and would keep the old modules. That is why this file is named by its path, runs env.py without importing it, and uses
neither `preload_app` nor our log handler. Upgraded packages need a stop and a start.
"""

import gc
import os
import runpy
import shutil
import socket
import struct
import sys
import tempfile
import time
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from gunicorn.http.errors import NoMoreData
from gunicorn.workers.gthread import ThreadWorker
from pythonjsonlogger.json import JsonFormatter

_before = set(sys.modules)
_project = Path(__file__).parents[2]
sys.path.insert(0, str(_project))
try:
    _env = runpy.run_path(str(_project / "inviting_app" / "env.py"))
except ImproperlyConfigured as error:
    sys.exit(str(error))
if not _env["IS_PART_OF_SERVE"]:
    for _note in _env["NOTES"]:
        print(_env["as_line"]("WARNING", _note), file=sys.stderr)
# The module that env.py imports, and its package.
for _name in set(sys.modules) - _before:
    if _name.partition(".")[0] == "inviting_app":
        del sys.modules[_name]

wsgi_app = "inviting_app.wsgi"
_host = f"[{_env['HOST']}]" if ":" in _env["HOST"] else _env["HOST"]
bind = f"{_host}:{_env['PORT']}"
workers = _env["WEB_WORKERS"]
threads = _env["WEB_THREADS"]
# A process with all its threads busy accepts this many connections, and leaves the rest to the other processes. Much
# more than `threads` would let one process take all kept-alive connections. See docs/speed.md for measurements.
worker_connections = threads + 6
keepalive = 5
# With sendfile, the end of SEND_SECONDS would be ignored.
sendfile = False
graceful_timeout = 5
# A worker proves that it is alive by touching a file. In memory that works while a disk is slow.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108
# TRUSTED_PROXIES decides which addresses to believe, not gunicorn.
forwarded_allow_ips = ""
control_socket_disable = True
# The name of the web's database sessions in pg_stat_activity, read by libpq.
raw_env = ["PGAPPNAME=inviting_app web"]

# For how long a client can hold a thread. Behind a buffering proxy none comes near it.
# The whole request, from its first byte.
READ_SECONDS = 5.0
# The system takes no part of a response for so long.
SEND_SECONDS = 10
# After a response to a part of a request: what the client still sends is read, so that it gets the response.
LINGER_SECONDS = 0.5
# A response of this size never waits for the client, where the system allows as much (net.core.wmem_max).
SEND_BUFFER_BYTES = 4 * 1024 * 1024
# One byte more than BODY_MAX_BYTES of the settings, so that the application sees that a body is larger.
MOST_READ_BYTES = 64 * 1024 + 1


class Worker(ThreadWorker):  # type: ignore[misc]
    """gunicorn's worker with threads, in which a client holds a thread only for a short time, and the main loop never.

    gunicorn's own waits without end for the rest of a request, and its main loop waits up to two seconds for each
    client to close its connection.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Until when the request on each of these sockets must be read.
        self.reading: dict[socket.socket, float] = {}

    def handle(self, conn: Any) -> Any:
        self.reading[conn.sock] = time.monotonic() + READ_SECONDS
        try:
            kept = super().handle(conn)
        finally:
            is_whole = self.reading.pop(conn.sock, None) is None
        if not kept:
            _end(conn.sock, 0 if is_whole else LINGER_SECONDS)
        return kept

    def load_wsgi(self) -> None:
        super().load_wsgi()
        application: Any = self.wsgi  # type: ignore[has-type]

        def with_whole_body(environ: dict[str, Any], start_response: Any) -> Any:
            length = int(environ.get("CONTENT_LENGTH") or 0)
            if length < MOST_READ_BYTES:  # the application refuses a longer body unread
                body = environ["wsgi.input"].read(MOST_READ_BYTES)
                if len(body) < length:
                    raise NoMoreData  # the connection has ended: half of a request must not be done
                environ["wsgi.input"] = BytesIO(body)
                self.reading.pop(environ["gunicorn.socket"], None)
            return application(environ, start_response)

        self.wsgi = with_whole_body

    def notify(self) -> None:
        """Called by the main loop at least once a second."""
        super().notify()
        now = time.monotonic()
        for sock, until in list(self.reading.items()):
            if until < now:
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)  # the thread that waits for it goes on


def _end(sock: socket.socket, linger: float) -> None:
    """End the connection here, in the thread of its request. The main loop then closes it without waiting."""
    until = time.monotonic() + linger
    with suppress(OSError):
        sock.shutdown(socket.SHUT_WR)
        while (left := until - time.monotonic()) > 0:
            sock.settimeout(left)
            if not sock.recv(65536):
                break
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RD)


worker_class = Worker

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
    for listener in server.LISTENERS:
        _bound_waiting(listener)
    if not _env["SMS_GATEWAYS"]:
        server.log.warning("demo mode on %s: no SMS is sent, and anybody who reaches it can sign in as anybody", bind)


def _bound_waiting(listener: Any) -> None:
    """Accepted connections inherit this from the socket that listens."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", SEND_SECONDS, 0))
    if sys.platform == "linux":
        # A client that sends nothing is not accepted before this time.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, int(READ_SECONDS))
        # The system drops what a client does not take after its connection was closed here.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 3000 * SEND_SECONDS)


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
