"""SMS gateways: the URLs of SMS_GATEWAYS, each an account at a provider. No text about one may contain its secrets."""

import base64
import re
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import ip_address
from threading import Thread
from typing import Literal
from urllib.parse import SplitResult, unquote, urlsplit

from django.conf import settings

from users import phones
from users.sms import receipt_tokens, signatures
from users.sms.answers import Answer, Message, Reason, Response
from users.sms.encoding import is_gsm, parts
from users.sms.providers import URL_PARTS, Provider, ProvidersError, providers

# Seconds that one try may take in all: name lookup, connection and a slow answer.
TIMEOUT = 8.0

_ENCODE = "In a user or password, write / as %2F, ? as %3F, # as %23, @ as %40, % as %25 and a comma as %2C"

# Parameters of every gateway's URL.
_COMMON = {"sender", "scheme"}


class GatewayError(Exception):
    """A URL of SMS_GATEWAYS cannot be used. The text says why, without secrets."""


@dataclass(frozen=True)
class Gateway:
    """An account at a provider. `name` is its place in SMS_GATEWAYS and its provider: `url` has secrets."""

    name: str
    provider: Provider = field(repr=False)
    # The values for the templates of the provider's table, by name.
    values: Mapping[str, str] = field(repr=False)

    @property
    def is_plain(self) -> bool:
        """Whether what is sent to it passes over a network without TLS."""
        base = urlsplit(self.values.get("base", ""))
        encrypted = self.values.get("tls") == "1" if self.provider.protocol == "smpp" else base.scheme != "http"
        return not encrypted and not _is_loopback(base.hostname or "")

    @property
    def account(self) -> tuple[str, ...]:
        """What tells this account from others, the same wherever it stands in SMS_GATEWAYS. Not its password."""
        parts = ("user", "host", "path") if "host" in self.provider.needs else ("user",)
        return (self.name.partition(" ")[2], *(self.values.get(part, "") for part in parts))

    @property
    def receipts(self) -> str:
        """The URL for delivery receipts. Empty if none can arrive: the provider sends none, or the site is local."""
        site = settings.SITE_URL
        if not self.provider.receipt or not self.provider.send or _is_loopback(urlsplit(site).hostname or ""):
            return ""
        return f"{site}/sms/receipts/{receipt_tokens.of(self.account)[0]}"

    def send(self, message: Message) -> Answer:
        """Send this message. Returns after TIMEOUT at the latest."""
        return self.exchange(message)[0]

    def exchange(self, message: Message) -> tuple[Answer, Response | None]:
        """The same, with the response of an HTTP API for an operator to see."""
        return _in_time(lambda: self._exchange(message), self.name)

    def check(self) -> Answer | None:
        """Whether the provider knows the account, by a call that sends nothing. None if it offers no such call."""
        from users.sms import http_api, smpp

        if self.provider.protocol == "smpp":
            return _in_time(lambda: (smpp.check(self.provider, self.values), None), self.name)[0]
        call = self.provider.check
        if call is None:
            return None
        return _in_time(lambda: http_api.exchange(self.provider, call, self.values), self.name)[0]

    def request_values(self, message: Message) -> dict[str, str]:
        """All values for a request about this message."""
        encoding: Literal["gsm", "ucs2"] = "gsm" if is_gsm(message.text) else "ucs2"
        return {
            **self.values,
            "phone": message.phone,
            "digits": message.phone.removeprefix("+"),
            "national": phones.national(message.phone),
            "text": message.text,
            "code": message.code,
            "id": message.id,
            "encoding": self.provider.encodings.get(encoding, encoding),
            "parts": str(parts(message.text)),
            "receipts": self.receipts,
        }

    def _exchange(self, message: Message) -> tuple[Answer, Response | None]:
        from users.sms import http_api, smpp  # a web process reads the gateways' names only

        if self.provider.send is None:
            return smpp.send(self.provider, self.values, message), None
        return http_api.exchange(self.provider, self.provider.send, self.request_values(message))


def configured() -> list[Gateway]:
    """The gateways of SMS_GATEWAYS, the preferred one first. Raises GatewayError or ProvidersError."""
    return _parsed(tuple(settings.SMS_GATEWAYS), settings.SMS_SENDER, settings.SMS_PROVIDERS)


def error() -> str:
    """Why SMS_GATEWAYS cannot be used, or an empty string."""
    try:
        configured()
    except GatewayError as refused:
        return f"SMS_GATEWAYS: {refused}"
    except ProvidersError as refused:
        return f"SMS_PROVIDERS: {refused}"
    return ""


def names() -> list[str]:
    """The names of the gateways, even of those that cannot be used."""
    return [_name(place, url) for place, url in enumerate(settings.SMS_GATEWAYS, start=1)]


@lru_cache(maxsize=4)
def _parsed(urls: tuple[str, ...], sender: str, own_providers: object) -> list[Gateway]:
    return [parse(_name(place, url), url, sender) for place, url in enumerate(urls, start=1)]


def _name(place: int, url: str) -> str:
    return f"{place} {url.partition(':')[0].partition('+')[0].lower()}"[:64]


def parse(name: str, url: str, sender: str) -> Gateway:
    """The gateway of this URL. `sender` is that of a URL that names none. Raises GatewayError or ProvidersError."""
    parts, known = urlsplit(url), providers()
    scheme, _, transport = parts.scheme.partition("+")
    if scheme not in known:
        raise GatewayError(f"gateway {name}: there is no such provider. Known are {', '.join(sorted(known))}")
    provider = known[scheme]
    if "@" in parts.path + parts.query or parts.fragment:  # what follows may be a part of the password
        raise GatewayError(f"gateway {name}: {_ENCODE}")
    if parts.path.strip("/") and not (provider.send and "{path}" in provider.send.url):
        raise GatewayError(f"gateway {name}: {scheme} takes no path")
    parameters = _parameters(name, parts.query)
    transport = transport or parameters.pop("scheme", "https")
    if transport not in ("http", "https") and provider.send:
        raise GatewayError(f"gateway {name}: scheme must be http or https")
    if unknown := sorted(parameters.keys() - provider.parameters - _COMMON):
        allowed = ", ".join(sorted(provider.parameters | _COMMON))
        raise GatewayError(f"gateway {name}: {unknown[0]!a:.30} is not a parameter of {scheme}. It takes {allowed}")
    host = _host(name, parts)
    # A messaging service brings senders of its own.
    has_own = bool(parameters.keys() & set(provider.one_of))
    values = {
        **({"sender": sender} if sender and not has_own else {}),
        **parameters,
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "host": host,
        "path": parts.path,
        "base": f"{transport}://{host}" if host else "",
    }
    values = {key: value for key, value in values.items() if value}
    _require(name, provider, values)
    if provider.protocol == "smpp":
        _require_smpp(name, values)
    return Gateway(name, provider, values)


def _parameters(name: str, query: str) -> dict[str, str]:
    """The query of a gateway's URL. A plus sign is no space: it begins a phone number."""
    pairs = [item.partition("=") for item in query.split("&") if item]
    found = {key: unquote(value) for key, _, value in pairs}
    if len(found) < len(pairs):
        raise GatewayError(f"gateway {name}: a parameter stands there twice")
    return found


def _host(name: str, parts: SplitResult) -> str:
    """The host of the URL with its port, or an empty string."""
    try:
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise GatewayError(f"gateway {name}: the port must be a number from 1 to 65535. {_ENCODE}") from None
    if not re.fullmatch(r"[\w.:%-]*", host):
        raise GatewayError(f"gateway {name}: the host is not one. {_ENCODE}")
    shown = f"[{host}]" if ":" in host else host
    return f"{shown}:{port}" if port else shown


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _require(name: str, provider: Provider, values: Mapping[str, str]) -> None:
    for needed in provider.needs:
        if needed not in values:
            where = f"a {needed}" if needed in URL_PARTS else f"the parameter {needed}"
            raise GatewayError(f"gateway {name}: needs {where}, see {provider.docs}")
    if provider.one_of and not values.keys() & set(provider.one_of):
        raise GatewayError(f"gateway {name}: needs one of the parameters {', '.join(provider.one_of)}")
    for parameter, pattern in provider.matches.items():
        if not re.search(pattern, values.get(parameter, "")) and parameter in values:
            raise GatewayError(f"gateway {name}: the parameter {parameter} does not look right, see {provider.docs}")
    if (receipt := provider.receipt) and (problem := signatures.key_error(receipt.signature, values)):
        raise GatewayError(f"gateway {name}: {problem}")
    try:
        base64.b64decode(values.get("secret", "").removeprefix("whsec_"), validate=True)
    except ValueError:  # also of signs that are not ASCII
        if provider.send and provider.send.sign:
            raise GatewayError(f"gateway {name}: secret must be base64, with or without whsec_ before it") from None


def _require_smpp(name: str, values: Mapping[str, str]) -> None:
    from users.sms import smpp

    try:
        smpp.read_settings(values)
    except smpp.SettingsError as error:
        raise GatewayError(f"gateway {name}: {error}") from None


def _in_time(call: Callable[[], tuple[Answer, Response | None]], name: str) -> tuple[Answer, Response | None]:
    """The result of the call, or an unknown outcome after TIMEOUT.

    In a daemon thread: a name lookup has no time limit of its own, and a thread that hangs delays neither other
    messages nor the end of the worker.
    """
    result: Future[tuple[Answer, Response | None]] = Future()

    def run() -> None:
        try:
            result.set_result(call())
        except Exception as error:  # its text may contain the URL or the message
            result.set_result((Answer(Reason.NO_ANSWER, code=type(error).__name__), None))

    Thread(target=run, name=name, daemon=True).start()
    try:
        return result.result(TIMEOUT)
    except TimeoutError:
        return Answer(Reason.NO_ANSWER), None
