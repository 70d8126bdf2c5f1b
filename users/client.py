"""Who is calling."""

from __future__ import annotations

import logging
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from django.conf import settings
from django.http import HttpRequest

logger = logging.getLogger(__name__)


def address(request: HttpRequest) -> str | None:
    """The client's network address: the connection's, unless TRUSTED_PROXIES=n says otherwise.

    Then it is the n-th from the right of X-Forwarded-For: what stands further left was written by the client. Where
    that is no address, the connection's own is taken, so nobody escapes a limit by sending rubbish.
    """
    connection = _plain(request.META.get("REMOTE_ADDR", ""))
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
    if not settings.TRUSTED_PROXIES:
        if forwarded:
            _warn_once()
        return connection
    hops = forwarded.split(",")
    if len(hops) < settings.TRUSTED_PROXIES:
        return connection
    return _plain(hops[-settings.TRUSTED_PROXIES]) or connection


def user_agent(request: HttpRequest) -> str:
    """What the client calls itself, for its owner to know it again in the list of devices."""
    return "".join(character for character in request.headers.get("User-Agent", "") if character.isprintable())


def _plain(text: str) -> str | None:
    try:
        parsed = ip_address(text.strip())
    except ValueError:
        return None
    if isinstance(parsed, IPv6Address):
        parsed = parsed.ipv4_mapped or IPv6Address(int(parsed))  # without a zone
    return str(parsed)


@lru_cache(maxsize=1)
def _warn_once() -> None:
    logger.warning("X-Forwarded-For is ignored: set TRUSTED_PROXIES if the service is behind a proxy")
