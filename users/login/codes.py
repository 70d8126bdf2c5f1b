"""The digits of a sign-in code. They are never stored, always derived:

    digits = int(HMAC-SHA256(code key, nonce)) mod 10^n

A code that changes a phone takes another key, and the id of its user beside the nonce. The nonce is in the database
and the key is not. So a database dump or a log reveals no code, and a resend sends the same digits. The numbers of this
module are part of the proof in `risk`. They are constants on purpose, not settings.
"""

import hmac
import secrets
from datetime import datetime, timedelta

from users import keys

SHORT = 4
LONG = 10
LENGTHS = (SHORT, LONG)

# The attempts of a challenge. `login_queries.consume_attempt` consumes one before each comparison.
MAX_ATTEMPTS = 3

# A code is open first: it accepts new challenges and can be sent again. It stays valid, and can sign in, for
# VALID_AFTER_UPDATE after its last send or new challenge. A short code is open for this time after its first send. A
# long code is open for at least this time.
OPEN_FOR = timedelta(minutes=5)

# A long code stays open until the next long SMS may be sent, but at most for this time. If it closed earlier, an
# attacker who uses up each permitted SMS would leave the owner without a code. With 33 bits this is a documented
# exception to the 10 minutes of NIST SP 800-63B and ASVS 5.0, 6.5.5.
OPEN_AT_MOST = timedelta(minutes=60)

# So a short code is valid for at most 10 minutes.
VALID_AFTER_UPDATE = timedelta(minutes=5)


def open_until(created: datetime, length: int, next_send: datetime) -> datetime:
    """Until when a code is open, if the next SMS of its length may be sent at `next_send`."""
    if length == SHORT:
        return created + OPEN_FOR
    return min(max(next_send, created + OPEN_FOR), created + OPEN_AT_MOST)


def new_nonce() -> bytes:
    return secrets.token_bytes(16)


def derive(nonce: bytes | memoryview, length: int, changing_user_id: int | None = None) -> str:
    """The code of `length` digits of this nonce, zero-padded. The bias of the modulo is below 2^-222 for 10 digits.

    A code that changes a phone has a key of its own and holds for its user alone.
    """
    key, of_user = keys.code_key(), b""
    if changing_user_id is not None:
        key, of_user = keys.phone_change_key(), changing_user_id.to_bytes(8)
    number = int.from_bytes(hmac.digest(key, bytes(nonce) + of_user, "sha256"))
    return str(number % 10**length).zfill(length)


def is_same(typed: str, code: str) -> bool:
    """Whether the typed digits are this code, compared in constant time."""
    return hmac.compare_digest(typed.encode(), code.encode())
