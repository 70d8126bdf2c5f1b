"""The text of the SMS."""

import hashlib
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from users.login import codes
from users.models import LoginCode
from users.sms.answers import Message


def message(code: LoginCode, delivery_id: int) -> Message:
    """The SMS of this delivery, in the language of the request that created the code.

    It warns of a new device if the user has signed in before and the code is not for a known device.
    """
    assert code.user.phone is not None
    new_device = code.device_id is None and code.user.verified_at is not None
    digits = codes.derive(code.nonce, code.length)
    text = compose(digits, code.language, new_device=new_device)
    # Row numbers are not unique: another installation or a restored database may share the account at the provider.
    unique = hashlib.sha256(bytes(code.nonce) + delivery_id.to_bytes(8)).digest()
    return Message(code.user.phone, text, digits, str(int.from_bytes(unique) % 10**18))


def compose(digits: str, language: str, *, new_device: bool) -> str:
    """A sentence, and after an empty line the last line of SMS_LAST_LINE, if there is one.

    From the last line a device fills in the code. For browsers, WICG's "Origin-bound one-time codes delivered via SMS"
    defines it: a host without a port, a code without spaces. For Android apps it is the hash of the app, see "SMS
    Retriever API" of Google Play services.
    """
    with translation.override(language):
        template = settings.SMS_TEXT.get(language) or _sentence(len(digits), new_device)
    shown = f"{digits[:5]} {digits[5:]}" if len(digits) == codes.LONG else digits
    sentence = template.replace("{code}", shown)
    if settings.SMS_LAST_LINE == "none":
        return sentence
    if settings.SMS_LAST_LINE == "origin":
        return f"{sentence}\n\n@{urlsplit(settings.SITE_URL).hostname} #{digits}"
    return f"{sentence}\n\n{settings.SMS_LAST_LINE.removeprefix('android:')}"


def _sentence(length: int, new_device: bool) -> str:
    # A long code leaves less room in the 70 characters of a Russian SMS, so it has shorter sentences.
    if length == codes.LONG:
        if new_device:
            return pgettext("with a code of 10 digits", "{code} signs in a new device. Never share it.")
        return pgettext("with a code of 10 digits", "{code} is your sign-in code. Never share it.")
    if new_device:
        return _("{code} signs in a new device. Never share it.")
    return _("{code} is your sign-in code. Never share it.")
