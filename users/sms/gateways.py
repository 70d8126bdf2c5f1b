"""SMS gateways: the URLs of SMS_GATEWAYS, each an account at a provider. No text about one may contain its secrets."""

import math
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal
from urllib.parse import urlsplit

from django.conf import settings

from users import phones
from users.sms import gateway_urls, receipt_tokens
from users.sms.answers import Answer, Message, OnReceipt, Reason, Response, TooLate
from users.sms.encoding import is_gsm, parts
from users.sms.fields import strings
from users.sms.gateway_urls import GatewayError, is_loopback
from users.sms.provider_files import ProvidersError
from users.sms.providers import Provider


@dataclass(frozen=True)
class Try:
    """A message that is being sent. `done` ends when the answer can be read without waiting."""

    done: Future[Any]
    read: Callable[[], tuple[Answer, Response | None]] = field(repr=False)

    def answer(self) -> Answer:
        """What the gateway said. Waits for it, for eight seconds at most. Raises TooLate if it was not asked."""
        return self.exchanged()[0]

    def exchanged(self) -> tuple[Answer, Response | None]:
        """The same, with the response of an HTTP API for an operator to see."""
        try:
            return self.read()
        except TooLate:
            raise
        except Exception as error:  # its text may contain the URL or the message
            return Answer(Reason.NO_ANSWER, code=type(error).__name__), None


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
        return not encrypted and not is_loopback(base.hostname or "")

    @property
    def account(self) -> tuple[str, ...]:
        """What distinguishes this account from others. Its password and its place in SMS_GATEWAYS do not matter."""
        parts = ("user", "host", "path") if "host" in self.provider.needs else ("user",)
        return (self.name.partition(" ")[2], *(self.values.get(part, "") for part in parts))

    @property
    def receipts(self) -> str:
        """The URL for delivery receipts. Empty if none can arrive: the provider sends none, or the site is local."""
        site = settings.SITE_URL
        if not self.provider.receipt or not self.provider.send or is_loopback(urlsplit(site).hostname or ""):
            return ""
        return f"{site}/sms/receipts/{receipt_tokens.of(self.account)[0]}"

    @property
    def takes_text(self) -> bool:
        """Whether it sends our text. Others fill the code into a template of their own, and can send nothing else."""
        call = self.provider.send
        return call is None or any("{text}" in one for one in strings([call.query, call.form, call.json]))

    def begin(self, message: Message, on_receipt: OnReceipt | None = None, latest: float = math.inf) -> Try:
        """Begin to send this message, but not after `latest`, a time of `time.monotonic`.

        `on_receipt` takes the receipts that come over the connection itself, as with SMPP.
        """
        from users.sms import http_api, smpp  # a web process reads the gateways' names only

        if not message.code and not self.takes_text:
            refused: Future[Answer] = Future()
            refused.set_result(Answer(Reason.TEXT))
            return Try(refused, lambda: (refused.result(), None))
        if self.provider.protocol == "smpp":
            answering = smpp.begin(self.provider, self.values, message, on_receipt, latest)
            return Try(answering, lambda: (answering.result(), None))
        provider, call, values = self.provider, self.provider.send, self.request_values(message)
        assert call is not None  # see provider_files
        exchanged = http_api.begin(provider, call, values, latest)
        return Try(exchanged, lambda: http_api.finish(provider, call, values, exchanged))

    def check(self) -> Answer | None:
        """Whether the provider knows the account, by a call that sends nothing. None if it offers no such call."""
        from users.sms import http_api, smpp

        if self.provider.protocol == "smpp":
            return smpp.check(self.provider, self.values)
        call = self.provider.check
        if call is None:
            return None
        return http_api.exchange(self.provider, call, self.values)[0]

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
    try:
        return Gateway(name, *gateway_urls.read(url, sender))
    except GatewayError as error:
        raise GatewayError(f"gateway {name}: {error}") from None
