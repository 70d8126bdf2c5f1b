"""Absolute links in responses."""

from urllib.parse import urlsplit

from django.conf import settings
from rest_framework.request import Request


def absolute(request: Request, path: str) -> str:
    """The URL of this path under SITE_URL. The proxy need not tell the scheme, which it often does not.

    A client of one of the EXTRA_HOSTS, such as an emulator, may not reach SITE_URL, so it gets the host that it named.
    """
    if settings.EXTRA_HOSTS:
        host = request.get_host()
        if host_of(f"//{host}") in settings.EXTRA_HOSTS:
            is_https = request.is_secure() or settings.SITE_URL.startswith("https:")
            return f"{'https' if is_https else 'http'}://{host}{path}"
    return f"{settings.SITE_URL}{path}"


def host_of(url: str) -> str:
    """The host of a URL in the form of EXTRA_HOSTS, or "". Raises ValueError for a URL that cannot be read."""
    host = (urlsplit(url).hostname or "").removesuffix(".")
    return f"[{host}]" if ":" in host else host
