"""Probes: whether the process answers, and whether it can serve."""

import http.client
import logging
import math
import os
import time
from collections.abc import Callable
from contextlib import closing
from threading import Thread

from django.conf import settings
from django.db import Error, OperationalError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.templatetags.static import static
from django.views.decorators.cache import never_cache

from inviting_app import __version__, queries
from inviting_app.ops import migrations
from users import deadline

logger = logging.getLogger(__name__)

# For the web server of this machine to answer.
READY_SECONDS = 0.5
# More than its body has.
READY_BYTES = 1000
# For the database to answer `/readyz`, which is to be false within two seconds.
DATABASE_SECONDS = 1.3

# For this time, a success is repeated without asking the database. Anybody may call `/readyz`, and each look at the
# database writes to its log.
FRESH_SECONDS = 0.2

# Whether this process has seen its migrations in the database. It then does not look them up again.
migrated = False
# When it last found the database ready, as of `time.monotonic`.
ready_at = -math.inf


def any_host(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware. Probes name any host, such as the address of a pod, and their views use none."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.path_info in settings.PROBE_PATHS:
            request.META["HTTP_HOST"] = settings.ALLOWED_HOSTS[0]
        return get_response(request)

    return middleware


def favicon(request: HttpRequest) -> HttpResponse:
    """Browsers ask for it on pages that name no icon, such as the admin's."""
    return redirect(static("page/icon.svg"))


@never_cache
def livez(request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """The process can serve: the database takes writes and has its tables. They may be those of a newer version.

    It says no while it drains, although it still serves: so proxies send new requests to the other servers.
    """
    global migrated, ready_at
    if os.path.exists(settings.DRAIN_FILE):
        return JsonResponse({"status": "unavailable", "reason": "draining"}, status=503)
    ready = JsonResponse({"status": "ok", "version": __version__})
    began = time.monotonic()
    if began < ready_at + FRESH_SECONDS:
        return ready
    try:
        with deadline.within(DATABASE_SECONDS):
            _connect()
            queries.check_takes_writes()
            missing = [] if migrated else migrations.missing()
    except Error as error:
        logger.warning("not ready: %s", type(error).__name__)
        connection.close()  # the next one may be to another server
        return JsonResponse({"status": "unavailable"}, status=503)
    migrated = not missing
    if missing:
        reason = f"migrations are missing, such as {missing[0]}: run `manage.py migrate`"
        logger.warning("not ready: %s", reason)
        return JsonResponse({"status": "unavailable", "reason": reason}, status=503)
    ready_at = began
    return ready


def _connect() -> None:
    """Connect, unless this thread has a connection. Raises OperationalError if that takes too long.

    libpq waits for a connection two seconds at least. So another thread tries first.
    """
    if connection.connection:
        return
    failures: list[Exception] = []

    def connect() -> None:
        try:
            connection.ensure_connection()  # each thread has its own
            connection.close()
        except Error as error:
            failures.append(error)

    thread = Thread(target=connect, daemon=True)
    thread.start()
    thread.join(DATABASE_SECONDS)
    if thread.is_alive():
        raise OperationalError("no connection in time")
    if failures:
        raise failures[0]
    connection.ensure_connection()


def web_is_ready() -> bool:
    """Whether the web server of this machine can serve, as its `/readyz` says within half a second."""
    return bool(readiness(settings.HOST, settings.PORT, READY_SECONDS))


def readiness(host: str, port: int, seconds: float) -> bytes:
    """The body of `/readyz` on this machine, with the head's first line, or nothing if it is not ready in time."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    try:
        with closing(http.client.HTTPConnection(host, port, timeout=seconds)) as peer:
            peer.request("GET", "/readyz", headers={"Host": f"localhost:{port}"})
            answer = peer.getresponse()
            return b"200 " + answer.read(READY_BYTES) if answer.status == 200 else b""
    except (OSError, http.client.HTTPException):
        return b""
