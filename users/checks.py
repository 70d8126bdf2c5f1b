"""A check of the settings: an SMS in two parts costs twice, and no phone fills its code in."""

from __future__ import annotations

from itertools import product
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning

from users import codes, messages


def sms_fits_one_part(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Count the parts of the SMS in every language, wording and length of code."""
    too_long = []
    for (language, _), length, new_device in product(settings.LANGUAGES, codes.LENGTHS, (False, True)):
        text = messages.compose("0" * length, language, new_device=new_device)
        if (parts := messages.parts(text)) > 1:
            device = "a new device" if new_device else "a first or known one"
            too_long.append(f"{language}, {length} digits, {device}: {parts} parts, {len(text)} characters")
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
