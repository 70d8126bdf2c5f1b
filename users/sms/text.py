"""The text of the SMS: by language, purpose and length of the code. SMS_TEXT replaces the sentence."""

import hashlib
from enum import Enum
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from users.login import codes
from users.models import LoginCode
from users.sms.answers import Message


class Kind(Enum):
    """What the code of an SMS is for. An SMS without a code is a `notice`."""

    SIGN_IN = "a first or known device"
    # Of a user who has signed in before, for a client that is not a known device.
    NEW_DEVICE = "a new device"
    # For the phone to which a user changes.
    NEW_PHONE = "a new phone"


def message(code: LoginCode, delivery_id: int, notice_phone: str | None = None) -> Message:
    """The SMS of this delivery, in the language of the request that created the code.

    With a `notice_phone` it tells this phone that its user has changed to another one.
    """
    # Row numbers are not unique: another installation or a restored database may share the account at the provider.
    unique = hashlib.sha256(bytes(code.nonce) + delivery_id.to_bytes(8)).digest()
    sms_id = str(int.from_bytes(unique) % 10**18)
    if notice_phone is not None:
        return Message(notice_phone, notice(code.language), "", sms_id)
    assert code.user.phone is not None
    digits = codes.derive(code.nonce, code.length, code.changing_user_id)
    return Message(code.user.phone, compose(digits, code.language, _kind(code)), digits, sms_id)


def _kind(code: LoginCode) -> Kind:
    if code.changing_user_id is not None:
        return Kind.NEW_PHONE
    return Kind.NEW_DEVICE if code.device_id is None and code.user.verified_at is not None else Kind.SIGN_IN


def notice(language: str) -> str:
    """What a phone is told whose user has changed to another one. It names neither phone."""
    with translation.override(language):
        host = urlsplit(settings.SITE_URL).hostname
        return _("%(host)s: your account has a new number now. Not you? Tell us.") % {"host": host}


def compose(digits: str, language: str, kind: Kind = Kind.SIGN_IN) -> str:
    """A sentence, and after an empty line the last line of SMS_LAST_LINE, if there is one.

    If SMS_TEXT has the language, its text replaces the sentence of every kind and length.

    From the last line a device fills in the code. For browsers, WICG's "Origin-bound one-time codes delivered via SMS"
    defines it: a host without a port, a code without spaces. For Android apps it is the hash of the app, see "SMS
    Retriever API" of Google Play services.
    """
    with translation.override(language):
        template = settings.SMS_TEXT.get(language) or _sentence(len(digits), kind)
    shown = f"{digits[:5]} {digits[5:]}" if len(digits) == codes.LONG else digits
    sentence = template.replace("{code}", shown)
    if settings.SMS_LAST_LINE == "none":
        return sentence
    if settings.SMS_LAST_LINE == "origin":
        return f"{sentence}\n\n@{urlsplit(settings.SITE_URL).hostname} #{digits}"
    return f"{sentence}\n\n{settings.SMS_LAST_LINE.removeprefix('android:')}"


def _sentence(length: int, kind: Kind) -> str:
    # A long code leaves less room in the 70 characters of a Russian SMS, so it has shorter sentences.
    if length == codes.LONG:
        if kind is Kind.NEW_PHONE:
            return pgettext("with a code of 10 digits", "{code} makes this your number. Never share it.")
        if kind is Kind.NEW_DEVICE:
            return pgettext("with a code of 10 digits", "{code} signs in a new device. Never share it.")
        return pgettext("with a code of 10 digits", "{code} is your sign-in code. Never share it.")
    if kind is Kind.NEW_PHONE:
        return _("{code} makes this your number. Never share it.")
    if kind is Kind.NEW_DEVICE:
        return _("{code} signs in a new device. Never share it.")
    return _("{code} is your sign-in code. Never share it.")
