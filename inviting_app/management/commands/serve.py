"""The whole service in the foreground: PostgreSQL (unless DATABASE_URL is set), web and worker."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator
from contextlib import ExitStack
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management import CommandError, call_command
from django.core.management.base import BaseCommand

from inviting_app.ops.embedded import Embedded, EmbeddedError
from inviting_app.ops.launching import STOP_SECONDS, Launcher, bound, renewal
from inviting_app.ops.supervisor import CrashLoop, Part

logger = logging.getLogger(__name__)

DONE = object()
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

# Not through a proxy that the environment may name.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Stop(Exception):
    """Somebody asked the service to stop."""


class Command(BaseCommand):
    help = f"{__doc__} HUP starts web and worker anew."
    stopping = renewing = False

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._serve()
        except CommandError as error:
            if settings.LOG_FORMAT != "json":
                raise
            logger.critical(str(error))
            sys.exit(error.returncode)

    def _serve(self) -> None:
        _on_signals(self._stop_at_once)
        parts: list[Part] = []
        try:
            with ExitStack() as stack:
                memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="inviting_app-metrics-", dir=memory))
                os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder  # for web and worker
                launcher = Launcher(stack.enter_context(_own_port()))
                if settings.METRICS_PORT:
                    _refuse_taken_port("METRICS_PORT", settings.METRICS_PORT)
                if settings.EMBEDDED_POSTGRES:
                    parts.append(_own_postgres(stack))
                call_command("prepare")
                _on_signals(self._stop_soon)
                web, worker = Part("web", launcher.web), Part("worker", launcher.worker)
                stack.callback(launcher.listener.close)
                stack.callback(_stop_all, [web, worker])
                self._keep_running([*parts, web, worker], lambda: renewal(launcher, web, worker))
        except Stop:
            pass
        except EmbeddedError as error:
            raise CommandError(f"inviting_app cannot start. {error}") from error
        except CrashLoop as error:
            raise CommandError(f"{error} inviting_app has stopped.") from error
        self._say("inviting_app has stopped.", "inviting_app has stopped")

    def _say(self, on_the_terminal: str, in_the_log: str) -> None:
        """Where machines read, there is no line but the log's."""
        if settings.LOG_FORMAT == "json":
            logger.info(in_the_log)
        else:
            self.stderr.write(on_the_terminal)

    def _keep_running(self, parts: list[Part], renew: Callable[[], Generator[None]]) -> None:
        announced = False
        under_way: Generator[None] | None = None
        try:
            while not self.stopping:
                if self.renewing and not under_way:
                    self.renewing, under_way = False, renew()
                if under_way and next(under_way, DONE) is DONE:
                    under_way = None
                for part in parts:
                    part.look_after()
                if not announced and is_ready():
                    announced = True
                    self._say(_banner(), f"inviting_app is ready at {settings.SITE_URL}")
                time.sleep(0.1)
        finally:
            if under_way:
                under_way.close()

    def _stop_at_once(self, number: int, frame: FrameType | None) -> None:
        """While nothing runs that must not be left to itself."""
        self._stop_soon(number, frame)
        if self.stopping:
            # Once is enough: what stops now must not be interrupted by impatience.
            for other in SIGNALS:
                signal.signal(other, signal.SIG_IGN)
            raise Stop

    def _stop_soon(self, number: int, frame: FrameType | None) -> None:
        # Not by an exception, which might come just when a part is started and leave it to itself.
        if number == signal.SIGHUP and not os.isatty(0):  # else it says that the terminal is gone
            self.renewing = True
        else:
            self.stopping = True


def _on_signals(handler: Callable[[int, FrameType | None], None]) -> None:
    for number in SIGNALS:
        signal.signal(number, handler)


def _own_port() -> socket.socket:
    try:
        return bound()
    except OSError as error:
        raise CommandError(_taken("PORT", settings.PORT, error)) from error


def _refuse_taken_port(setting: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in settings.HOST else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.HOST, port))
        except OSError as error:
            raise CommandError(_taken(setting, port, error)) from error


def _taken(setting: str, port: int, error: OSError) -> str:
    return f"inviting_app cannot start. HOST and {setting}: {settings.HOST}:{port}: {error.strerror}"


def _own_postgres(stack: ExitStack) -> Part:
    embedded = Embedded(settings.DATA_DIR)
    process = stack.enter_context(embedded.running())
    if process is None:
        raise CommandError(f"inviting_app cannot start. DATA_DIR: {settings.DATA_DIR} is in use by another process")
    return Part("PostgreSQL", embedded.spawn, process, time.monotonic(), lasting=True)


def _stop_all(parts: list[Part]) -> None:
    """Stop web and worker; PostgreSQL is stopped after them, by whoever started it."""
    for part in parts:
        part.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    for part in parts:
        part.wait(deadline - time.monotonic())


def is_ready() -> bool:
    """Whether the web server of this machine answers, and its database too."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.HOST, settings.HOST)  # noqa: S104
    if ":" in host and not host.startswith("["):
        host = f"[{host}]"
    request = urllib.request.Request(
        f"http://{host}:{settings.PORT}/readyz", headers={"Host": f"localhost:{settings.PORT}"}
    )
    try:
        with _DIRECT.open(request, timeout=0.5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError, UnicodeError):
        return False


def _banner() -> str:
    site = settings.SITE_URL
    demo = "Demo mode: no SMS is sent, the code is in the answer. Set SMS_GATEWAYS to send.\n" if settings.DEMO else ""
    return (
        f"\ninviting_app is ready. Ctrl-C stops it.\n"
        f"  Page       {site}/\n"
        f"  API docs   {site}/docs   {site}/redoc\n"
        f"  Admin      {site}/admin/   (make admin PHONE=9991234567 makes an operator)\n"
        f"  Data       {settings.DATA_DIR}\n"
        f"{demo}"
    )
