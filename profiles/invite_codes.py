"""Invite codes: six characters that users read aloud, type and paste."""

import re
import secrets
import unicodedata
from urllib.parse import unquote

from django.conf import settings

from users import typed

LENGTH = 6

# Upper case without look-alikes (no 0 O 1 I L): 31 characters, 887 503 681 codes.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"

PATTERN = f"[{ALPHABET}]{{{LENGTH}}}"

# The maximum length of a typed code, in characters: with separators and invisible characters, or as a share link.
MAX_LENGTH = 200

# The code in a share link that `typed.clean` has cleaned.
_IN_LINK = re.compile(rf"/i/([^\W_]{{{LENGTH}}})(?![^\W_])", re.IGNORECASE)


class MalformedInviteCode(ValueError):
    """The text does not have the form of an invite code."""


def generate() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def share_url(code: str) -> str:
    """The link that opens the page with this invite code filled in."""
    # Not by `reverse`: each `GET me` has a link, and it takes 18 µs, 3 % of that request. A test opens the link.
    return f"{settings.SITE_URL}/i/{code}"


def normalise(text: str) -> str:
    """The stored form of a code as people type, paste or share it.

    It may be in any case, with spaces, punctuation or quotation marks, with Cyrillic letters that look alike, or in a
    share link.

    Raises MalformedInviteCode.
    """
    if len(text) > MAX_LENGTH:  # checked first: cleaning takes quadratic time
        raise MalformedInviteCode
    cleaned = typed.latin(typed.clean(unquote(text)))
    in_link = _IN_LINK.search(cleaned)
    code = (
        in_link[1] if in_link else "".join(letter for letter in cleaned if unicodedata.category(letter)[0] not in "PS")
    )
    # ASCII only: in Unicode the upper case of `ß` is `SS`.
    if not re.fullmatch(PATTERN, code, re.ASCII | re.IGNORECASE):
        raise MalformedInviteCode
    return code.upper()
