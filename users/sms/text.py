"""What the SMS says, and how many parts it takes on its way."""

from __future__ import annotations

import math
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from gsm0338 import Codec

from users.login import codes
from users.models import LoginCode

_GSM = Codec()


def message(code: LoginCode) -> str:
    """The text for the phone, in the asker's language.

    It warns of a new device when it goes to a person who has signed in before, and not for a device they trust.
    """
    new_device = code.device_id is None and code.user.verified_at is not None
    return compose(codes.derive(code.nonce, code.digits), code.language, new_device=new_device)


def compose(digits: str, language: str, *, new_device: bool) -> str:
    """A sentence, an empty line, and a last line that browsers read to fill the code in by themselves.

    The last line is that of WICG's "Origin-bound one-time codes delivered via SMS": a host without a port, a code
    without spaces.
    """
    with translation.override(language):
        template = settings.SMS_TEXT.get(language) or _sentence(len(digits), new_device)
    shown = f"{digits[:5]} {digits[5:]}" if len(digits) == codes.LONG else digits
    return f"{template.replace('{code}', shown)}\n\n@{urlsplit(settings.SITE_URL).hostname} #{digits}"


def parts(text: str) -> int:
    """How many SMS the text takes (3GPP TS 23.038 and 23.040).

    160 characters of the GSM alphabet fit one, 153 each of several; those of its extension table count twice. Any
    character outside it makes the text UCS-2: 70 code units fit one, 67 each of several.
    """
    try:
        length, single, several = len(_GSM.encode(text)[0]), 160, 153
    except UnicodeEncodeError:
        length, single, several = len(text.encode("utf-16-be")) // 2, 70, 67
    return 1 if length <= single else math.ceil(length / several)


def _sentence(length: int, new_device: bool) -> str:
    # Of the 70 characters that a Russian SMS has, the long code leaves fewer, so it has sentences of its own.
    if length == codes.LONG:
        if new_device:
            return pgettext("with a code of 10 digits", "{code} signs in a new device. Never share it.")
        return pgettext("with a code of 10 digits", "{code} is your sign-in code. Never share it.")
    if new_device:
        return _("{code} signs in a new device. Never share it.")
    return _("{code} is your sign-in code. Never share it.")
