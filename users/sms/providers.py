"""SMS providers as data: what a provider's table has. docs/sms.md describes the format, `provider_files` reads it."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import msgspec

from users.sms.answers import Outcome, Reason
from users.sms.fields import apply, look_up

# What a template may name beside the parts of the gateway's URL.
MESSAGE_VALUES = frozenset({"phone", "digits", "national", "text", "code", "id", "encoding", "parts", "receipts"})
# Parts of a gateway's URL beside its query.
URL_PARTS = frozenset({"user", "password", "host", "path"})

# A condition for each of these fields of an answer: a text, a number or a boolean, or a list of possible ones.
# `provider_files` checks that: msgspec would not say of which field.
Conditions = dict[str, Any]


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
