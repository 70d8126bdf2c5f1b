"""Checks of the settings: of what starts and works all the same, and should not."""

from __future__ import annotations

from itertools import product
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning

from users.login import codes
from users.sms.text import compose, parts

# Characters of SECRET_KEY at least: a key for HMAC-SHA256 must be as long as the hash, 32 bytes (RFC 7518, 3.2).
KEY_LENGTH = 32

# Different ones among them at least, as in Django's own check security.W009, which asks for 50 characters in all.
KEY_CHARACTERS = 5

MAKE_A_KEY = "Make one with `python3 -c 'import secrets; print(secrets.token_urlsafe(50))'`"


def secret_key_is_no_guess(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Whoever guesses the key makes tokens and codes of anybody. A key on its way out may still be a weak one."""
    key = settings.SECRET_KEY
    if len(key) >= KEY_LENGTH and len(set(key)) >= KEY_CHARACTERS:
        return []
    return [
        Error(
            f"SECRET_KEY has fewer than {KEY_LENGTH} characters, or fewer than {KEY_CHARACTERS} different ones.",
            hint=f"{MAKE_A_KEY}. If people have signed in with the old one, keep that in SECRET_KEY_FALLBACKS for 30 "
            "days: nobody is signed out.",
            id="users.E001",
        )
    ]


def sms_fits_one_part(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Count the parts in every language, wording and length: two cost twice, and no phone fills the code in."""
    too_long = []
    for (language, _), length, new_device in product(settings.LANGUAGES, codes.LENGTHS, (False, True)):
        text = compose("0" * length, language, new_device=new_device)
        if (count := parts(text)) > 1:
            device = "a new device" if new_device else "a first or known one"
            too_long.append(f"{language}, {length} digits, {device}: {count} parts, {len(text)} characters")
    if not too_long:
        return []
    return [
        Warning(
            f"The SMS with the code does not fit one part ({'; '.join(too_long)}).",
            hint="Shorten SMS_TEXT, or the host of SITE_URL that the last line names. One part has 160 characters of "
            "the GSM alphabet, or 70 if any is outside it.",
            id="users.W001",
        )
    ]
