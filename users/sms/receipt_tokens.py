"""Tokens of the URLs to which providers send delivery receipts: who knows one may send receipts for its gateway."""

import base64
import hmac
from collections.abc import Sequence

from users import keys

# 128 bits. Some providers take URLs of up to 100 characters only.
TOKEN_BYTES = 16


def of(account: Sequence[str]) -> list[str]:
    """The tokens of an account at a provider: the first is used, and all are accepted."""
    named = "\0".join(account).encode()
    made = [hmac.digest(key, named, "sha256")[:TOKEN_BYTES] for key in keys.receipt_keys()]
    return [base64.urlsafe_b64encode(token).rstrip(b"=").decode() for token in made]


def matches(account: Sequence[str], token: str) -> bool:
    """Whether this is a token of the account, in constant time."""
    return any(hmac.compare_digest(right.encode(), token.encode(errors="replace")) for right in of(account))
