"""What holds for every request: an id, limits before anything is read, headers, and one line in the log."""

from __future__ import annotations

import logging
import random
import re
import time
from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.encoding import escape_uri_path

from api import exceptions
from users.context import request_id

logger = logging.getLogger("inviting_app.requests")

_WELL_FORMED_ID = re.compile(r"[\w-]{8,64}", re.ASCII)
_UNLOGGED = {"/livez", "/readyz"}
Handler = Callable[[HttpRequest], HttpResponse]
_views: Handler

# What an answer of the API may load and be part of, should a browser ever show one.
NO_DOCUMENT = "default-src 'none'; frame-ancestors 'none'"


def request_context(get_response: Handler) -> Handler:
    """Give the request an id that its answer, its problems and its log lines share; log the request."""

    def middleware(request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        token = request_id.set(given if _WELL_FORMED_ID.fullmatch(given) else f"{random.getrandbits(128):032x}")
        try:
            response = get_response(request)
            if request.method == "HEAD" and not response.streaming:
                response.content = b""  # which the server would drop with a warning; its length stays told
            response["X-Request-ID"] = request_id.get()
            response.headers.setdefault("Content-Security-Policy", settings.CONTENT_SECURITY_POLICY)
            if request.path not in _UNLOGGED:
                milliseconds = (time.perf_counter() - started) * 1000
                # The path alone, for a query may hold a phone; and quoted, for a path may hold the end of a line.
                # Cut, for a line beyond 4096 bytes would be torn by those of other processes.
                path = escape_uri_path(request.path)[:1000]
                logger.info("%s %s %d %.1f ms", request.method, path, response.status_code, milliseconds)
            return response
        finally:
            request_id.reset(token)

    return middleware


def api_views(get_response: Handler) -> Handler:
    """The last of all: remember the way to the views, which `api_edge` takes."""
    global _views
    _views = get_response
    return get_response


def api_edge(get_response: Handler) -> Handler:
    """What the API needs of the middleware between here and `api_views`, and nothing else of it.

    It has no sessions, cookies to protect, static files or forms, and to pass through ten layers that do nothing for
    it takes longer than its views. Middleware is made from the last to the first, so the way is known here.
    """
    to_views = _views

    def middleware(request: HttpRequest) -> HttpResponse:
        if not exceptions.is_api(request):
            return get_response(request) if _has_small_body(request) else exceptions.response("payload_too_large")
        language = translation.get_language_from_request(request)
        translation.activate(language)
        refusal = _refusal(request)
        response = exceptions.response(refusal) if refusal else to_views(request)
        response["Content-Language"] = language
        response["Content-Security-Policy"] = NO_DOCUMENT
        response["X-Content-Type-Options"] = "nosniff"
        response["Cache-Control"] = "no-store"
        if settings.SECURE_HSTS_SECONDS and request.is_secure():
            response["Strict-Transport-Security"] = f"max-age={settings.SECURE_HSTS_SECONDS}"
        if not response.streaming:
            response["Content-Length"] = str(len(response.content))
        return response

    return middleware


def _refusal(request: HttpRequest) -> str | None:
    """Why the request is not even looked at."""
    try:
        request.get_host()
    except DisallowedHost:
        return "invalid"
    return None if _has_small_body(request) else "payload_too_large"


def _has_small_body(request: HttpRequest) -> bool:
    """Of others nothing is read, so that no thread waits for them to come."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    of_known_length = length.isdigit() and "HTTP_TRANSFER_ENCODING" not in request.META
    return of_known_length and int(length) <= settings.BODY_MAX_BYTES
