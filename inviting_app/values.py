"""Parsers of the values of single settings. Each raises ValueError with what the value must be, for the operator."""

import re
from collections.abc import Callable
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, TypeVar
from urllib.parse import urlsplit

_WEB_PORTS = {"http": 80, "https": 443}
# Pages and connections with these schemes have no origin of their own, so that none of them could ever match.
_WITHOUT_ORIGIN = [
    "about",
    "blob",
    "data",
    "file",
    "filesystem",
    "ftp",
    "javascript",
    "mailto",
    "tel",
    "view-source",
    "ws",
    "wss",
]
_NOT_ENCODED = (
    "has a user or a password with reserved characters: write %40 for @, %2F for /, %3F for ?, %23 for #, %25 for %"
)
Value = TypeVar("Value")


def integer(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch("[0-9]{1,10}", text) or not low <= int(text) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(text)

    return parse


def choice(*allowed: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return text

    return parse


def items(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


def each(parse: Callable[[str], Value], *, quoted: bool = True) -> Callable[[str], list[Value]]:
    """Parse a list. The error names a bad item by its place and quotes it, unless it may hold a secret."""

    def parse_all(text: str) -> list[Value]:
        parsed = []
        for place, item in enumerate(items(text), start=1):
            try:
                parsed.append(parse(item))
            except ValueError as error:
                shown = f" ({item!a:.60})" if quoted and "@" not in item else ""
                raise ValueError(f"item {place}{shown} {error}") from error
        return parsed

    return parse_all


def host(text: str) -> str:
    """A host in the form that browsers send: in punycode and lower case, IPv6 in brackets, no dot at the end."""
    if not text.isascii():
        from idna import uts46_remap

        text = uts46_remap(text, std3_rules=False)  # as browsers do before punycode
    with suppress(ValueError):
        address = ip_address(text[1:-1] if re.fullmatch(r"\[.*\]", text) else text)
        if "%" not in text:  # browsers send no zone
            return f"[{address}]" if address.version == 6 else str(address)
    labels = text.lower().removesuffix(".").split(".")
    name = ".".join(label if label.isascii() else f"xn--{label.encode('punycode').decode()}" for label in labels)
    # Django answers to no other names. One that ends with a number would be an address.
    if len(name) > 253 or not re.fullmatch(r"([a-z0-9-]{1,63}\.)*(?!([0-9]+|0x[0-9a-f]*)$)[a-z0-9-]{1,63}", name):
        raise ValueError("must be a host, such as invite.example.org, without a scheme, a port or a path")
    return name


def origin(text: str) -> str:
    """The origin of a web page in the form that browsers send, without its default port."""
    with suppress(ValueError):  # its text would quote the value
        parts = urlsplit(text)
        scheme, port = parts.scheme, parts.port
        more = parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc or port == 0
        if scheme in _WEB_PORTS and parts.hostname and not more:
            shown = "" if port in (None, _WEB_PORTS[scheme]) else f":{port}"
            return f"{scheme}://{host(parts.hostname)}{shown}"
    raise ValueError("must look like https://invite.example.org, without a path")


def client_origin(text: str) -> str:
    """The origin of a web page, or of an app in a web view, such as `capacitor://localhost`."""
    scheme, _, rest = text.lower().partition("://")
    if not rest or scheme in (*_WEB_PORTS, *_WITHOUT_ORIGIN):
        return origin(text)
    parts = re.fullmatch(r"[a-z][a-z0-9+.-]*://[a-z0-9._-]+(:[1-9][0-9]{0,4})?/?", text.lower())
    if not parts or int((parts[1] or ":1")[1:]) > 65535:
        raise ValueError("must look like capacitor://localhost, without a path")
    return text.lower().removesuffix("/")


def network(text: str) -> IPv4Network | IPv6Network:
    """An address, or a network of them."""
    try:
        return ip_network(text)
    except ValueError:
        raise ValueError("must be an address or a network, such as 10.0.0.0/8 or fd00::/8") from None


def display_name(text: str) -> str:
    """A name for people to read, in one line."""
    shown = " ".join(text.split())
    # Some characters that cannot be printed change the direction of the text after them.
    if len(shown) > 60 or not shown.isprintable():
        raise ValueError("must be a name of at most 60 characters, without control and invisible characters")
    return shown


def web_link(text: str) -> str:
    """The address of a web page that people are sent to."""
    from django.core.exceptions import ValidationError
    from django.core.validators import URLValidator

    try:
        URLValidator(schemes=list(_WEB_PORTS))(text)
        if "@" not in urlsplit(text).netloc:  # a password, or a name that looks like the host
            return text
    except ValidationError:
        pass
    raise ValueError("must look like https://example.org/privacy")


def contact_link(text: str) -> str:
    """A web page, an e-mail address or a phone that people can turn to, as a link."""
    from django.core.exceptions import ValidationError
    from django.core.validators import validate_email

    scheme, _, rest = text.partition(":")
    with suppress(ValueError, ValidationError):
        if scheme.lower() == "mailto":
            address, _, headers = rest.partition("?")
            validate_email(address)
            if re.fullmatch("[!-~]*", headers):
                return text
        elif scheme.lower() == "tel" and re.fullmatch(r"\+?[0-9][0-9().-]{2,30}", rest):
            return text
        return web_link(text)
    raise ValueError("must look like https://example.org/help, mailto:help@example.org or tel:+79991234567")


def region(text: str) -> str:
    import phonenumbers

    if text.upper() not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError("must be the two letters of a country, such as RU")
    return text.upper()


def time_zone(text: str) -> str:
    from zoneinfo import available_timezones

    # The names are those of hundreds of files, which are not read for the default.
    if text != "UTC" and text not in available_timezones():
        raise ValueError("must be the name of a time zone, such as Europe/Moscow")
    return text


def database(text: str) -> dict[str, Any]:
    """A libpq URL as Django's database settings; `prepare=off` among its parameters is ours."""
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    url, _, query = text.partition("?")
    if not url.startswith(("postgres://", "postgresql://")):
        raise ValueError("must begin with postgresql://")
    # A reserved character would end the password, and what follows would be shown as a host or a parameter.
    authority, _, name = url.partition("://")[2].partition("/")
    if authority.count("@") > 1 or "@" in name:
        raise ValueError(_NOT_ENCODED)
    # libpq reads the other parameters as they are: to it, a plus sign is not a space.
    parameters = query.split("&") if query else []
    prepare = dict(item.split("=", 1) for item in parameters if item.startswith("prepare=")).get("prepare", "on")
    choice("on", "off")(prepare)
    try:
        conninfo = conninfo_to_dict(f"{url}?{'&'.join(item for item in parameters if not item.startswith('prepare='))}")
    except ProgrammingError as error:
        if "@" in query or "percent" in str(error):
            raise ValueError(_NOT_ENCODED) from None
        unknown = re.search(r'invalid URI query parameter: "(\w{1,40})"', str(error))
        raise ValueError(f"has an unknown parameter, {unknown[1]}" if unknown else "is not a database URL") from error
    try:
        each(integer(1, 65535))(str(conninfo.get("port", "")))
    except ValueError:
        raise ValueError("has a port that is not a number from 1 to 65535") from None
    if not conninfo.get("dbname"):
        raise ValueError("must name a database")
    names = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    django = {names[key]: str(conninfo.pop(key)) for key in list(conninfo) if key in names}
    return {**django, "OPTIONS": {**conninfo, "prepare_threshold": 3 if prepare == "on" else None}}


def is_local(url: str) -> bool:
    """Whether only this machine can reach the address."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
