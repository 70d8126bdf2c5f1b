"""Send one real SMS through a gateway of SMS_GATEWAYS, and print the request (masked), the answer and what it means.

Nothing is stored, and no limit counts it. Ends with status 1 if the gateway did not accept the SMS.
"""

import re
import secrets
import sys
import time
from typing import Any
from urllib.parse import unquote, unquote_plus

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from inviting_app.logs import one_line
from users import phones
from users.masks import mask_phones
from users.sms import gateways, quoted
from users.sms.answers import Answer, Message, Response, Verdict, describe
from users.sms.encoding import is_gsm, parts
from users.sms.gateways import Gateway
from users.sms.text import compose

# A longer answer is cut: it is probably a web page.
SHOWN = 500

# The values of a request that are no secrets.
SHOWN_VALUES = frozenset({"base", "host", "sender", "text", "code", "id", "encoding", "parts"})

NEXT = {
    Verdict.ACCEPTED: "The gateway took the SMS. Only your phone shows whether it arrives.",
    Verdict.UNREACHABLE: "No gateway would be asked again for this number.",
    Verdict.TEMPORARY: "The next gateway would be asked, and this one later again.",
    Verdict.ACCOUNT: "Every SMS would go to the next gateway first. Without another one nobody gets codes.",
    Verdict.UNKNOWN: "The SMS may have been sent. The next gateway would be asked, and this one once more.",
}


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("phone", help="a phone that you hold, in any usual spelling")
        parser.add_argument("--gateway", type=int, default=1, metavar="N", help="its place in SMS_GATEWAYS (1)")
        parser.add_argument("--text", help="the text; the default is that of a sign-in SMS with the code 1234")

    def handle(self, *args: Any, phone: str, gateway: int, text: str | None, **options: Any) -> None:
        configured = gateways.configured()
        if not configured:
            raise CommandError("SMS_GATEWAYS: no gateway is configured")
        if not 1 <= gateway <= len(configured):
            raise CommandError(f"--gateway: must be from 1 to {len(configured)}")
        try:
            number = phones.normalise(phone)
        except phones.InvalidPhone:
            raise CommandError("PHONE: is not a phone number that can receive SMS") from None
        except phones.RegionNotAllowed:
            raise CommandError("PHONE: its country is not one of PHONE_REGIONS") from None
        text = text or compose("1234", settings.LANGUAGE_CODE)
        message = Message(number, text, "1234", str(secrets.randbelow(10**18)))
        if not self._send(configured[gateway - 1], message):
            sys.exit(1)

    def _send(self, gateway: Gateway, message: Message) -> bool:
        kind = "GSM alphabet" if is_gsm(message.text) else "UCS-2"
        self._say("Gateway", f"{gateway.name} ({gateway.provider.title})")
        self._say("Message", f"{parts(message.text)} SMS, {kind}, to {phones.mask(message.phone)}")
        for line in _masked_request(gateway, message):
            self._say("Request", line)
        started = time.monotonic()
        answer, response = gateway.begin(message).exchanged()
        seconds = time.monotonic() - started
        self._say("Answer", _shown(response, gateway, message) if response else _status(answer))
        self._say("Verdict", f"{_in_words(answer)}. {NEXT[answer.verdict]}")
        if answer.reference:
            self._say("Reference", answer.reference)
        self._say("Time", f"{seconds:.2f} s")
        if gateway.provider.protocol == "http" and gateway.provider.receipt:
            local = "none can arrive, because SITE_URL is of this machine"
            self._say("Receipts", f"{gateway.receipts} (keep it secret)" if gateway.receipts else local)
        return answer.verdict is Verdict.ACCEPTED

    def _say(self, what: str, text: str) -> None:
        self.stdout.write(f"{what:<10} {text}")


def _in_words(answer: Answer) -> str:
    return f"{answer.verdict}: {describe(str(answer))}" if answer.reason else str(answer.verdict)


def _masked_request(gateway: Gateway, message: Message) -> list[str]:
    """The request, made anew with masked values: no secret and no full number can be in it."""
    from users.sms import http_api  # which loads httpx, as only a send does

    call = gateway.provider.send
    if call is None:
        return ["submit_sm (SMPP)"]
    values = gateway.request_values(message)
    masked = {name: value if name in SHOWN_VALUES else "***" for name, value in values.items() if value}
    masked |= {name: mask_phones(values[name]) for name in ("phone", "digits", "national")} | {"path": "/***"}
    if call.sign:  # in a header, which is not shown. The mask is no key to sign with
        masked.pop("secret", None)
    try:
        request = http_api.build(gateway.provider, call, masked)
    except Exception as error:  # its text may quote the message
        return [f"cannot be made of this text and these settings ({type(error).__name__})"]
    charset, body = gateway.provider.charset, request.content.decode()
    if call.form is not None:
        body = unquote_plus(body, charset)
    lines = [f"{request.method} {unquote(str(request.url), charset)}", body]
    return [line for line in lines if line]


def _status(answer: Answer) -> str:
    """What was answered without HTTP: the status of an SMPP packet. `none` if nothing was."""
    status = answer.code if answer.reason else "0x00000000"
    return f"command_status {status}" if status.startswith("0x") else "none"


def _shown(response: Response, gateway: Gateway, message: Message) -> str:
    values = gateway.request_values(message)
    text = quoted.hide(response.text, {name: value for name, value in values.items() if name not in SHOWN_VALUES})
    # However the number is grouped.
    text = re.sub(r"[^\w\n]{0,3}".join(values["national"]), "***", text)
    cut = one_line(" ".join(text.split()))
    return f"HTTP {response.status} {cut[:SHOWN]}{'…' if len(cut) > SHOWN else ''}"
