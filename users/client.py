"""The client of a request: its network address and its name."""

import logging
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from django.conf import settings
from django.http import HttpRequest

logger = logging.getLogger(__name__)


def address(request: HttpRequest) -> str | None:
    """The client's network address, or None if the connection has none.

    With TRUSTED_PROXIES=n it is the n-th element from the right of X-Forwarded-For, because the client can write the
    elements further left. An element that is not an address gives the address of the connection, so that no client
    escapes a limit with an invalid header.
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
    """The client's User-Agent, printable characters only. Users recognise their devices by it."""
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
