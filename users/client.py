"""The client of a request: its network address and its name."""

import logging
import re
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from django.conf import settings
from django.http import HttpRequest

from users.masks import mask_host, mask_user_agent

logger = logging.getLogger(__name__)

# An address with a port: IPv4, also mapped to IPv6, IPv6 in brackets, or all eight groups of IPv6 without brackets.
_WITH_PORT = re.compile(
    r"((?:[0-9A-Fa-f:]*:)?[0-9.]+\.[0-9]+|\[[^]]+\]|(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}):[0-9]*"
)

# Characters of a User-Agent that are kept: as many as the columns for it have. That of django-axes has more.
LONGEST_USER_AGENT = 200

# What a User-Agent has, and the name that people know it by: the same as in the page's account.js. The first match
# counts, because browsers also name each other.
BROWSERS = {
    "Edg": "Edge",
    "OPR": "Opera",
    "YaBrowser": "Yandex Browser",
    "SamsungBrowser": "Samsung Internet",
    "Firefox": "Firefox",
    "FxiOS": "Firefox",
    "CriOS": "Chrome",
    "Chrome": "Chrome",
    "Safari": "Safari",
}
SYSTEMS = {
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Windows": "Windows",
    "Mac OS X": "macOS",
    "CrOS": "ChromeOS",
    "Linux": "Linux",
}


def address(request: HttpRequest) -> str | None:
    """The client's network address, or None if the connection has none.

    With TRUSTED_PROXIES=n it is the n-th element from the right of X-Forwarded-For, because the client can write the
    elements further left. An element that is not an address gives the address of the connection, so that no client
    escapes a limit with an invalid header.
    """
    connection = _plain(request.META.get("REMOTE_ADDR", ""))
    if not settings.TRUSTED_PROXIES:
        if request.META.get("HTTP_X_FORWARDED_FOR"):
            _warn_once()
        return connection
    element = _forwarded(request)
    if element is None:
        return connection
    found = _plain(element)
    if found is None:
        logger.warning(
            "X-Forwarded-For: %a is no address, so the proxy's own is used. See TRUSTED_PROXIES",
            mask_host(element)[:60],
        )
    return found or connection


def is_misforwarded(request: HttpRequest) -> bool:
    """Whether X-Forwarded-For has something else in the place of the client's address."""
    element = _forwarded(request) if settings.TRUSTED_PROXIES else None
    return element is not None and _plain(element) is None


def user_agent(request: HttpRequest) -> str:
    """The beginning of the client's User-Agent, printable characters only and without phones and tokens.

    Users recognise their devices by it, and operators see it.
    """
    text = text_of_header(request.META.get("HTTP_USER_AGENT", ""))
    return mask_user_agent("".join(filter(str.isprintable, text)))[:LONGEST_USER_AGENT]


def named(user_agent: str) -> str:
    """Browser and system by their names, as users read them in their list of devices: `Chrome, Linux`."""
    found = [next((name for part, name in names.items() if part in user_agent), "") for names in (BROWSERS, SYSTEMS)]
    return ", ".join(filter(None, found)) or user_agent[:40]


def text_of_header(value: str) -> str:
    """The text of a header, which WSGI decodes as Latin-1 although clients mostly send UTF-8."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value


def _forwarded(request: HttpRequest) -> str | None:
    """The element that the outermost trusted proxy added, or None without the header. It is empty if there are fewer.

    The server joins several lines of the header by commas. Empty elements do not count (RFC 9110, 5.6.1).
    """
    header = request.META.get("HTTP_X_FORWARDED_FOR")
    if header is None:
        return None
    elements = [element for part in header.split(",") if (element := part.strip())]
    return elements[-settings.TRUSTED_PROXIES] if len(elements) >= settings.TRUSTED_PROXIES else ""


def _plain(text: str) -> str | None:
    """The address in any form in which proxies write one, without quotes, port and zone."""
    text = text.strip(' \t"')
    if with_port := _WITH_PORT.fullmatch(text):
        text = with_port[1]
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
    try:
        parsed = ip_address(text)
    except ValueError:
        return None
    if isinstance(parsed, IPv6Address):
        parsed = parsed.ipv4_mapped or IPv6Address(int(parsed))  # without a zone
    return str(parsed)


@lru_cache(maxsize=1)
def _warn_once() -> None:
    logger.warning("X-Forwarded-For is ignored: set TRUSTED_PROXIES if the service is behind a proxy")
