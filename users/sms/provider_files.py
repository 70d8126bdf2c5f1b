"""Files of provider tables: `providers.toml` and the deployer's own, checked when they are read."""

import json
import re
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
from django.conf import settings

from users.sms.answers import Reason
from users.sms.fields import PLACEHOLDER, strings
from users.sms.providers import MESSAGE_VALUES, URL_PARTS, Call, Conditions, Provider, Receipt, Rule
from users.sms.signatures import SCHEMES

SHIPPED = Path(__file__).with_name("providers.toml")

# Values of a gateway that are no parameters of its URL, see `gateway_urls`.
_RESERVED = MESSAGE_VALUES | {"base", "scheme"}

# Reasons that only the engine gives.
OF_THE_ENGINE = frozenset({Reason.NO_CONNECTION, Reason.NO_ANSWER, Reason.UNREADABLE, Reason.TRIED_TWICE})

# Without one of them a request would not say to whom the SMS goes.
_RECIPIENT = frozenset({"phone", "digits", "national"})
# Without one of them no code would arrive: the text, or what fills in a template at the provider.
_CONTENT = frozenset({"text", "code"})


class ProvidersError(Exception):
    """A file of provider tables cannot be used. The text says where and why."""


def providers() -> dict[str, Provider]:
    """All providers by name: those of this project and, above them, those of SMS_PROVIDERS. Raises ProvidersError."""
    own = _load(settings.SMS_PROVIDERS) if settings.SMS_PROVIDERS else {}
    return {**_load(SHIPPED), **own}


@cache
def _load(path: Path) -> dict[str, Provider]:
    """The providers of this file, read once. Raises ProvidersError."""
    try:
        tables = tomllib.loads(path.read_text("utf-8-sig"))  # editors of Windows begin a file with a mark
    except OSError as error:
        raise ProvidersError(f"{path.name}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ProvidersError(f"{path.name}: {error}") from error
    found = {}
    for name, table in tables.items():
        try:
            found[name] = msgspec.convert(table, Provider)
        except msgspec.ValidationError as error:
            raise ProvidersError(f"{path.name}: {name}: {error}") from error
        if problem := next(_problems(name, found[name]), ""):
            raise ProvidersError(f"{path.name}: {name}: {problem}")
    return found


def _problems(name: str, provider: Provider) -> Iterator[str]:
    """What is wrong in a table whose keys and types are right."""
    if not re.fullmatch("[a-z][a-z0-9-]*", name):
        yield "a name begins with a letter, and has lower-case letters, digits and dashes"
    if (provider.send is None) != (provider.protocol == "smpp"):
        yield "a provider has a table `send`, or the protocol smpp"
    try:
        "a".encode(provider.charset)
    except (LookupError, ValueError):
        yield f"charset: {provider.charset} is not known"
    if provider.send and (reserved := sorted(provider.parameters & _RESERVED)):
        yield f"takes: {reserved[0]} is a name of the service's own"
    yield from _in_matches(provider)
    known = MESSAGE_VALUES | URL_PARTS | provider.parameters | {"sender"}
    if send := provider.send:
        yield from (f"send.{problem}" for problem in _in_call(send, known))
        if not _RECIPIENT & _placeholders(_fields(send)):
            yield "send: has no {phone}, {digits} or {national}"
        if not _CONTENT & _placeholders(_fields(send)):
            yield "send: has no {text} or {code}, so no code would arrive"
    if provider.check:
        yield from (f"check.{problem}" for problem in _in_call(provider.check, known - MESSAGE_VALUES))
    yield from _in_rules(provider.refused, known)
    yield from _in_keys(provider)
    yield from _in_statuses(provider)
    if provider.receipt:
        yield from (f"receipt.{problem}" for problem in _in_receipt(provider.receipt))
        if provider.send and not provider.send.reference:
            yield "send: has no reference, so no receipt would be known"


def _in_keys(provider: Provider) -> Iterator[str]:
    """Calls whose key the gateway's URL need not, or must not, have."""
    for name, call in (("send", provider.send), ("check", provider.check)):
        if call and call.auth == "bearer" and not {"user", "password"} & {*provider.needs}:
            yield f'{name}.auth: bearer needs "user" or "password" in needs'
        if call and call.sign and "secret" not in provider.parameters:
            yield f'{name}.sign: needs "secret" in takes'


def _in_statuses(provider: Provider) -> Iterator[str]:
    for rule in provider.refused if provider.protocol == "smpp" else []:
        for path, wanted in rule.when.items():
            values = wanted if isinstance(wanted, list) else [wanted]
            if path != "command_status" or not all(isinstance(value, int) for value in values):
                yield f"the rule of {rule.reason}: {path}: must be command_status, with numbers such as 0x403"


def _in_matches(provider: Provider) -> Iterator[str]:
    for parameter, pattern in provider.matches.items():
        if parameter not in provider.parameters | URL_PARTS | {"sender"}:
            yield f"matches: {parameter} is no parameter"
        yield from (f"matches.{parameter}: {problem}" for problem in _in_pattern(pattern))


def _in_call(call: Call, known: Iterable[str]) -> Iterator[str]:
    if call.form is not None and call.json is not None:
        yield "form: cannot stand beside json"
    yield from _in_url(call.url)
    for name in ("url", "headers", "query", "form", "json"):
        brace = r"\{\s*[\w-]+\s*\}" if name == "json" else "[{}]"  # a field of `json` may be a text in JSON
        for template in strings(getattr(call, name)):
            if unknown := sorted(_placeholders([template]) - set(known)):
                yield f"{name}: {{{unknown[0]}}} is not known"
            if re.search(brace, PLACEHOLDER.sub("x", template)):
                yield f"{name}: a brace that belongs to no placeholder: {template!a:.40}"
    yield from _in_fields(call)
    if not call.accepted:
        yield "accepted: must have a condition"
    yield from (f"accepted.{problem}" for problem in _in_conditions(call.accepted, known))
    yield from _in_rules(call.refused, known)
    if call.reference:
        yield from (f"reference: {problem}" for problem in _in_path(call.reference))
    yield from _in_groups(call.pattern, [call.accepted, *(rule.when for rule in call.refused)], call.reference)


def _in_fields(call: Call) -> Iterator[str]:
    """Fields and headers that cannot be sent."""
    for where, table in (("query", call.query), ("form", call.form or {})):
        for name, value in table.items():
            if not all(isinstance(each, str | int | float) for each in (value if isinstance(value, list) else [value])):
                yield f"{where}.{name}: must be a text, a number or a boolean, or a list of them"
    try:
        json.dumps(call.json, allow_nan=False)
    except (TypeError, ValueError) as error:
        yield f"json: {error}"
    for name, value in call.headers.items():
        plain = PLACEHOLDER.sub("", name) + PLACEHOLDER.sub("", value)
        if not re.fullmatch(r"[\w{}!#$%&'*+.^`|~-]+", name, re.ASCII) or not plain.isascii() or not plain.isprintable():
            yield f"headers: {name!a} is no header, or its value cannot be one"


def _in_url(url: str) -> Iterator[str]:
    if not url.startswith(("https://", "{host}")) or "{host}" in url[1:]:
        yield "url: must begin with https:// or with {host}, which includes https://"
        return
    try:
        parts = urlsplit(url)
        if url.startswith("https://") and (not parts.hostname or parts.port == 0):
            yield "url: has no host"
        if parts.fragment:
            yield "url: must not have a #"
    except ValueError as error:
        yield f"url: {error}"


def _in_groups(pattern: str, conditions: Iterable[Conditions], reference: str) -> Iterator[str]:
    """Fields that the pattern never finds."""
    problems = list(_in_pattern(pattern))
    yield from (f"pattern: {problem}" for problem in problems)
    if not pattern or problems:
        return
    groups = {*re.compile(pattern).groupindex, "http_status"}
    if groups == {"http_status"}:
        yield "pattern: must have named groups"
    needed = [*(path for each in conditions for path in each), reference]
    yield from (f"pattern: has no group {path}" for path in needed if path and path not in groups)


def _in_receipt(receipt: Receipt) -> Iterator[str]:
    if receipt.signature and receipt.signature not in SCHEMES:
        yield f"signature: {receipt.signature} is not known. Known are {', '.join(sorted(SCHEMES))}"
    if not receipt.delivered:
        yield "delivered: must have a condition"
    yield from (f"delivered.{problem}" for problem in _in_conditions(receipt.delivered, (), of_receipt=True))
    yield from _in_rules(receipt.failed, (), of_receipt=True)
    yield from (f"reference: {problem}" for problem in _in_path(receipt.reference, of_receipt=True))
    conditions = [receipt.delivered, *(rule.when for rule in receipt.failed)]
    yield from _in_groups(receipt.pattern, conditions, receipt.reference)


def _in_rules(rules: list[Rule], known: Iterable[str], *, of_receipt: bool = False) -> Iterator[str]:
    for rule in rules:
        if rule.reason in OF_THE_ENGINE:
            yield f"{rule.reason} is a reason that only the service itself gives"
        if not rule.when:
            yield f"a rule without conditions ({rule.reason}) would apply to all answers"
        yield from (
            f"the rule of {rule.reason}: {problem}"
            for problem in _in_conditions(rule.when, known, of_receipt=of_receipt)
        )


def _in_conditions(conditions: Conditions, known: Iterable[str], *, of_receipt: bool = False) -> Iterator[str]:
    for path, wanted in conditions.items():
        yield from (f"{path}: {problem}" for problem in _in_path(path, of_receipt=of_receipt))
        values = wanted if isinstance(wanted, list) else [wanted]
        if not values:
            yield f"{path}: must have a value"
        if not all(isinstance(value, str | int) for value in values):
            yield f"{path}: must be a text, a whole number or a boolean, or a list of them. A path with dots is quoted"
        if path == "http_status" and any(not re.match(r"[1-9]\d\d$|~", str(value)) for value in values):
            yield 'http_status: must be a status, such as 200, or a pattern, such as "~^2"'
        for text in strings(values):
            if unknown := sorted(_placeholders([text]) - set(known)):
                yield f"{path}: {{{unknown[0]}}} is not known"
            yield from (f"{path}: {problem}" for problem in _in_pattern(text[1:] if text.startswith("~") else ""))


def _in_path(path: str, *, of_receipt: bool = False) -> Iterator[str]:
    # A receipt may be a form, whose fields may have names such as `message[id]`.
    if not all(path.split(".")) or (not of_receipt and re.search(r"^\$|\[\d*\]", path)):
        yield 'is no path such as "messages.0.status"'


def _in_pattern(pattern: str) -> Iterator[str]:
    try:
        re.compile(pattern)
    except (re.error, RecursionError) as error:
        yield str(error)


def _fields(call: Call) -> list[str]:
    """All texts of a request."""
    return list(strings([call.url, call.headers, call.query, call.form, call.json]))


def _placeholders(templates: Iterable[str]) -> set[Any]:
    return {name for template in templates for name in PLACEHOLDER.findall(template)}
