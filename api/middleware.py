"""What holds for every request: an id, limits before anything is read, headers, and one line in the log."""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.encoding import escape_uri_path

from api import problems
from inviting_app.logs import request_id

logger = logging.getLogger("inviting_app.requests")

_WELL_FORMED_ID = re.compile(r"[\w-]{8,64}", re.ASCII)
_UNLOGGED = {"/livez", "/readyz"}
Handler = Callable[[HttpRequest], HttpResponse]


def request_context(get_response: Handler) -> Handler:
    """Give the request an id that its answer, its problems and its log lines share; log the request."""

    def middleware(request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        given = request.headers.get("X-Request-ID", "")
        token = request_id.set(given if _WELL_FORMED_ID.fullmatch(given) else uuid.uuid4().hex)
        try:
            response = get_response(request)
            response["X-Request-ID"] = request_id.get()
            response.headers.setdefault("Content-Security-Policy", settings.CONTENT_SECURITY_POLICY)
            if problems.is_api(request):
                response["Cache-Control"] = "no-store"
            if request.path not in _UNLOGGED:
                milliseconds = (time.perf_counter() - started) * 1000
                # The path alone, for a query may hold a phone; and quoted, for a path may hold the end of a line.
                path = escape_uri_path(request.path)
                logger.info("%s %s %d %.1f ms", request.method, path, response.status_code, milliseconds)
            return response
        finally:
            request_id.reset(token)

    return middleware


def limit_body(get_response: Handler) -> Handler:
    """Refuse an oversized body to the API before it is read."""

    def middleware(request: HttpRequest) -> HttpResponse:
        length = request.META.get("CONTENT_LENGTH") or "0"
        if problems.is_api(request) and (not length.isdigit() or int(length) > settings.API_BODY_MAX_BYTES):
            return problems.response("payload_too_large")
        return get_response(request)

    return middleware
