"""The one module that reads the environment: every setting that a deployer may give, read once and strictly.

Settings come from the process's environment or, below it, from `.env`. A variable that is unset or empty takes its
default. One that cannot be read raises ImproperlyConfigured with its name, in one line. The line does not repeat the
value, because some values are secrets. A library such as environs would not make this module shorter.

gunicorn's master process runs this file without importing it (see ops/gunicorn_conf.py). So of this project it imports
only `values`, and heavy packages only where a value needs them.
"""

import json
import logging
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime
from io import StringIO
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import NoReturn, TypeVar

from django.core.exceptions import ImproperlyConfigured
from dotenv import dotenv_values

from inviting_app.values import (
    choice,
    client_origin,
    contact_link,
    database,
    display_name,
    each,
    host,
    integer,
    is_local,
    items,
    network,
    origin,
    region,
    time_zone,
    web_link,
)
from inviting_app.values_sms import gateway, sms_last_line, sms_text, test_numbers

BASE_DIR = Path(__file__).resolve().parent.parent
Value = TypeVar("Value")


def refuse(reason: str) -> NoReturn:
    """Raise ImproperlyConfigured with the line for the operator: a JSON line if LOG_FORMAT says so."""
    raise ImproperlyConfigured(as_line("CRITICAL", f"inviting_app cannot start. {reason}"))


def as_line(level: str, text: str) -> str:
    """A line for the operator, before there is a log: a JSON line if LOG_FORMAT says so."""
    if _given.get("LOG_FORMAT") != "json":
        return text
    line = {"level": level, "logger": "inviting_app", "request_id": "-", "message": text}
    return json.dumps({**line, "time": datetime.now(UTC).isoformat()})


def read(name: str, default: Value, parse: Callable[[str], Value]) -> Value:
    """The value of a setting. Raises ImproperlyConfigured."""
    _names.add(name)
    text = _given.get(name, "")
    if not text:
        return default
    try:
        return parse(text)
    except ValueError as error:
        # A value of `.env` is read without its quotes. One of the environment keeps them: `docker run --env-file`, say.
        quoted = ". The value stands in quotes: leave them out" if text[0] in "'\"" and text[0] == text[-1] else ""
        refuse(f"{name}: {error}{quoted}")


def path(text: str) -> Path:
    """An absolute path. A relative one begins at the folder of the project."""
    try:
        return (BASE_DIR / Path(text).expanduser()).resolve()
    except RuntimeError as error:  # ~ of a user without a home
        raise ValueError(str(error).rstrip(".")) from error


def notes() -> list[str]:
    """What the operator should know, one line each. Names are compared here, because few processes print the notes."""
    in_environment = os.environ.keys() - _file.keys() - _names
    return [*_notes, *misspelt(_file.keys() - _names), *misspelt_in_environment(in_environment)]


def misspelt(names: set[str]) -> list[str]:
    """A note for each of these names of `.env` that looks like one of a setting."""
    # 0.8 finds a letter or two, and not the variables of other programs, such as DB_HOST.
    return [f".env: {name} is not a setting. Did you mean {near}?" for name, near in _similar(names, _names, 0.8)]


def misspelt_in_environment(names: set[str]) -> list[str]:
    """The same for names of the environment. Most are other programs', so only settings that are not given count."""
    # 0.87 finds one letter in SITE_URL, and not SECRET_KEY_BASE.
    found = _similar(names, {name for name in _names.difference(_COMMON) if not _given.get(name)}, 0.87)
    return [f"The environment: {name} is not a setting. Did you mean {near}?" for name, near in found]


def _similar(names: set[str], known: set[str], likeness: float) -> list[tuple[str, str]]:
    from difflib import get_close_matches

    found = {name: get_close_matches(name.upper(), known, 1, likeness) for name in sorted(names)}
    return [(name, near[0]) for name, near in found.items() if near]


def _text(file: Path) -> str:
    """The text of a file or a pipe. Nothing if there is none, as where Docker made a folder for a missing file."""
    return file.read_text("utf-8") if file.is_file() or file.is_fifo() else ""


class _Unreadable(logging.Handler):
    """Makes notes of what python-dotenv logs, which are the lines that it cannot read: there is no log yet."""

    def emit(self, record: logging.LogRecord) -> None:
        _notes.append(f".env: {record.getMessage()}. It is ignored.")


def _assignments(text: str) -> dict[str, str | None]:
    logger, handler = logging.getLogger("dotenv"), _Unreadable()
    logger.addHandler(handler)
    try:
        return dotenv_values(stream=StringIO(text), interpolate=False)
    finally:
        logger.removeHandler(handler)


_notes: list[str] = []
try:
    # `serve` gives the processes that it starts a copy of the file.
    IS_PART_OF_SERVE = bool(os.environ.get("ENV_FILE"))
    _file = _assignments(_text(Path(os.environ.get("ENV_FILE") or BASE_DIR / ".env")))
except OSError as error:
    raise ImproperlyConfigured(f"inviting_app cannot start. .env: cannot be read: {error.strerror}") from None
except ValueError:
    raise ImproperlyConfigured("inviting_app cannot start. .env: cannot be read as UTF-8 text") from None

_LOCALE = r"([a-z]{2,3}([_-]\w+){0,3}|C|POSIX)(\.[\w-]+)?(@\w+)?"
_BUILD = r"(x86_64|i\d86|arm|aarch|loongarch|mips|powerpc|ppc|riscv|s390|sparc|wasm)\w*(-[\w.]+){2,3}"
# Values that other programs put into the environment under names of ours: the links of containers, the machine's name
# (shells), what a compiler builds for (conda), the languages of a desktop. In `.env` they are mistakes.
_FOREIGN = {
    "HOST": rf".*://.*|(?!localhost$){re.escape(os.uname().nodename)}|{_BUILD}",
    "PORT": ".*://.*",
    "METRICS_PORT": ".*://.*",
    "LANGUAGE": rf"(?!(en|ru)$):?{_LOCALE}(:{_LOCALE})*:?",
}
# Names of ours that are words which other programs use, too.
_COMMON = (*_FOREIGN, "TIME_ZONE")
for _name, _pattern in _FOREIGN.items():
    _value = os.environ.get(_name, "").strip()
    if re.fullmatch(_pattern, _value):
        _notes.append(f"{_name}: the environment has {_value!a:.60} from another program, which is ignored.")
        del os.environ[_name]  # from the processes that this one starts, too


def _with_environment(file: dict[str, str | None]) -> dict[str, str]:
    """The values of a `.env`. The variables of the process, even empty ones, take precedence over them."""
    return {name: (value or "").strip() for name, value in (file | os.environ).items()}


_given = _with_environment(_file)

_names: set[str] = set()

# The settings that `serve` keeps until it is stopped, even if `.env` changes.
_KEPT = (
    *("HOST", "PORT", "DATA_DIR", "DRAIN_SECONDS"),
    *("DATABASE_URL", "WORKER_DATABASE_URL", "OWNER_DATABASE_URL", "REPLICA_URL"),
)
KEPT = {name: _given.get(name, "") for name in _KEPT}


def kept_against(file: Path) -> list[str]:
    """The settings that are kept, although this `.env` has other values now."""
    given = _with_environment(_assignments(_text(file)))
    return [name for name, value in KEPT.items() if given.get(name, "") != value]


DATA_DIR = read("DATA_DIR", BASE_DIR / ".data", path)
DATABASE = read("DATABASE_URL", None, database)
if not DATABASE:
    # The caller's variables for libpq are about another server than the embedded one.
    for name in [name for name in os.environ if name.startswith("PG") and name != "PGAPPNAME"]:
        del os.environ[name]
WORKER_DATABASE = read("WORKER_DATABASE_URL", DATABASE, database)
OWNER_DATABASE = read("OWNER_DATABASE_URL", None, database)
REPLICA_DATABASE = read("REPLICA_URL", None, database)

HOST = read("HOST", "127.0.0.1", str)
PORT = read("PORT", 8000, integer(1, 65535))
SITE_URL = read("SITE_URL", origin(f"http://localhost:{PORT}"), origin)
EXTRA_HOSTS: list[str] = read("EXTRA_HOSTS", [], each(host))
TRUSTED_PROXIES = read("TRUSTED_PROXIES", 0, integer(0, 10))
CORS_ORIGINS: list[str] = read("CORS_ORIGINS", [], each(client_origin))
SITE_NAME, OPERATOR_NAME = read("SITE_NAME", "", display_name), read("OPERATOR_NAME", "", display_name)
PRIVACY_URL, CONTACT_URL = read("PRIVACY_URL", "", web_link), read("CONTACT_URL", "", contact_link)
METRICS_PORT = read("METRICS_PORT", 0, integer(1, 65535))
WEB_WORKERS = read("WEB_WORKERS", 2, integer(1, 64))
WEB_THREADS = read("WEB_THREADS", 4, integer(1, 64))
DRAIN_SECONDS = read("DRAIN_SECONDS", 0, integer(0, 60))
# `/readyz` is 503 while there is a file of this name. `serve` gives one to the web.
DRAIN_FILE = os.environ.get("DRAIN_FILE", "")
LANGUAGE = read("LANGUAGE", "en", choice("en", "ru"))
TIME_ZONE = read("TIME_ZONE", "UTC", time_zone)
LOG_FORMAT = read("LOG_FORMAT", "text", choice("text", "json"))

SMS_GATEWAYS: list[str] = read("SMS_GATEWAYS", [], each(gateway, quoted=False))
SMS_PROVIDERS = read("SMS_PROVIDERS", None, path)
SMS_SENDER = read("SMS_SENDER", "", str)
SMS_TEXT: dict[str, str] = read("SMS_TEXT", {}, sms_text)
SMS_LAST_LINE = read("SMS_LAST_LINE", "origin", sms_last_line)
SMS_TEST_NUMBERS: dict[str, str] = read("SMS_TEST_NUMBERS", {}, test_numbers)
SMS_PER_DAY = read("SMS_PER_DAY", 10_000, integer(1, 10**9))
SMS_GUARD = read("SMS_GUARD", "record", choice("record", "enforce"))
ADMIN_SECOND_FACTOR = read("ADMIN_SECOND_FACTOR", "optional", choice("optional", "required"))
WEBHOOK_PRIVATE_ADDRESSES: list[IPv4Network | IPv6Network] = read("WEBHOOK_PRIVATE_ADDRESSES", [], each(network))
ALLOW_DEMO = read("ALLOW_DEMO", "0", choice("0", "1")) == "1"
PHONE_REGION = read("PHONE_REGION", "RU", region)
PHONE_REGIONS = read("PHONE_REGIONS", [PHONE_REGION], each(region))
LOGIN_SEND_GAPS = read("LOGIN_SEND_GAPS", [30, 60, 120, 300, 900, 1800, 3600], each(integer(1, 3600)))

SECRET_KEY = read("SECRET_KEY", "", str)
SECRET_KEY_FALLBACKS: list[str] = read("SECRET_KEY_FALLBACKS", [], items)

if METRICS_PORT == PORT:
    refuse("METRICS_PORT: must be another port than PORT")
if DATABASE and not SECRET_KEY:
    refuse("SECRET_KEY: must be set when DATABASE_URL is")
if WORKER_DATABASE and not DATABASE:
    refuse("WORKER_DATABASE_URL: needs DATABASE_URL, because it is another way to the same database")
if OWNER_DATABASE and not DATABASE:
    refuse("OWNER_DATABASE_URL: needs DATABASE_URL, because it is the same database as another role")
if REPLICA_DATABASE and not DATABASE:
    refuse("REPLICA_URL: needs DATABASE_URL, because it is a standby of that database")
if not SMS_GATEWAYS and not is_local(SITE_URL) and not ALLOW_DEMO:
    refuse("SMS_GATEWAYS: a public SITE_URL needs one, or anybody could sign in as anybody (ALLOW_DEMO=1 allows that)")
