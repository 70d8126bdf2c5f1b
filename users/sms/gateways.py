"""SMS gateways: one Apprise URL each, and never a word about one that could hold a secret."""

from __future__ import annotations

import re
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Thread
from urllib.parse import urlsplit

from django.conf import settings

# Stands for the phone while a URL is only read: the number that Twilio keeps for tests.
NUMBER = "+15005550006"

# Seconds that one gateway may take in all: name servers, connection, and an answer that may drip.
TIMEOUT = 8.0

# The share of it that is left after an answer should have come: where the whole process stood still, one may wait.
LAST_LOOK = 0.1

_STATUS = re.compile(r"\berror=([0-9]{3,5})\.?$")


class Refused(Exception):
    """The gateway did not take the message. Its text is a short reason without secrets, numbers or codes."""


@dataclass(frozen=True)
class Gateway:
    """Where messages go. `name` is its place in SMS_GATEWAYS and its kind: any other part of `url` may be a secret."""

    name: str
    url: str = field(repr=False)

    def send(self, phone: str, text: str) -> None:
        """Hand the text to the gateway for this E.164 phone.

        Raises Refused, after TIMEOUT at the latest.
        """
        reason: Future[str] = Future()
        url = _patient(self.url).replace("{phone}", phone)
        # A thread that nobody waits for: one that hangs holds up neither other messages nor the worker's end.
        Thread(target=lambda: reason.set_result(_notify(url, text)), name=self.name, daemon=True).start()
        try:
            refused = reason.result(TIMEOUT * (1 - LAST_LOOK))
        except TimeoutError:
            try:
                refused = reason.result(TIMEOUT * LAST_LOOK)
            except TimeoutError:
                refused = f"no answer in {TIMEOUT:g} s"
        if refused:
            raise Refused(refused)


def configured() -> list[Gateway]:
    """The gateways of SMS_GATEWAYS, the preferred one first."""
    urls = enumerate(settings.SMS_GATEWAYS, start=1)
    return [Gateway(f"{place} {urlsplit(url).scheme}"[:64], url) for place, url in urls]


def unusable() -> list[str]:
    """The names of those whose URL Apprise cannot use. It is loaded for this, which takes half a second and 40 MB."""
    from apprise import Apprise

    return [each.name for each in configured() if Apprise.instantiate(each.url.replace("{phone}", NUMBER)) is None]


def refusal(unusable: list[str]) -> str:
    """Why nothing starts with these."""
    return f"SMS_GATEWAYS: Apprise cannot use {', '.join(unusable)} (see https://appriseit.com/services/)"


def _patient(url: str) -> str:
    """The URL with limits that leave a slow gateway nearly all of TIMEOUT, where it has none of its own."""
    if "rto=" in url:
        return url
    return f"{url}{'&' if '?' in url else '?'}cto=3&rto={TIMEOUT * (1 - LAST_LOOK):g}"


def _notify(url: str, text: str) -> str:
    """Why the message was not taken; nothing when it was."""
    from apprise import Apprise, AppriseAsset  # slow to import, and only the worker needs it

    try:
        # A fresh object for each message: a kept one holds the last number and waits between two messages.
        gateway = Apprise(asset=AppriseAsset(async_mode=False, service_timeout=0, http_redirects=False))
        if not gateway.add(url):
            return "not a URL that Apprise can use"
        outcome = gateway.notify(body=text)
        return "" if outcome else _reason([entry.message for entry in outcome.logs()])
    except Exception as error:  # whatever it is, its text may quote the URL
        return type(error).__name__


def _reason(said: list[str]) -> str:
    """What went wrong, from what Apprise logged: a status or a fixed word, never a quotation."""
    for message in said:
        if status := _STATUS.search(message):
            return f"HTTP {status[1]}" if len(status[1]) == 3 else f"error {status[1]}"
        if "connection" in message.lower():
            return "no connection or no answer"
    return "refused"
