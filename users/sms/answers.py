"""What a gateway says of an SMS: taken, or the reason why not, and what follows from that reason."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db.models import TextChoices
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _


class Verdict(StrEnum):
    """What is done next."""

    # The gateway took the SMS.
    ACCEPTED = "accepted"
    # The number cannot be reached: no gateway is asked again.
    UNREACHABLE = "unreachable"
    # The next gateway is asked, and this one later again.
    TEMPORARY = "temporary"
    # As TEMPORARY, and the circuit of the gateway opens at once: it would take no other SMS either.
    ACCOUNT = "account"
    # As TEMPORARY, but the SMS may have been sent, so the number of tries is limited.
    UNKNOWN = "unknown"


class Reason(TextChoices):
    """Why an SMS was not taken, or not delivered. The values are stored, and used in provider tables."""

    NUMBER = "number", _("no such number")
    BLOCKED = "blocked", _("the recipient blocks SMS")
    REGION = "region", _("not sent to this country")
    CREDIT = "credit", _("no credit")
    CREDENTIALS = "credentials", _("wrong credentials")
    SENDER = "sender", _("sender not allowed")
    TEXT = "text", _("text not allowed")
    LIMIT = "limit", _("too many messages")
    NUMBER_LIMIT = "number_limit", _("too many messages to this number")
    FAULT = "fault", _("provider's error")
    REJECTED = "rejected", _("rejected")
    NO_CONNECTION = "no_connection", _("no connection")
    NO_ANSWER = "no_answer", _("no answer")
    UNREADABLE = "unreadable", _("unclear answer")
    TRIED_TWICE = "tried_twice", _("tried twice without an answer")
    EXPIRED = "expired", _("its time ran out")


class Cause(TextChoices):
    """Why there is no connection. The code of such an answer."""

    UNKNOWN_HOST = "unknown_host", _("unknown host")
    LOOKUP = "lookup", _("the name server does not answer")
    REFUSED = "refused", _("refused")
    UNREACHABLE = "unreachable", _("the network is unreachable")
    CERTIFICATE = "certificate", _("the certificate is not valid or not trusted")
    TLS = "tls", _("no TLS")
    TIMEOUT = "timeout", _("timed out")
    PROXY = "proxy", _("the proxy refuses")


# Characters of the longest reference that is stored.
MAX_REFERENCE = 128

# The verdict of each reason why an SMS was not taken; TEMPORARY for those that are not named.
_VERDICTS = {
    Reason.NUMBER: Verdict.UNREACHABLE,
    Reason.BLOCKED: Verdict.UNREACHABLE,
    Reason.CREDIT: Verdict.ACCOUNT,
    Reason.CREDENTIALS: Verdict.ACCOUNT,
    Reason.SENDER: Verdict.ACCOUNT,
    Reason.NO_ANSWER: Verdict.UNKNOWN,
    Reason.UNREADABLE: Verdict.UNKNOWN,
}

# Refusals that say nothing about the gateway as a whole, because clients choose the number, the country and the
# language. They do not count as its failures: nobody can put a gateway out of use for others.
OF_ONE_SMS = frozenset({Reason.NUMBER_LIMIT, Reason.REGION, Reason.TEXT, Reason.REJECTED})

# A provider's code for an error: a number, a word or a short phrase. Anything longer may quote a number or a secret.
MAX_CODE = 40
_CODE = re.compile(rf"0x[0-9a-f]{{8}}|(?!.*\d{{7}})[\w .,:'-]{{1,{MAX_CODE}}}", re.ASCII)


class TooLate(Exception):
    """The gateway was not asked, because the time in which the try had to begin is over."""


@dataclass(frozen=True)
class Answer:
    """What the gateway said. `reason` is None if it took the SMS, and `reference` is then its name for the SMS."""

    reason: Reason | None = None
    reference: str = ""
    # The provider's own code for the error, such as `20003` or `HTTP 503`.
    code: str = ""

    @property
    def verdict(self) -> Verdict:
        return verdict(self.reason)

    def __str__(self) -> str:
        """The form in which errors are stored and logged: the reason and the provider's code, without secrets."""
        code = self.code if self.code != self.reason and _CODE.fullmatch(self.code) else ""
        return f"{self.reason or 'accepted'} {code}".rstrip()


@dataclass(frozen=True)
class Outcome:
    """What a receipt says of an SMS. Without a reason it was delivered."""

    reference: str
    reason: Reason | None


# Takes what a receipt says. Returns whether there is such an SMS.
OnReceipt = Callable[[Outcome], bool]


@dataclass(frozen=True)
class Response:
    """The response of an HTTP API."""

    status: int
    text: str
    # The parsed JSON, or the named groups of the table's pattern. None if the body is something else.
    fields: Any


@dataclass(frozen=True)
class Message:
    """An SMS to send."""

    # E.164, such as +79991234567.
    phone: str
    text: str
    # The digits of the code in the text, for providers that fill in a template of their own. Empty if it has none.
    code: str
    # Up to 18 digits, the same for each try of one SMS, so that a provider can recognise a repetition.
    id: str


def verdict(reason: str | None) -> Verdict:
    """What follows from this reason, or from none. TEMPORARY for a word of an earlier version."""
    if not reason:
        return Verdict.ACCEPTED
    return _VERDICTS.get(Reason(reason), Verdict.TEMPORARY) if reason in Reason.values else Verdict.TEMPORARY


def gateway_name(name: str) -> str:
    """The name of a gateway as operators read it: its place in SMS_GATEWAYS, and its kind."""
    place, _space, kind = name.partition(" ")
    return gettext("No. %(place)s (%(kind)s)") % {"place": place, "kind": kind} if kind else name


def describe(error: str) -> str:
    """A stored error in the current language: `1 smsc: credit 3` is `No. 1 (smsc): no credit (3)`."""
    return "; ".join(_described(part) for part in error.split("; "))


def _described(error: str) -> str:
    by = re.match(r"(\d+ [\w.-]+): ", error)
    gateway, error = (f"{gateway_name(by[1])}: ", error[by.end() :]) if by else ("", error)
    found = re.fullmatch(r"([a-z_]+)(?: (.+))?", error)
    if not found or found[1] not in Reason.values:
        return gateway + error  # from an earlier version
    reason, code = found.groups(default="")
    if reason == Reason.NO_CONNECTION and code in Cause.values:
        code = str(Cause(code).label)
    return f"{gateway}{Reason(reason).label}{f' ({code})' if code else ''}"
