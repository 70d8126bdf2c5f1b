"""The whole service in the foreground: PostgreSQL (unless DATABASE_URL is set), web and worker."""

import io
import logging
import os
import shlex
import shutil
import signal
import socket
import sys
import tempfile
import time
from contextlib import ExitStack, suppress
from errno import EADDRINUSE
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import CommandError, call_command
from django.core.management.base import BaseCommand

from inviting_app import env
from inviting_app.ops.embedded import Embedded
from inviting_app.ops.supervisor import Part, kill_group, start, stop
from inviting_app.probes import web_is_ready
from inviting_app.values import is_local

logger = logging.getLogger(__name__)

GUNICORN = ["-m", "gunicorn", "-c", "inviting_app/ops/gunicorn_conf.py"]
# `serve` has made the same checks, or `prepare` with the new settings.
WORKER = ["manage.py", "worker", "--skip-checks"]
# Connections that may wait until gunicorn accepts them: as many as it would let wait itself, and more than the requests
# that the proxies of deploy/ let wait. Those beyond get no response, and time out.
BACKLOG = 2048
# The name of the file that makes `/readyz` 503.
DRAINING = "draining"
# HUP starts each of these with the new code and settings before anything is replaced.
TRIALS = [["manage.py", "prepare"], [*GUNICORN, "--check-config"], [*WORKER, "--check"]]
BANNER = """
Ctrl-C stops it.
  Page       {site}/
  API docs   {site}/docs   {site}/redoc
  Admin      {site}/admin/   ({admin} makes a superuser)
  Data       {data}
"""
NETWORK = """
For phones and computers of your network: open {site}/ or scan this.
The emulator of Android Studio: http://10.0.2.2:{port}/
{code}
WARNING: anyone in your network can sign in as anyone here. Use no real phone numbers, and stop it afterwards.
"""
DEMO = "Demo mode: no SMS is sent, and the response contains the code. {todo}\n"
# What the start says about it, by the target of make.
TO_SEND_SMS = {
    "run": "Set SMS_GATEWAYS to send SMS.",
    "demo": "To send SMS, use `make run` with SMS_GATEWAYS: `make demo` ignores it.",
}


class Command(BaseCommand):
    help = (
        f"{__doc__} HUP loads new code and settings, except those that need a restart, and no request is lost. "
        "In a terminal, HUP stops the service."
    )
    is_ready = stopping = hurried = reloading = has_terminal = False

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with suppress(KeyboardInterrupt), ExitStack() as stack:
                self._serve(stack)
        except CommandError as error:
            logger.critical(str(error))
            sys.exit(1)
        logger.info("inviting_app has stopped")

    def _serve(self, stack: ExitStack) -> None:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        # Checked now, because a terminal that was closed is no longer recognised as one.
        self.has_terminal = os.isatty(0)
        listener = stack.enter_context(_listener())
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108
        self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="inviting_app-", dir=memory)))
        environment = self._environment("env")
        postgres = [_postgres(stack)] if settings.EMBEDDED_POSTGRES else []
        call_command("prepare")
        # From here on a signal sets a flag. An exception could interrupt the start of a part and leave it running.
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        descriptor = listener.fileno()
        self.web = Part("web", partial(start, [*GUNICORN, "--bind", f"fd://{descriptor}"], environment, [descriptor]))
        self.worker = Part("worker", partial(start, WORKER, environment))
        stack.callback(stop, self.web, self.worker)
        self.parts = [*postgres, self.web, self.worker]
        self._keep_running()
        self._drain()

    def _on_signal(self, number: int, frame: object) -> None:
        # If the service was started in a terminal, HUP means that the terminal was closed: the service ends.
        if number == signal.SIGHUP and not self.has_terminal:
            self.reloading = True
        else:
            # A second signal ends the drain.
            self.hurried, self.stopping = self.stopping, True

    def _environment(self, env_file: str) -> dict[str, str]:
        """The variables of the parts: their own copy of `.env` as it is now, and settings that stay until a stop.

        The copy keeps a later mistake in `.env` from a process that is started again after a crash.
        """
        source, copy = settings.BASE_DIR / ".env", self.folder / env_file
        shutil.copy(source if source.exists() else os.devnull, copy)
        own = {"ENV_FILE": copy, "PROMETHEUS_MULTIPROC_DIR": self.folder, "DRAIN_FILE": self.folder / DRAINING}
        return os.environ | settings.KEPT_SETTINGS | {name: str(path) for name, path in own.items()}

    def _keep_running(self) -> None:
        while not self.stopping:
            self._look_after_parts()
            if not self.is_ready and web_is_ready():
                self.is_ready = True
                logger.info("inviting_app is ready at %s", settings.SITE_URL)
                if settings.LOG_FORMAT == "text":  # in JSON, a program reads the output
                    self.stderr.write(banner(), style_func=str)  # Django would write it in the red of an error
            if self.reloading:
                self.reloading = False
                self._reload()

    def _drain(self) -> None:
        """Serve on while `/readyz` is 503, so that proxies send their requests to other servers before this one ends.

        A gunicorn that ends resets the connections that come meanwhile, and no proxy may repeat their POSTs.
        """
        if settings.DRAIN_SECONDS and self.is_ready:
            logger.info("draining for %d s; a second signal ends that", settings.DRAIN_SECONDS)
            (self.folder / DRAINING).touch()
            end = time.monotonic() + settings.DRAIN_SECONDS
            while time.monotonic() < end and not self.hurried:
                self._look_after_parts()

    def _look_after_parts(self) -> None:
        for part in self.parts:
            part.look_after()
        time.sleep(0.1)

    def _reload(self) -> None:
        """HUP: replace web and worker, with the current code and settings, if all trials succeed."""
        logger.info("trying the new version")
        environment = self._environment("env.new")
        for command in TRIALS:
            if not self._succeeds(command, environment):
                if not self.stopping:
                    logger.error("the new version cannot start (%s): the old one goes on serving", " ".join(command))
                return
        current = (self.folder / "env.new").replace(self.folder / "env")
        for name in env.kept_against(current):
            logger.warning("%s has another value in .env now. It is not used until the service is restarted.", name)
        # The worker ends first, so that the old one claims no SMS that new web processes write in a new form.
        self.worker.end()  # `_look_after_parts` starts it again
        if self.web.process:  # otherwise it is about to start, with the new code
            self.web.process.send_signal(signal.SIGHUP)
        logger.info("the new version can start: gunicorn and the worker replace their processes")

    def _succeeds(self, command: list[str], environment: dict[str, str]) -> bool:
        trial = start(command, environment)
        while trial.poll() is None and not self.stopping:
            self._look_after_parts()
        kill_group(trial)
        return trial.wait() == 0


def banner() -> str:
    """Where everything is. For a demo in the local network, also a QR code and what demo mode means."""
    site, data, code = settings.SITE_URL, settings.DATA_DIR, io.StringIO()
    # What is in `.env`, every command finds by itself.
    where = f"DATA_DIR={shlex.quote(str(data))} " if os.environ.get("DATA_DIR") else ""
    text = BANNER.format(site=site, data=data, admin=f"{where}make admin{other_venv()} PHONE=9990001122")
    if not settings.DEMO:
        return text
    if not is_local(f"//{settings.HOST}"):
        import segno

        segno.make(f"{site}/").terminal(code, compact=True)
        text += NETWORK.format(site=site, port=settings.PORT, code=code.getvalue())
    return text + DEMO.format(todo=TO_SEND_SMS[make_target()])


def make_target() -> str:
    """The target of make that was run. The name of DATA_DIR tells it."""
    return "demo" if settings.DATA_DIR.name == ".demo" else "run"


def other_venv() -> str:
    """The VENV that make was given, which it exports. Another program's variable of this name names no such folder."""
    venv = os.environ.get("VENV", "")
    is_used = venv not in ("", ".venv") and Path(venv).resolve() == Path(sys.prefix).resolve()
    return f" VENV={shlex.quote(venv)}" if is_used else ""


def _listener() -> socket.socket:
    """The web's socket. It outlives gunicorn, so that clients wait while gunicorn is started again."""
    try:
        family = socket.AF_INET6 if ":" in settings.HOST else socket.AF_INET
        return socket.create_server((settings.HOST, settings.PORT), family=family, backlog=BACKLOG)
    except OSError as error:
        # Python appends the address to the text of some errors.
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        if error.errno == EADDRINUSE and (port := _free_port(family)):
            why = f"{why}. Try another port: PORT={port} make {make_target()}"
        raise CommandError(
            f"inviting_app cannot start. HOST and PORT: {settings.HOST}:{settings.PORT}: {why}"
        ) from error


def _free_port(family: socket.AddressFamily) -> int | None:
    """The next port that is free at the moment."""
    for port in range(settings.PORT + 1, min(settings.PORT + 100, 65536)):
        with suppress(OSError), socket.create_server((settings.HOST, port), family=family):
            return port
    return None


def _postgres(stack: ExitStack) -> Part:
    embedded = Embedded(settings.DATA_DIR)
    process = stack.enter_context(embedded.running(wait_for_others=False))
    if process is None:
        why = f"{settings.DATA_DIR} is in use by another process. Stop that one, or set another DATA_DIR"
        raise CommandError(f"inviting_app cannot start. DATA_DIR: {why}")
    return Part("PostgreSQL", embedded.spawn, process, time.monotonic(), never_given_up=True)
