"""SMS gateways, one Apprise URL each. No text about a gateway may contain a secret of its URL."""

import re
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Thread
from urllib.parse import urlsplit

from django.conf import settings

# The phone in a URL that is only parsed: the number that Twilio reserves for tests.
NUMBER = "+15005550006"

# Seconds that one gateway may take in all: name lookup, connection and a slow response.
TIMEOUT = 8.0

# The share of TIMEOUT for a second look at the result. If the whole process was paused, it may be there by then.
LAST_LOOK = 0.1

_STATUS = re.compile(r"\berror=([0-9]{3,5})\.?$")


class GatewayRejected(Exception):
    """The gateway did not take the message. The text is a short reason without secrets, numbers or codes."""


@dataclass(frozen=True)
class Gateway:
    """A gateway. `name` is its place in SMS_GATEWAYS and its kind: any other part of `url` may be a secret."""

    name: str
    url: str = field(repr=False)

    def send(self, phone: str, text: str) -> None:
        """Send the text to this E.164 phone.

        Raises GatewayRejected, after TIMEOUT at the latest.
        """
        reason: Future[str] = Future()
        url = _with_timeouts(self.url).replace("{phone}", phone)
        # A daemon thread: if it hangs, it delays neither other messages nor the end of the worker.
        Thread(target=lambda: reason.set_result(_notify(url, text)), name=self.name, daemon=True).start()
        try:
            rejected = reason.result(TIMEOUT * (1 - LAST_LOOK))
        except TimeoutError:
            try:
                rejected = reason.result(TIMEOUT * LAST_LOOK)
            except TimeoutError:
                rejected = f"no answer in {TIMEOUT:g} s"
        if rejected:
            raise GatewayRejected(rejected)


def configured() -> list[Gateway]:
    """The gateways of SMS_GATEWAYS, the preferred one first."""
    urls = enumerate(settings.SMS_GATEWAYS, start=1)
    return [Gateway(f"{place} {urlsplit(url).scheme}"[:64], url) for place, url in urls]


def unusable() -> list[str]:
    """The names of the gateways whose URL Apprise cannot use. Loads Apprise, which takes half a second and 40 MB."""
    from apprise import Apprise

    return [each.name for each in configured() if Apprise.instantiate(each.url.replace("{phone}", NUMBER)) is None]


def refusal(unusable: list[str]) -> str:
    """The error text for unusable gateways."""
    return f"SMS_GATEWAYS: Apprise cannot use {', '.join(unusable)} (see https://appriseit.com/services/)"


def _with_timeouts(url: str) -> str:
    """The URL with timeouts that give a slow gateway nearly all of TIMEOUT, unless it has timeouts of its own."""
    if "rto=" in url:
        return url
    return f"{url}{'&' if '?' in url else '?'}cto=3&rto={TIMEOUT * (1 - LAST_LOOK):g}"


def _notify(url: str, text: str) -> str:
    """Why the message was not taken, or an empty string if it was."""
    from apprise import Apprise, AppriseAsset  # slow to import, and only the worker needs it

    try:
        # A new object for each message: a reused one keeps the last number and waits between two messages.
        gateway = Apprise(asset=AppriseAsset(async_mode=False, service_timeout=0, http_redirects=False))
        if not gateway.add(url):
            return "not a URL that Apprise can use"
        outcome = gateway.notify(body=text)
        return "" if outcome else _reason([entry.message for entry in outcome.logs()])
    except Exception as error:  # the text of any exception may contain the URL
        return type(error).__name__


def _reason(messages: list[str]) -> str:
    """The reason from Apprise's log: a status or a fixed text, never a quotation."""
    for message in messages:
        if status := _STATUS.search(message):
            return f"HTTP {status[1]}" if len(status[1]) == 3 else f"error {status[1]}"
        if "connection" in message.lower():
            return "no connection or no answer"
    return "refused"
