"""The one module that reads the environment: every setting that a deployer may give, read once and strictly.

Settings come from the process's environment or, below it, from `.env`. A variable that is unset or empty takes its
default. One that cannot be read raises ImproperlyConfigured with its name, in one line. The line does not repeat the
value, because some values are secrets. A library such as environs would not make this module shorter.

gunicorn's master process runs this file without importing it (see ops/gunicorn_conf.py). So it imports nothing else
of this project, and heavy packages only where a value needs them.
"""

import json
import os
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NoReturn, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit

from django.core.exceptions import ImproperlyConfigured
from dotenv import dotenv_values

BASE_DIR = Path(__file__).resolve().parent.parent
_WEB_PORTS = {"http": 80, "https": 443}
# Pages and connections with these schemes have no origin of their own, so that none of them could ever match.
_WITHOUT_ORIGIN = ("about", "blob", "data", "file", "filesystem", "ftp", "javascript", "ws", "wss")
Value = TypeVar("Value")


def refuse(reason: str) -> NoReturn:
    """Raise ImproperlyConfigured with the line for the operator: a JSON line if LOG_FORMAT says so."""
    text = f"inviting_app cannot start. {reason}"
    if _given.get("LOG_FORMAT") == "json":
        line = {"level": "CRITICAL", "logger": "inviting_app", "request_id": "-", "message": text}
        text = json.dumps({**line, "time": datetime.now(UTC).isoformat()})
    raise ImproperlyConfigured(text)


def read(name: str, default: Value, parse: Callable[[str], Value]) -> Value:
    """The value of a setting. Raises ImproperlyConfigured."""
    text = _given.get(name, "")
    if not text:
        return default
    try:
        return parse(text)
    except ValueError as error:
        refuse(f"{name}: {error}")


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


def language(text: str) -> str:
    """Read `en` or `ru`, or a desktop's own LANGUAGE such as `de_DE:ru`: its first language of ours, or English."""
    if "_" not in text and ":" not in text:
        return choice("en", "ru")(text)
    return next((name[:2] for name in text.split(":") if name[:2] in ("en", "ru")), "en")


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
        return f"[{address}]" if address.version == 6 else str(address)
    labels = text.lower().removesuffix(".").split(".")
    name = ".".join(label if label.isascii() else f"xn--{label.encode('punycode').decode()}" for label in labels)
    # Django answers to no other names. One that ends with a number would be an address.
    if not re.fullmatch(r"([a-z0-9-]{1,63}\.)*(?![0-9]+$)[a-z0-9-]{1,63}", name):
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
    if not re.fullmatch(r"[a-z][a-z0-9+.-]*://[a-z0-9._-]+(:[1-9][0-9]{0,4})?/?", text.lower()):
        raise ValueError("must look like capacitor://localhost, without a path")
    return text.lower().removesuffix("/")


def region(text: str) -> str:
    import phonenumbers

    if text.upper() not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError("must be the two letters of a country, such as RU")
    return text.upper()


def gateway(text: str) -> str:
    with suppress(ValueError):  # its text would quote the URL, which may hold a password
        parts = urlsplit(text)
        if parts.scheme and "://" in text and "{phone}" in text and parts.port != 0:
            return text
    raise ValueError("must be an Apprise URL with {phone} where the number goes")


def sms_text(text: str) -> dict[str, str]:
    """One text for all languages, or one each: `en=... {code} ...|ru=... {code} ...`. `PIN={code}` is one text."""
    texts = {"en": text, "ru": text}
    if re.match(r"[a-z]{2}([-_]\w+)?\s*=", text):
        texts = {}
        for language, _, words in (part.partition("=") for part in text.split("|")):
            if (name := language.strip()) not in ("en", "ru") or name in texts:
                example = "en=... {code} ...|ru=... {code} ..."
                raise ValueError(f"{name!a:.20} must be en or ru, each once, as in {example}")
            texts[name] = words.strip()
    for words in texts.values():
        if words.count("{code}") != 1 or re.search("[{}]", words.replace("{code}", "")):
            raise ValueError("must have {code} once where the code goes, and no other braces; a language is en or ru")
    return texts


def database(text: str) -> dict[str, Any]:
    """A libpq URL as Django's database settings; `prepare=off` among its parameters is ours."""
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    url, _, query = text.partition("?")
    if not url.startswith(("postgres://", "postgresql://")):
        raise ValueError("must begin with postgresql://")
    parameters = dict(parse_qsl(query))
    prepare = choice("on", "off")(parameters.pop("prepare", "on"))
    try:
        conninfo = conninfo_to_dict(f"{url}?{urlencode(parameters)}")
    except ProgrammingError as error:
        raise ValueError("is not a database URL") from error
    try:
        each(integer(1, 65535))(str(conninfo.get("port", "")))
    except ValueError:
        raise ValueError("has a port that is not a number from 1 to 65535") from None
    if not conninfo.get("dbname"):
        raise ValueError("must name a database")
    names = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    django = {names[key]: str(conninfo.pop(key)) for key in list(conninfo) if key in names}
    # A PgBouncer that cannot prepare statements cannot keep cursors either.
    pooled = {"DISABLE_SERVER_SIDE_CURSORS": True} if prepare == "off" else {}
    return {**django, **pooled, "OPTIONS": {**conninfo, "prepare_threshold": 3 if prepare == "on" else None}}


def is_local(url: str) -> bool:
    """Whether only this machine can reach the address."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


try:
    _file = dotenv_values(os.environ.get("ENV_FILE") or BASE_DIR / ".env", interpolate=False)
except (OSError, ValueError):
    raise ImproperlyConfigured("inviting_app cannot start. .env: cannot be read as UTF-8 text") from None
# The variables of the process, even empty ones, take precedence over those of `.env` or its copy ENV_FILE.
_given = {name: (value or "").strip() for name, value in (_file | os.environ).items()}

# The settings that `serve` keeps until it is stopped, even if `.env` changes.
KEPT = {name: _given.get(name, "") for name in ("HOST", "PORT", "DATA_DIR", "DATABASE_URL", "WORKER_DATABASE_URL")}

DATA_DIR = read("DATA_DIR", BASE_DIR / ".data", lambda text: (BASE_DIR / Path(text).expanduser()).resolve())
DATABASE = read("DATABASE_URL", None, database)
if not DATABASE:
    # The caller's variables for libpq are about another server than the embedded one.
    for name in [name for name in os.environ if name.startswith("PG") and name != "PGAPPNAME"]:
        del os.environ[name]
WORKER_DATABASE = read("WORKER_DATABASE_URL", DATABASE, database)

HOST = read("HOST", "127.0.0.1", str)
PORT = read("PORT", 8000, integer(1, 65535))
SITE_URL = read("SITE_URL", origin(f"http://localhost:{PORT}"), origin)
EXTRA_HOSTS: list[str] = read("EXTRA_HOSTS", [], each(host))
TRUSTED_PROXIES = read("TRUSTED_PROXIES", 0, integer(0, 10))
CORS_ORIGINS: list[str] = read("CORS_ORIGINS", [], each(client_origin))
METRICS_PORT = read("METRICS_PORT", 0, integer(1, 65535))
WEB_WORKERS = read("WEB_WORKERS", 2, integer(1, 64))
WEB_THREADS = read("WEB_THREADS", 4, integer(1, 64))
LANGUAGE = read("LANGUAGE", "en", language)
LOG_FORMAT = read("LOG_FORMAT", "text", choice("text", "json"))

SMS_GATEWAYS: list[str] = read("SMS_GATEWAYS", [], each(gateway, quoted=False))
SMS_TEXT: dict[str, str] = read("SMS_TEXT", {}, sms_text)
SMS_PER_DAY = read("SMS_PER_DAY", 10_000, integer(1, 10**9))
SMS_GUARD = read("SMS_GUARD", "record", choice("record", "enforce"))
ALLOW_DEMO = read("ALLOW_DEMO", "0", choice("0", "1")) == "1"
PHONE_REGION = read("PHONE_REGION", "RU", region)
PHONE_REGIONS = read("PHONE_REGIONS", [PHONE_REGION], each(region))
LOGIN_SEND_GAPS = read("LOGIN_SEND_GAPS", [30, 60, 120, 300, 900, 1800, 3600], each(integer(1, 86400)))

SECRET_KEY = read("SECRET_KEY", "", str)
SECRET_KEY_FALLBACKS: list[str] = read("SECRET_KEY_FALLBACKS", [], items)

if METRICS_PORT == PORT:
    refuse("METRICS_PORT: must be another port than PORT")
if DATABASE and not SECRET_KEY:
    refuse("SECRET_KEY: must be set when DATABASE_URL is")
if WORKER_DATABASE and not DATABASE:
    refuse("WORKER_DATABASE_URL: needs DATABASE_URL, because it is another way to the same database")
if not SMS_GATEWAYS and not is_local(SITE_URL) and not ALLOW_DEMO:
    refuse("SMS_GATEWAYS: a public SITE_URL needs one, or anybody could sign in as anybody (ALLOW_DEMO=1 allows that)")
