"""Parsers of the settings of SMS, as those in `values`."""

import re
from contextlib import suppress
from urllib.parse import urlsplit

from inviting_app.values import items

# Each is an account whose code does not change, so there are few.
TEST_NUMBERS = 10


def gateway(text: str) -> str:
    """The URL of an SMS gateway. `users.sms.gateways` reads the rest of it, with the tables of the providers."""
    if "{phone}" in text:
        raise ValueError("is an Apprise URL. Name a provider instead, as in smsc://LOGIN:PASSWORD@ (see docs/sms.md)")
    with suppress(ValueError):  # its text would quote the URL, which may hold a password
        parts = urlsplit(text)
        if parts.scheme and "://" in text and parts.port != 0:
            return text
    raise ValueError(
        "must be PROVIDER://USER:PASSWORD@, as in smsc://LOGIN:PASSWORD@, percent-encoded (see docs/sms.md)"
    )


def test_numbers(text: str) -> dict[str, str]:
    """The code of each phone, from `+79990000001:1234,…`. An error names an item by its place: it holds a secret."""
    found: dict[str, str] = {}
    for place, item in enumerate(items(text), start=1):
        phone, _, code = item.partition(":")
        if not re.fullmatch(r"\+[1-9][0-9]{6,14}", phone):
            raise ValueError(f"item {place} must begin with a phone in E.164, as in +79990000001:1234")
        if not re.fullmatch("[0-9]{4}", code):
            raise ValueError(f"item {place} must end with a colon and a code of 4 digits, as in +79990000001:1234")
        if phone in found:
            raise ValueError(f"item {place} has the phone of an earlier item")
        found[phone] = code
    if len(found) > TEST_NUMBERS:
        raise ValueError(f"must have at most {TEST_NUMBERS} phones")
    return found


def sms_last_line(text: str) -> str:
    if text in ("origin", "none") or re.fullmatch(r"android:[A-Za-z0-9+/]{11}", text):
        return text
    raise ValueError("must be origin, none or android: with the 11 characters of the app's hash")


# All but tabs and line breaks. An escape changes the alphabet of an SMS, and a direction mark could reorder its digits.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def sms_text(text: str) -> dict[str, str]:
    """One text for all languages, or one each: `en=... {code} ...|ru=... {code} ...`. `PIN={code}` is one text."""
    texts = {"en": text, "ru": text}
    if re.match(r"[a-z]{2}([-_]\w+)?\s*=", text):
        texts = {}
        for language, _, words in (part.partition("=") for part in text.split("|")):
            if (name := language.strip()) not in ("en", "ru") or name in texts:
                example = "en=... {code} ...|ru=... {code} ..."
                raise ValueError(f"{name!a:.20} must be en or ru, each once, as in {example}")
            texts[name] = words.strip()
    for words in texts.values():
        words.encode()  # an environment may hold bytes that are no text
        if words.count("{code}") != 1 or re.search("[{}]", words.replace("{code}", "")):
            raise ValueError("must have {code} once where the code goes, and no other braces; a language is en or ru")
        if _CONTROL.search(words):
            raise ValueError("must have no control characters, and none that change the direction of text")
    return texts
