"""The port that Prometheus reads, METRICS_PORT, apart from the one that people use: never show it to the world.

The web's processes count into files of a folder in memory; one more process, forked by gunicorn's master, adds them up
and reads the states from the database. Under `serve` the worker counts into the same folder; a worker by itself has the
port, without the states.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socketserver import TCPServer
from threading import Thread
from typing import Any, NoReturn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from django.conf import settings

from inviting_app.ops.embedded import die_with_parent

logger = logging.getLogger(__name__)

# The client library's own variable; it must be set before the library is imported.
FOLDER = "PROMETHEUS_MULTIPROC_DIR"

# After which a port that was taken, perhaps by the process before this one, is tried again.
AGAIN_SECONDS = 1.0

SLOW_CLIENT_SECONDS = 5.0


def make_folder() -> str:
    """A folder for this start alone, closed to others, and in memory where there is one."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108
    return tempfile.mkdtemp(prefix="inviting_app-metrics-", dir=memory)


@contextmanager
def shared_folder() -> Iterator[None]:
    """One for the parts of `serve`, which they find by the environment."""
    os.environ[FOLDER] = make_folder()
    try:
        yield
    finally:
        shutil.rmtree(os.environ[FOLDER], ignore_errors=True)


class Exporter:
    """The process that answers Prometheus for all of gunicorn's, as its master keeps it."""

    def __init__(self) -> None:
        # Of `serve`, which also gives it to the worker; but a master that replaces another (USR2) takes one of its own.
        self.own = FOLDER not in os.environ or "GUNICORN_PID" in os.environ
        if self.own:
            os.environ[FOLDER] = make_folder()
        self.folder = Path(os.environ[FOLDER])
        self.pid = 0

    def start(self, listeners: list[Any]) -> None:
        """Fork it: what the master has imported is shared."""
        master = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                _become_child(master, listeners)
                _answer(_of_all_processes())
            except BaseException:
                logger.exception("the process with the metrics ends")
            finally:
                os._exit(1)

    def stop(self) -> None:
        """End it, and forget what was counted; but not what `serve` goes on with."""
        if self.pid:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        if self.own:
            shutil.rmtree(self.folder, ignore_errors=True)


def _become_child(master: int, listeners: list[Any]) -> None:
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    if together := die_with_parent(signal.SIGKILL):
        together()
    if os.getppid() != master:
        os._exit(0)
    for listener in listeners:
        listener.close()


def _of_all_processes() -> Any:
    from prometheus_client import CollectorRegistry
    from prometheus_client.multiprocess import MultiProcessCollector

    from inviting_app.ops.metrics_states import States

    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    registry.register(States())
    return registry


def start_for_worker() -> None:
    """Have the worker answer for itself, from a thread, unless its counts go to `serve`'s folder."""
    if FOLDER not in os.environ:
        from inviting_app.ops import metrics

        Thread(target=_answer, args=[metrics.registry], name="metrics", daemon=True).start()


class _Handler(WSGIRequestHandler):
    timeout = SLOW_CLIENT_SECONDS

    def log_message(self, *args: Any) -> None:
        """Nothing: Prometheus asks every few seconds."""


class _Server(WSGIServer):
    address_family = socket.AF_INET6 if ":" in settings.HOST else socket.AF_INET

    def server_bind(self) -> None:
        TCPServer.server_bind(self)
        # Not by HTTPServer, which would ask the name servers for our own name.
        self.server_name, self.server_port = "localhost", settings.METRICS_PORT
        self.setup_environ()

    def handle_error(self, *args: Any) -> None:
        """A client that goes away is no error of ours."""


def _application(registry: Any) -> Callable[[dict[str, Any], Any], Any]:
    from prometheus_client import make_wsgi_app

    show = make_wsgi_app(registry)

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        try:
            return show(environ, start_response)
        except Exception:
            logger.exception("the metrics could not be read")
            start_response("500 Internal Server Error", [])
            return []

    return application


def _answer(registry: Any) -> NoReturn:
    """One request after the other, so that nobody can have the database read more than once at a time."""
    host, port, said = settings.HOST, settings.METRICS_PORT, False
    while True:
        try:
            make_server(host, port, _application(registry), _Server, _Handler).serve_forever()
        except OSError as error:
            if not said:
                logger.warning("METRICS_PORT: %s:%d: %s; trying again", host, port, error.strerror)
            said = True
            time.sleep(AGAIN_SECONDS)
