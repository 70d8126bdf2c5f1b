"""What a browser remembers for signing in: the newest challenge, and the device's token."""

import re

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response

CHALLENGE = "challenge"
DEVICE = "device"
PATH = "/api/auth"


def write(request: Request, response: Response, cookie: str, value: str, seconds: float) -> None:
    """Set a cookie that scripts and other sites cannot read, and that is sent only for signing in.

    A request of another site sets none: that site could put its own value in place of the browser's.
    """
    if request.headers.get("Sec-Fetch-Site") == "cross-site":
        return
    response.set_cookie(
        cookie + settings.COOKIE_SUFFIX,
        value,
        max_age=int(seconds),
        path=PATH,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Strict",
    )


def read(request: Request, cookie: str) -> str | None:
    """The cookie's value. None for a value that we never set, such as a NUL, which PostgreSQL refuses in text.

    A browser may still have the cookie of an earlier version, without the suffix.
    """
    value = request.COOKIES.get(cookie + settings.COOKIE_SUFFIX) or request.COOKIES.get(cookie, "")
    return value if re.fullmatch(r"[\w-]{1,64}", value, re.ASCII) else None


def delete(response: Response, cookie: str) -> None:
    response.delete_cookie(cookie + settings.COOKIE_SUFFIX, path=PATH, samesite="Strict")
