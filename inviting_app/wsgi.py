"""The WSGI application: Django's, behind a function that prepares what Django cannot read."""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Iterable
from io import BytesIO
from wsgiref.types import StartResponse, WSGIEnvironment

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from users import deadline

os.environ["DJANGO_SETTINGS_MODULE"] = "inviting_app.settings"

_MEDIA_TYPE = re.compile(r"\s*([\w.+-]+/[\w.+-]+)\s*(?:;|$)", re.ASCII)
_BOUNDARY = re.compile(r";\s*boundary=(\"[^\"\\]{1,200}\"|[\w'()+,./:=?-]{1,200})\s*(?:;|$)", re.ASCII | re.IGNORECASE)

deadline.limit_all()
_django = get_wsgi_application()
importlib.import_module(settings.ROOT_URLCONF)  # now, so that the first request of a process is not slow


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """PEP 3333 middleware around Django."""
    if content_type := environ.get("CONTENT_TYPE"):
        environ["CONTENT_TYPE"] = _plain_content_type(content_type)
    if "\\" in environ.get("HTTP_COOKIE", ""):
        environ["HTTP_COOKIE"] = _without_escapes(environ["HTTP_COOKIE"])
    # gunicorn answers 400 if another coding is the last one. An earlier one, such as `identity`, changes nothing here.
    if environ.pop("HTTP_TRANSFER_ENCODING", "").lower().endswith("chunked"):
        _read_chunked_body(environ)
    return _django(environ, start_response)


def _plain_content_type(value: str) -> str:
    """The media type and a form's boundary, without other parameters.

    All text is UTF-8 here. Django would decode queries and forms in the encoding that `charset` names, even in one that
    is not for text, and it cannot parse each parameter: both would be a 500.
    """
    media_type, boundary = _MEDIA_TYPE.match(value), _BOUNDARY.search(value)
    if not media_type:
        return ""
    plain = media_type[1].lower()  # because Django's parser of multipart bodies compares it as it is
    return f"{plain}; boundary={boundary[1]}" if boundary else plain


def _without_escapes(cookies: str) -> str:
    """The cookies without those that have a backslash.

    Django unescapes a quoted value by Python, which takes quadratic time for it before 3.11.10 and 3.12.6
    (CVE-2024-7592): several lines of cookies together took seconds. No cookie of the service has a backslash.
    """
    return ";".join(cookie for cookie in cookies.split(";") if "\\" not in cookie)


def _read_chunked_body(environ: WSGIEnvironment) -> None:
    """Read a body without a length, up to one byte above the limit, and tell its length to Django.

    Django reads only bodies of a known length. `ApiMiddleware` in `api/middleware.py` refuses those above the limit.
    """
    body = environ["wsgi.input"].read(settings.BODY_MAX_BYTES + 1)
    environ["CONTENT_LENGTH"] = str(len(body))
    environ["wsgi.input"] = BytesIO(body)
