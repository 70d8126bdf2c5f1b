"""URLs of SMS gateways: what they may have, and what a mistake in one is called. No error quotes a secret."""

import base64
import re
from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import SplitResult, unquote, urlsplit

from users.sms import signatures
from users.sms.provider_files import providers
from users.sms.providers import URL_PARTS, Provider

# Parameters of every gateway's URL.
_COMMON = {"sender", "scheme"}

_ENCODE = (
    "In a user, password or value, write / as %2F, ? as %3F, # as %23, @ as %40, & as %26, % as %25 and a comma as %2C"
)


class GatewayError(Exception):
    """A URL of SMS_GATEWAYS cannot be used. The text says why, without secrets."""


def read(url: str, sender: str) -> tuple[Provider, dict[str, str]]:
    """The provider of a gateway's URL, and its values for the templates of the provider's table, by name.

    `sender` is that of a URL that names none. Raises GatewayError or ProvidersError.
    """
    parts, known = urlsplit(url), providers()
    scheme, _, transport = parts.scheme.partition("+")
    if scheme not in known:
        raise GatewayError(f"there is no such provider. Known are {', '.join(sorted(known))}")
    provider = known[scheme]
    if "@" in parts.path + parts.query or parts.fragment:  # what follows may be a part of the password
        raise GatewayError(_ENCODE)
    if parts.path.strip("/") and not (provider.send and "{path}" in provider.send.url):
        raise GatewayError(f"{scheme} takes no path")
    parameters = _parameters(parts.query)
    if transport and provider.protocol == "smpp":  # smpp+tls would be taken for a centre without TLS
        raise GatewayError(f"{scheme} takes no +{transport}. For TLS write tls=1")
    transport = transport or parameters.pop("scheme", "https")
    if transport not in ("http", "https"):
        raise GatewayError("scheme must be http or https")
    if parameters.keys() - provider.parameters - _COMMON:  # its name may be the end of a secret
        allowed = ", ".join(sorted(provider.parameters | _COMMON))
        raise GatewayError(f"has an unknown parameter. {scheme} takes {allowed}. {_ENCODE}")
    # A messaging service brings senders of its own.
    if sender and not parameters.keys() & set(provider.one_of):
        parameters = {"sender": sender, **parameters}
    values = _values(parts, parameters, transport)
    _require(provider, values)
    if provider.protocol == "smpp":
        _require_smpp(values)
    return provider, values


def _values(parts: SplitResult, parameters: dict[str, str], transport: str) -> dict[str, str]:
    host = _host(parts)
    values = {
        **parameters,
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "host": host,
        "path": parts.path,
        "base": f"{transport}://{host}" if host else "",
    }
    if wrong := [name for name, value in values.items() if value and not value.isprintable()]:
        raise GatewayError(f"the {wrong[0]} has a line break or another character that cannot be printed")
    if wrong := [name for name, value in values.items() if "\ufffd" in value]:  # what `unquote` makes of windows-1251
        raise GatewayError(f"the {wrong[0]} is not percent-encoded in UTF-8")
    return {name: value for name, value in values.items() if value}


def _parameters(query: str) -> dict[str, str]:
    """The query of a gateway's URL. A plus sign is no space: it begins a phone number."""
    pairs = [item.partition("=") for item in query.split("&") if item]
    found = {key: unquote(value) for key, _, value in pairs}
    if len(found) < len(pairs):
        raise GatewayError("a parameter is given twice")
    return found


def _host(parts: SplitResult) -> str:
    """The host of the URL with its port, or an empty string."""
    try:
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise GatewayError(f"the port must be a number from 1 to 65535. {_ENCODE}") from None
    if not re.fullmatch(r"[\w.:%-]*", host):
        raise GatewayError(f"the host is not valid. {_ENCODE}")
    if not host.isascii():
        import httpx  # which says what an international name may be. A web process seldom needs it

        try:
            httpx.URL(f"https://{host}/")
        except httpx.InvalidURL:
            raise GatewayError("the host is no valid international name") from None
    shown = f"[{host}]" if ":" in host else host
    return f"{shown}:{port}" if port else shown


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the host. `inviting_app.values` has a twin: neither may import the other."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _require(provider: Provider, values: Mapping[str, str]) -> None:
    for needed in provider.needs:
        if needed not in values:
            where = f"a {needed}" if needed in URL_PARTS else f"the parameter {needed}"
            raise GatewayError(f"needs {where}, see {provider.docs}")
    if provider.one_of and not values.keys() & set(provider.one_of):
        raise GatewayError(f"needs one of the parameters {', '.join(provider.one_of)}")
    for parameter, pattern in provider.matches.items():
        if parameter in values and not re.search(pattern, values[parameter]):
            raise GatewayError(f"the parameter {parameter} is not valid, see {provider.docs}")
    if (receipt := provider.receipt) and (problem := signatures.key_error(receipt.signature, values)):
        raise GatewayError(problem)
    if provider.send and provider.send.sign:
        try:
            key = base64.b64decode(values.get("secret", "").removeprefix("whsec_"), validate=True)
            if "secret" in values and not key:
                raise ValueError
        except ValueError:  # also of characters that are not ASCII
            raise GatewayError("secret must be base64, with or without whsec_ before it") from None


def _require_smpp(values: Mapping[str, str]) -> None:
    from users.sms import smpp

    try:
        smpp.read_settings(values)
    except smpp.SettingsError as error:
        raise GatewayError(str(error)) from None
