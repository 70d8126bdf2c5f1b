"""Text of clients without phones, codes and tokens, for log lines and records. A phone alone: `phones.mask`."""

import re
from contextlib import suppress
from ipaddress import ip_address

# Ids that programs make: UUIDs and 32 hexadecimal digits, `traceparent` of W3C, ULIDs. Their digits mean nothing, but
# one without a letter may be a phone.
_MADE_ID = re.compile(
    r"(?=.*[a-z])(?:[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}|[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"
    r"|[0-7][0-9a-hjkmnp-tv-z]{25})",
    re.ASCII | re.IGNORECASE,
)
# Any other id, unless it has seven digits in a row, as the shortest phones have, also with dashes and underscores
# between them, or the length of a token.
_OTHER_ID = re.compile(
    r"(?!.*[0-9](?:[-_]*[0-9]){6})(?!.{22}\Z|.{43}\Z)(?=.*[a-z])[\w-]{8,64}", re.ASCII | re.IGNORECASE
)

# 10 to 15 digits in a row.
_PHONE = re.compile(r"\+?(?<!\d)\d{6,11}(\d{4})(?!\d)")

# Ten or more digits, as people write phones.
_WRITTEN_PHONE = re.compile(r"\+?\d(?:[\W_]{0,3}\d){5,}((?:[\W_]{0,3}\d){4})")
# The same in a User-Agent, where dots are those of versions.
_PHONE_OR_VERSION = re.compile(r"/\d{1,5}(?:\.\d+)+|\+?\d(?:[\s()+_-]{0,3}\d){5,}((?:[\s()+_-]{0,3}\d){4})")
# Four digits or more near each other: a phone or a code.
_DIGITS = re.compile(r"\+?\d(?:[\W_]{0,3}\d){3,}")
# In a host: a network address; a port at its end; digits.
_PART_OF_HOST = re.compile(
    rf"(\[[0-9A-Fa-f:.]+\]|(?<![\d.])\d+(?:\.\d+){{3}}(?![\d.]))|(:\d{{1,5}}(?=[/\s]|\Z))|{_DIGITS.pattern}"
)

# The token of a URL for delivery receipts, what looks like one in a path that was mistyped (not a module's name in a
# traceback), a JSON Web Token, and a device token.
_TOKEN = re.compile(
    r"(receipts?[\w-]{0,20}/+)[^?#\s\"]+|(?<=/)[\w-]{22}(?![\w-]|\.py\b)|\beyJ[\w-]{10,}(?:\.[\w-]*){0,2}|(?<![\w-])[\w-]{43}(?![\w-])",
    re.IGNORECASE,
)


def is_safe_id(given: str) -> bool:
    """Whether this may be the id of a request: it is logged as it is, so it must not look like a phone or a code."""
    return bool(_OTHER_ID.fullmatch(given) or _MADE_ID.fullmatch(given))


def mask_tokens(text: str) -> str:
    """Hide the tokens in URLs for delivery receipts, JSON Web Tokens and device tokens."""
    return _TOKEN.sub(lambda found: f"{found[1] or ''}***", text)


def mask_phones(text: str) -> str:
    """Keep only the last four of any 10 to 15 digits in a row."""
    return _PHONE.sub(r"***\1", text)


def mask_written(text: str) -> str:
    """Text of a client without tokens and without phones, however they are written: the last four digits are kept."""
    return _WRITTEN_PHONE.sub(_last_four, mask_tokens(text))


def mask_user_agent(text: str) -> str:
    """A User-Agent without tokens and phones."""
    return _PHONE_OR_VERSION.sub(lambda found: _last_four(found) if found[1] else found[0], mask_tokens(text))


def _last_four(found: re.Match[str]) -> str:
    return "***" + re.sub(r"\D", "", found[1])


def hide_digits(text: str) -> str:
    """Text of a client that has no reason to hold phones, codes or tokens: no four digits near each other are kept."""
    return _DIGITS.sub("***", mask_tokens(text))


def mask_host(text: str) -> str:
    """A host or an origin as a client wrote it: of digits, only those of network addresses and ports are kept."""
    return _PART_OF_HOST.sub(_masked_part, mask_tokens(text))


def _masked_part(found: re.Match[str]) -> str:
    if found[1]:
        with suppress(ValueError):
            ip_address(found[1].strip("[]"))
            return found[1]
    return found[2] or "***"
