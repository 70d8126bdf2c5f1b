"""SMS providers as data: the tables of `providers.toml` and of the deployer's own file, checked when they are read.

docs/sms.md describes the format.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec
from django.conf import settings

from users.sms.answers import Outcome, Reason
from users.sms.fields import PLACEHOLDER, apply, conditions_error, look_up, strings
from users.sms.signatures import SCHEMES

SHIPPED = Path(__file__).with_name("providers.toml")

# What a template may name beside the parts of the gateway's URL.
MESSAGE_VALUES = frozenset({"phone", "digits", "national", "text", "code", "id", "encoding", "parts", "receipts"})
# Parts of a gateway's URL beside its query.
URL_PARTS = frozenset({"user", "password", "host", "path"})

# A condition for each of these fields of an answer: a value, or a list of possible values.
Conditions = dict[str, str | int | bool | list[str | int | bool]]


class ProvidersError(Exception):
    """A file of provider tables cannot be used. The text says where and why."""


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of a provider's table. Unknown keys are errors."""


class Rule(Table, frozen=True):
    """An answer or a receipt to which all conditions apply has this reason."""

    reason: Reason
    when: Conditions


class Call(Table, frozen=True):
    """A request to the provider, and what its answer looks like if all is well."""

    url: str
    method: Literal["GET", "POST", "PUT"] = "POST"
    auth: Literal["none", "basic", "bearer"] = "none"
    headers: dict[str, str] = {}
    query: dict[str, Any] = {}
    form: dict[str, Any] | None = None
    json: dict[str, Any] | list[Any] | None = None
    # Signs the body as in Standard Webhooks, with the URL's parameter `secret`.
    sign: Literal["", "standard-webhooks"] = ""
    # Its named groups are the fields of an answer that is not JSON.
    pattern: str = ""
    accepted: Conditions = {}
    # The field with the provider's reference. An accepted answer has one.
    reference: str = ""
    # Refusals of this call only, which are looked at before those of the provider.
    refused: list[Rule] = []


class Receipt(Table, frozen=True):
    """Delivery receipts: where a receipt has its values, and what they mean. Other receipts are ignored."""

    reference: str
    delivered: Conditions
    failed: list[Rule] = []
    # The list of receipts, if one request may have several: a path, or `name[*]` for the form fields name[0], …
    items: str = ""
    # Its named groups are the fields of a receipt that is a text: an item, or the whole body. Others are ignored.
    pattern: str = ""
    # How the provider signs, see `signatures`.
    signature: str = ""
    # What the provider wants to read.
    answer: str = ""

    def read(self, found: Any) -> Outcome | None:
        """What the fields of a receipt say. None if it is no receipt, or the SMS is still on its way."""
        reference = next(iter(look_up(found, self.reference)), "")
        if apply(found, self.delivered, {}):
            return Outcome(reference, None)
        failed = first_rule(self.failed, found)
        return Outcome(reference, failed.reason) if failed else None


class Provider(Table, frozen=True):
    """One provider."""

    title: str
    docs: str
    # Absent for SMPP, which is no HTTP API.
    send: Call | None = None
    protocol: Literal["http", "smpp"] = "http"
    # The parts of a gateway's URL that must be there, and the parameters that may be there.
    needs: list[str] = []
    takes: list[str] = []
    one_of: list[str] = []
    # What a parameter must look like: a regular expression.
    matches: dict[str, str] = {}
    # The values of {encoding}; those that are not named are `gsm` and `ucs2`.
    encodings: dict[Literal["gsm", "ucs2"], str] = {}
    charset: str = "utf-8"
    refused: list[Rule] = []
    check: Call | None = None
    receipt: Receipt | None = None

    @property
    def parameters(self) -> set[str]:
        """The parameters that a gateway's URL may have."""
        return {*self.needs, *self.takes, *self.one_of} - URL_PARTS


def first_rule(rules: Iterable[Rule], found: Any, values: Mapping[str, str] | None = None) -> Rule | None:
    """The first rule whose conditions all apply to these fields, see `fields.apply`."""
    return next((rule for rule in rules if apply(found, rule.when, values or {})), None)


def providers() -> dict[str, Provider]:
    """All providers by name: those of this project and, above them, those of SMS_PROVIDERS. Raises ProvidersError."""
    own = _load(settings.SMS_PROVIDERS) if settings.SMS_PROVIDERS else {}
    return {**_load(SHIPPED), **own}


@cache
def _load(path: Path) -> dict[str, Provider]:
    """The providers of this file, read once. Raises ProvidersError."""
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ProvidersError(f"{path.name}: {error.strerror}") from error
    except ValueError as error:
        raise ProvidersError(f"{path.name}: {error}") from error
    found = {}
    for name, table in tables.items():
        try:
            found[name] = msgspec.convert(table, Provider)
        except msgspec.ValidationError as error:
            raise ProvidersError(f"{path.name}: {name}: {error}") from error
        if problem := _problem(name, found[name]):
            raise ProvidersError(f"{path.name}: {name}: {problem}")
    return found


def _problem(name: str, provider: Provider) -> str:
    """What is wrong in a table whose keys and types are right, or an empty string."""
    if not re.fullmatch("[a-z][a-z0-9-]*", name):
        return "a name begins with a letter, and has lower-case letters, digits and dashes"
    if (provider.send is None) != (provider.protocol == "smpp"):
        return "a provider has a table `send`, or the protocol smpp"
    try:
        "".encode(provider.charset)
    except LookupError:
        return f"charset: {provider.charset} is not known"
    if problem := conditions_error({name: f"~{pattern}" for name, pattern in provider.matches.items()}):
        return f"matches.{problem}"
    known = MESSAGE_VALUES | URL_PARTS | provider.parameters | {"sender"}
    for title, call in (("send", provider.send), ("check", provider.check)):
        if call and (problem := _call_problem(call, known if title == "send" else known - MESSAGE_VALUES)):
            return f"{title}.{problem}"
    receipt = provider.receipt
    problem = _rules_problem([*provider.refused, *(receipt.failed if receipt else [])])
    return problem or (_receipt_problem(receipt) if receipt else "")


def _receipt_problem(receipt: Receipt) -> str:
    if receipt.signature and receipt.signature not in SCHEMES:
        return f"receipt.signature: {receipt.signature} is not known. Known are {', '.join(sorted(SCHEMES))}"
    if not receipt.delivered:
        return "receipt.delivered: must have a condition"
    return conditions_error(receipt.delivered) or _pattern_problem(receipt.pattern)


def _rules_problem(rules: list[Rule]) -> str:
    for rule in rules:
        if not rule.when:
            return f"a rule without conditions ({rule.reason}) would apply to all answers"
        if problem := conditions_error(rule.when):
            return f"the rule of {rule.reason}: {problem}"
    return ""


def _call_problem(call: Call, known: frozenset[str] | set[str]) -> str:
    if call.form is not None and call.json is not None:
        return "form: cannot stand beside json"
    if not call.url.startswith(("https://", "{host}")):
        return "url: must begin with https://"
    for where in ("url", "headers", "query", "form", "json"):
        for template in strings(getattr(call, where)):
            if unknown := sorted(set(PLACEHOLDER.findall(template)) - known):
                return f"{where}: {{{unknown[0]}}} is not known"
    if not call.accepted:
        return "accepted: must have a condition"
    problem = conditions_error(call.accepted) or _rules_problem(call.refused) or _pattern_problem(call.pattern)
    return problem or _group_problem(call)


def _group_problem(call: Call) -> str:
    """A condition of a field that the call's pattern never finds."""
    groups = {*re.compile(call.pattern).groupindex, "http_status"}
    for path in [*call.accepted, *(path for rule in call.refused for path in rule.when)] if call.pattern else []:
        if path not in groups:
            return f"pattern: has no group {path}"
    return ""


def _pattern_problem(pattern: str) -> str:
    try:
        return "" if not pattern or re.compile(pattern).groupindex else "pattern: must have named groups"
    except re.error as error:
        return f"pattern: {error}"
