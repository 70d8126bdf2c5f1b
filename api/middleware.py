"""What holds for every request: an id, a line in the log, a limit for bodies; and what holds for the API alone."""

import logging
import random
import re
import select
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import resolve
from django.utils import translation
from django.utils.encoding import escape_uri_path
from rest_framework.response import Response

from api import exceptions
from users.context import METHODS, request_id
from users.masks import hide_digits, is_safe_id, mask_written
from users.outages import is_outage

logger = logging.getLogger("inviting_app.requests")

GetResponse = Callable[[HttpRequest], HttpResponse]

# The most characters of a path in the log. The service's own paths are shorter.
LOGGED_PATH_LENGTH = 200

# What a response of the API may load and be part of, if a browser ever shows one.
API_CONTENT_SECURITY_POLICY = "default-src 'none'; frame-ancestors 'none'"


class RequestContextMiddleware:
    """Give the request an id that its response, its problem and its log lines share, and log the request."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        token = request_id.set(given if is_safe_id(given) else f"{random.getrandbits(128):032x}")
        try:
            response = self.get_response(request)
            if request.method == "HEAD":
                _drop_body(response)
            response["X-Request-ID"] = request_id.get()
            response.headers.setdefault("Content-Security-Policy", settings.CONTENT_SECURITY_POLICY)
            if request.path not in settings.PROBE_PATHS:
                milliseconds = (time.perf_counter() - started) * 1000
                cause = getattr(response, "problem_cause", "")
                logger.info(
                    "%s %s %d %.1f ms%s",
                    request.method if request.method in METHODS else "OTHER",
                    _logged_path(request, response.status_code),
                    response.status_code,
                    milliseconds,
                    f" {cause}" if cause else "",
                )
            return response
        finally:
            request_id.reset(token)


def _drop_body(response: Any) -> None:
    """Leave the head alone, with its Content-Length. The server would drop the body with a warning, and only after it
    has been made: that of the results takes seconds."""
    if response.streaming:
        response.streaming_content = ()
    else:
        response.content = b""


def _logged_path(request: HttpRequest, status: int) -> str:
    """The path without phones, codes and tokens.

    Only the path, because a query may hold a phone. Quoted, because a path may hold the end of a line. Cut, because a
    log keeps only so many bytes: long paths of a flood would push out all other lines sooner. A path that led nowhere
    may hold anything; one that led somewhere holds at most ids and, in the admin, what an operator wrote.
    """
    masked = mask_written(request.path) if 200 <= status < 300 else hide_digits(request.path)
    return escape_uri_path(masked)[:LOGGED_PATH_LENGTH]


class DatabaseConnectionMiddleware:
    """Replace a kept connection that the server has ended, so that the request does not fail.

    A server that ends a connection closes it, which the socket shows. The keepalives of the settings close a connection
    to a silent server. This takes 0.02 ms of CPU a request. CONN_HEALTH_CHECKS would take 0.13 ms, a fifth of `GET me`,
    because Django then sends a statement before each request (docs/speed.md).

    `connection.connection` is psycopg's connection. Django does not document it, and documents no other way to it that
    opens none.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        kept = connection.connection
        if kept and (kept.closed or self._is_readable(kept)):
            connection.close()
        return self.get_response(request)

    def _is_readable(self, kept: Any) -> bool:
        """Whether the server has sent something. No statement is running, so it can only be the end."""
        poll = select.poll()
        poll.register(kept, select.POLLIN)
        return bool(poll.poll(0))


# A language of `Accept-Language`, in the form that Django reads, that is wanted at all: its weight is not zero.
_WANTED_LANGUAGE = re.compile(
    r"\s*([a-z]{1,8}(?:-[a-z0-9]{1,8})*|\*)\s*(;\s*q=(?!0(\.0*)?\s*$)(0(\.\d{0,3})?|1(\.0{0,3})?)\s*)?",
    re.ASCII | re.IGNORECASE,
)
# Django reads no more. Matching all items of a header of 28 KB took longer than the rest of the request.
_LONGEST_LANGUAGES = 500


def wanted_languages(get_response: GetResponse) -> GetResponse:
    """Middleware. Leave in `Accept-Language` what Django reads as it is meant.

    Django takes `ru;q=0` for Russian (RFC 9110, 12.4.2: not acceptable), and does not read the other languages beside
    one that it cannot read. Android and Java write `ru_RU`.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        if asked := request.META.get("HTTP_ACCEPT_LANGUAGE"):
            if len(asked) > _LONGEST_LANGUAGES:
                asked = asked[:_LONGEST_LANGUAGES].rpartition(",")[0]
            languages = asked.replace("_", "-").split(",")
            request.META["HTTP_ACCEPT_LANGUAGE"] = ",".join(
                language.strip() for language in languages if _WANTED_LANGUAGE.fullmatch(language)
            )
        return get_response(request)

    return middleware


# The maximum number of escapes in a form. The longest texts have fewer. A body of incomplete ones took 11 ms of a
# processor, and other bodies 2 ms.
_MAX_ESCAPES = 10_000


def _is_costly(request: HttpRequest) -> bool:
    """Whether a form may take long to read: one client with a hundred of them would hold everybody up."""
    return request.content_type == "application/x-www-form-urlencoded" and request.body.count(b"%") > _MAX_ESCAPES


class ApiMiddleware:
    """Refuse large and costly bodies on every path; for the API alone, refuse foreign hosts too and set the headers.

    The limits are BODY_MAX_BYTES and PARTS_MAX_BYTES in `inviting_app/settings_http.py`. A body with a length is
    refused before it is read. Of a chunked body, `inviting_app/wsgi.py` has read up to one byte more than
    BODY_MAX_BYTES, so that it is refused here too. Django refuses foreign hosts for pages.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        refusal = "payload_too_large" if self._is_large(request) else "invalid" if _is_costly(request) else ""
        if not (refusal or exceptions.is_api(request)):
            return self.get_response(request)
        # LocaleMiddleware comes later, and the thread still has the language of its last request.
        language = translation.get_language_from_request(request)
        translation.activate(language)
        if refusal:
            response: HttpResponse = exceptions.response(refusal)
        else:
            response = self._foreign_host(request) or self._preflight(request) or self.get_response(request)
        response["Content-Language"] = language
        response["Content-Security-Policy"] = API_CONTENT_SECURITY_POLICY
        response["Cache-Control"] = "no-store"
        if not response.streaming:
            response["Content-Length"] = str(len(response.content))
        return response

    def _foreign_host(self, request: HttpRequest) -> HttpResponse | None:
        try:
            request.get_host()
        except DisallowedHost:
            return exceptions.foreign_host(request)
        return None

    def _preflight(self, request: HttpRequest) -> HttpResponse | None:
        """An answer that allows nothing. With CORS_ORIGINS, CorsMiddleware answers before this one, in the same way."""
        is_asking = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        return HttpResponse() if is_asking else None

    def _is_large(self, request: HttpRequest) -> bool:
        """Whether the body is too large. For a chunked body, `inviting_app/wsgi.py` has set CONTENT_LENGTH."""
        length = request.META.get("CONTENT_LENGTH") or "0"
        has_parts = request.content_type == "multipart/form-data"
        most = settings.PARTS_MAX_BYTES if has_parts else settings.BODY_MAX_BYTES
        return not length.isdigit() or int(length) > most


class ApiViewMiddleware:
    """Call the view of an API request at once, without the middleware below.

    The API has no sessions, forms, static files or messages. Middleware that does nothing for it takes 0.14 ms of CPU,
    a quarter of `GET me` (docs/speed.md). What Django's handler does around a view does not apply here:
    ATOMIC_REQUESTS, and the hooks of middleware for views, template responses and exceptions. The API uses none of
    them; its exceptions go to the exception handler of REST framework.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not exceptions.is_api(request):
            return self.get_response(request)
        match = request.resolver_match = resolve(request.path_info)
        response: HttpResponse = match.func(request, *match.args, **match.kwargs)
        return response.render() if isinstance(response, Response) else response


class OutageMiddleware:
    """Answer 503 if the database cannot serve a page. `handler500` does so for what middleware needs of it."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Without this, Django would log the exception with its traceback."""
        return exceptions.unavailable_page(request, exception) if is_outage(exception) else None
