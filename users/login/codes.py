"""The digits of a sign-in code: never stored, always derived.

    digits = int(HMAC-SHA256(code key, nonce)) mod 10^n

The nonce is in the database and the key is not, so neither a dump, a job's arguments nor a log reveals a code, and
sending again sends the same digits. The numbers of this module are part of the proof of how little guessing can win;
they are constants on purpose, not settings.
"""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime, timedelta

from users import keys

SHORT = 4
LONG = 10
LENGTHS = (SHORT, LONG)

# Guesses a challenge may make, each charged before it is compared.
MAX_ATTEMPTS = 3

# How long from its first send a short code may be joined and sent again, and a long one at least.
OPEN_FOR = timedelta(minutes=5)

# How long a long code may be joined, where the next long SMS may not go earlier: else whoever takes each send slot
# would keep the owner out until the next. Beyond the 10 minutes of NIST SP 800-63B and ASVS 5.0, 6.5.5, at 33 bits.
OPEN_AT_MOST = timedelta(minutes=60)

# How long a code stays valid after its last send or join: with OPEN_FOR at most those 10 minutes.
VALID_AFTER_UPDATE = timedelta(minutes=5)


def open_until(created: datetime, digits: int, next_send: datetime) -> datetime:
    """Until when a code may be joined and sent again, if the next SMS of its length may go at `next_send`."""
    if digits == SHORT:
        return created + OPEN_FOR
    return min(max(next_send, created + OPEN_FOR), created + OPEN_AT_MOST)


Bytes = bytes | memoryview


def new_nonce() -> bytes:
    return secrets.token_bytes(16)


def derive(nonce: Bytes, digits: int) -> str:
    """The code of `digits` digits that belongs to this nonce, zero-padded.

    The bias of the modulo is below 2^-222 for 10 digits.
    """
    number = int.from_bytes(hmac.digest(keys.code_key(), bytes(nonce), "sha256"))
    return str(number % 10**digits).zfill(digits)


def matches(typed: str, nonce: Bytes, digits: int) -> bool:
    """Whether the typed digits are the code, in time that does not depend on where they differ."""
    return hmac.compare_digest(typed.encode(), derive(nonce, digits).encode())
