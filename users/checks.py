"""System checks of settings that work but are not safe or cost money."""

from collections.abc import Iterator
from itertools import product
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning

from users import phones
from users.login import codes
from users.sms import gateways
from users.sms.encoding import parts
from users.sms.fields import strings
from users.sms.text import Kind, compose

# A key for HMAC-SHA256 must be as long as the hash, 32 bytes (RFC 7518, 3.2).
KEY_LENGTH = 32
# As in Django's own check security.W009, which wants 50 characters in all.
KEY_CHARACTERS = 5
WEAK_KEY = f"SECRET_KEY has fewer than {KEY_LENGTH} characters, or fewer than {KEY_CHARACTERS} different ones."
STRONG_KEY = """Make one with `python3 -c 'import secrets; print(secrets.token_urlsafe(50))'`. \
If users have signed in with the old one, keep it in SECRET_KEY_FALLBACKS for 30 days, so that nobody is signed out."""
GATEWAYS_HINT = "docs/sms.md tells how a gateway's URL looks, for each provider."
PROVIDERS_HINT = "docs/sms.md describes the format of a provider's table."
PLAIN_HINT = """Use https (remove scheme=http or +http), or tls=1 for SMPP if the centre has it. \
Otherwise put a VPN between the two and silence this check."""
TEST_NUMBERS_HINT = "Use a number as people have it, that nobody uses. docs/operations.md tells more."
SHORTER_TEXT = """Shorten SMS_TEXT, or the host of SITE_URL that the last line names. \
One SMS holds 160 characters of the GSM alphabet, or 70 if any character is outside it."""
OTHER_CHARSET = """Change SMS_TEXT, or the provider's table: another charset, if its API takes one, or `json`."""


def check_secret_key(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Whoever guesses the key can make tokens and codes for anybody. SECRET_KEY_FALLBACKS may still hold a weak key."""
    key = settings.SECRET_KEY
    weak = len(key) < KEY_LENGTH or len(set(key)) < KEY_CHARACTERS
    return [Error(WEAK_KEY, hint=STRONG_KEY, id="users.E001")] if weak else []


def check_sms_gateways(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Read the URLs of SMS_GATEWAYS and the providers' tables. No command starts with one that cannot be used."""
    if error := gateways.error():
        hint = PROVIDERS_HINT if error.startswith("SMS_PROVIDERS") else GATEWAYS_HINT
        return [Error(error, hint=hint, id="users.E002")]
    remote = [gateway.name for gateway in gateways.configured() if gateway.is_plain]
    what = f"SMS_GATEWAYS: {', '.join(remote)}: others can read phones and codes on their way, which is not encrypted."
    return [Warning(what, hint=PLAIN_HINT, id="users.W002")] if remote else []


def check_test_numbers(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Each test number must be one that the service would accept, or nobody could sign in with it."""
    bad = [phones.mask(phone) for phone in settings.SMS_TEST_NUMBERS if phones.normalise_or_empty(phone) != phone]
    what = f"SMS_TEST_NUMBERS: no mobile number of a country in PHONE_REGIONS: {', '.join(bad)}."
    return [Error(what, hint=TEST_NUMBERS_HINT, id="users.E003")] if bad else []


def check_sms_length(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Count the parts in every language, wording and length. Two parts cost twice, and break the autofill of codes."""
    too_long = []
    for language, length, kind, text in _texts():
        if (count := parts(text)) > 1:
            too_long.append(f"{language}, {length} digits, {kind.value}: {count} parts, {len(text)} characters")
    what = f"The SMS with the code does not fit one part ({'; '.join(too_long)})."
    return [Warning(what, hint=SHORTER_TEXT, id="users.W001")] if too_long else []


def check_sms_charset(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """A gateway whose charset lacks a character of the text takes no SMS. JSON and SMPP have all characters."""
    found: list[CheckMessage] = []
    for gateway in [] if gateways.error() else gateways.configured():
        call, charset = gateway.provider.send, gateway.provider.charset
        if call and any("{text}" in field for field in strings([call.query, call.form])):
            lacking = {language: lack for language, *_, text in _texts() if (lack := _lacking(text, charset))}
            if lacking:
                shown = ", ".join(f"{language}: {characters}" for language, characters in lacking.items())
                what = f"Gateway {gateway.name} cannot send the SMS with the code: {charset} lacks characters of it"
                found.append(Warning(f"{what} ({shown}).", hint=OTHER_CHARSET, id="users.W003"))
    return found


def _texts() -> Iterator[tuple[str, int, Kind, str]]:
    """Each SMS with a code: its language, the length of the code, its kind, and the text."""
    for (language, _), length, kind in product(settings.LANGUAGES, codes.LENGTHS, Kind):
        yield language, length, kind, compose("0" * length, language, kind)


def _lacking(text: str, charset: str) -> str:
    return "".join(one for one in dict.fromkeys(text) if not one.encode(charset, "ignore"))
