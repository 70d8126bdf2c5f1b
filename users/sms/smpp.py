"""SMS through a message centre that speaks SMPP 3.4.

Each process has one bind to a centre for all its threads. See `providers.toml` for what statuses and receipts mean.
"""

import atexit
import re
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache, partial
from threading import Lock
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
from smpplib import consts

from users.sms.answers import OF_ONE_SMS, Answer, Message, OnReceipt, Reason, TooLate, Verdict
from users.sms.causes import cause_of
from users.sms.encoding import TooLong, is_gsm, split, with_headers
from users.sms.providers import Provider, first_rule
from users.sms.smpp_link import BindRefused, Link
from users.sms.smpp_receipts import Inbox
from users.sms.smpp_session import Refused, Session
from users.sms.smpp_wire import NotSent, Wire

# Seconds that one SMS may take in all.
SECONDS = 7.5

# More than messages that one worker sends at once, so none waits for a thread.
MOST_THREADS = 100

# The registered ports of SMPP and of SMPP within TLS.
_PORT, _TLS_PORT = 2775, 3550

# Digits of the longest short number. Longer ones are international.
_SHORT_NUMBER = 8

# What a centre answers if it has no transceivers, or none for this account.
_NO_TRANSCEIVER = (consts.SMPP_ESME_RINVCMDID, consts.SMPP_ESME_RINVBNDSTS, consts.SMPP_ESME_RBINDFAIL)

_Name = Annotated[str, msgspec.Meta(max_length=64, pattern="^[!-~]+$")]
_Sender = Annotated[str, msgspec.Meta(pattern=r"^(\+?[0-9]{2,15}|[ -~]{1,11})$")]
_Octet = Annotated[int, msgspec.Meta(ge=0, le=255)]


class SettingsError(Exception):
    """A gateway's URL cannot be used. The text says why, without secrets."""


@dataclass(frozen=True)
class Settings:
    """A gateway: what its URL says."""

    host: str
    port: int
    user: _Name
    password: _Name = field(repr=False)
    # A name of up to 11 characters, an international number or a short number. If there is none, the centre chooses.
    sender: _Sender | None = None
    system_type: Annotated[str, msgspec.Meta(max_length=12, pattern="^[ -~]*$")] = ""
    tls: bool = False
    # Without receipts the bind is that of a transmitter.
    receipts: bool = True
    # For centres whose default alphabet is not that of GSM: in others, `@` would be lost.
    ucs2: bool = False
    # For centres that want another type of number or numbering plan for the sender than is usual.
    sender_ton: _Octet | None = None
    sender_npi: _Octet | None = None

    @property
    def source(self) -> dict[str, str | int]:
        """The sender's fields. These types of numbers and plans are those that most centres ask for."""
        sender = self.sender or ""
        if not sender:
            ton, npi = consts.SMPP_TON_UNK, consts.SMPP_NPI_UNK
        elif not re.fullmatch(r"\+?[0-9]+", sender):
            ton, npi = consts.SMPP_TON_ALNUM, consts.SMPP_NPI_UNK
        elif len(sender) <= _SHORT_NUMBER and sender.isdecimal():
            ton, npi = consts.SMPP_TON_NWSPEC, consts.SMPP_NPI_UNK
        else:
            ton, npi = consts.SMPP_TON_INTL, consts.SMPP_NPI_ISDN
        return {
            "source_addr_ton": ton if self.sender_ton is None else self.sender_ton,
            "source_addr_npi": npi if self.sender_npi is None else self.sender_npi,
            "source_addr": sender.removeprefix("+"),
        }


@cache
def _threads() -> ThreadPoolExecutor:
    """As many threads as are needed: whoever begins decides how many messages are on their way."""
    return ThreadPoolExecutor(MOST_THREADS, thread_name_prefix="smpp-send")


_links: dict[Settings, Link] = {}
_lock = Lock()


def send(
    provider: Provider,
    values: Mapping[str, str],
    message: Message,
    on_receipt: OnReceipt | None = None,
    seconds: float = SECONDS,
) -> Answer:
    """Send the message, and say what the centre answered. Any thread may do so. Raises SettingsError.

    The first `on_receipt` of a process for a gateway takes its receipts. Without it none are taken, as is right for a
    process that ends soon. The reference is that of the last part, and only that part has a receipt: it goes out last,
    and each stored message has one reference. All parts must be accepted.
    """
    settings, ends = read_settings(values), time.monotonic() + seconds
    link, reference = _link(provider, settings, on_receipt), ""
    try:
        submits = _submits(settings, message)
        for place, submit in enumerate(submits, start=1):
            wants = settings.receipts and on_receipt is not None and place == len(submits)
            reference = link.submit(ends, receipt=wants, **submit)
    except TooLong:
        return Answer(Reason.TEXT)
    except Refused as refused:
        answer = _refusal(provider, refused)
        if place == 1 or answer.verdict is Verdict.UNREACHABLE:
            return answer
        # The parts before were taken and paid, here and below, so the number of tries is limited.
        return Answer(Reason.UNREADABLE, code=answer.code)
    except NotSent as error:
        return Answer(Reason.NO_ANSWER) if place > 1 else _no_connection(error)
    except (TimeoutError, ConnectionError):
        return Answer(Reason.NO_ANSWER)
    return Answer(reference=reference)


def begin(
    provider: Provider, values: Mapping[str, str], message: Message, on_receipt: OnReceipt | None, latest: float
) -> Future[Answer]:
    """`send` in a thread of its own, but not after `latest`, a `time.monotonic`: the future then raises TooLate."""

    def in_time() -> Answer:
        if time.monotonic() > latest:
            raise TooLate
        return send(provider, values, message, on_receipt)

    return _threads().submit(in_time)


def check(provider: Provider, values: Mapping[str, str], seconds: float = SECONDS) -> Answer:
    """Whether the centre accepts the account, by a bind of its own. Raises SettingsError."""
    settings = read_settings(values)
    link = Link(partial(_connect, settings), None)
    try:
        link.session(time.monotonic() + seconds)
    except Refused as refused:
        return _refusal(provider, refused)
    except NotSent as error:
        return _no_connection(error)
    finally:
        link.close()
    return Answer()


def close() -> None:
    """Unbind from all centres. It happens by itself when the process ends."""
    with _lock:
        links = list(_links.values())
        _links.clear()
    for link in links:
        link.close()


def read_settings(values: Mapping[str, str]) -> Settings:
    """The settings in the parts and parameters of a gateway's URL. Raises SettingsError."""
    try:
        at = urlsplit(f"//{values.get('host', '')}")
        port = at.port or (_TLS_PORT if values.get("tls") == "1" else _PORT)
        return msgspec.convert({**values, "host": at.hostname, "port": port}, Settings, strict=False)
    except ValueError as error:  # msgspec names the field: Expected `int` <= 255 - at `$.sender_ton`
        named = re.search(r"(\w+)`$", str(error))
        raise SettingsError(f"the {named[1] if named else 'host'} is not valid for SMPP") from None


def _submits(settings: Settings, message: Message) -> list[dict[str, Any]]:
    """The fields of the `submit_sm` of each part of a message. Raises TooLong."""
    gsm = is_gsm(message.text) and not settings.ucs2
    parts, esm_class = split(message.text, gsm=gsm), consts.SMPP_MSGMODE_DEFAULT
    if len(parts) > 1:
        parts, esm_class = with_headers(parts, message.id), consts.SMPP_GSMFEAT_UDHI
    common = {
        **settings.source,
        "dest_addr_ton": consts.SMPP_TON_INTL,
        "dest_addr_npi": consts.SMPP_NPI_ISDN,
        "destination_addr": message.phone.removeprefix("+"),
        "data_coding": consts.SMPP_ENCODING_DEFAULT if gsm else consts.SMPP_ENCODING_ISO10646,
        "esm_class": esm_class,
    }
    return [{**common, "short_message": part} for part in parts]


def _link(provider: Provider, settings: Settings, on_receipt: OnReceipt | None) -> Link:
    with _lock:
        if not _links:
            atexit.register(close)
        if settings not in _links:
            inbox = Inbox(provider.receipt, on_receipt) if provider.receipt and on_receipt else None
            _links[settings] = Link(partial(_connect, settings), inbox)
        return _links[settings]


def _connect(settings: Settings, ends: float) -> Session:
    """A new session. Raises Refused, or an exception of the network."""
    if not settings.receipts:
        return _bound(settings, "bind_transmitter", ends)
    try:
        return _bound(settings, "bind_transceiver", ends)
    except Refused as refused:
        if refused.status not in _NO_TRANSCEIVER:
            raise
    return _bound(settings, "bind_transmitter", ends)


def _bound(settings: Settings, command: str, ends: float) -> Session:
    wire = Wire(settings.host, settings.port, tls=settings.tls, seconds=ends - time.monotonic())
    names = {"system_id": settings.user, "password": settings.password, "system_type": settings.system_type}
    try:
        return Session(wire, command, names, ends)
    except BaseException:
        wire.close()
        raise


def _no_connection(error: NotSent) -> Answer:
    return Answer(Reason.NO_CONNECTION, code=cause_of(error) or "")


def _refusal(provider: Provider, refused: Refused) -> Answer:
    rule = first_rule(provider.refused, {"command_status": refused.status})
    answer = Answer(rule.reason if rule else Reason.REJECTED, code=f"{refused.status:#010x}")
    if isinstance(refused, BindRefused) and (answer.verdict is Verdict.UNREACHABLE or answer.reason in OF_ONE_SMS):
        return Answer(Reason.FAULT, code=answer.code)  # a bind says nothing of one SMS or number
    return answer
