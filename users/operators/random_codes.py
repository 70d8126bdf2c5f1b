"""Random texts that operators type or paste: recovery codes, and tokens for setting up the second factor.

Each has 80 bits. At a thousand guesses a second, finding one of a million such texts takes 19 million years on average.
So guessing at one needs no limit, and a plain hash in the database does not reveal it.
"""

import hashlib
from base64 import b32encode
from secrets import token_bytes

from users import typed

# 80 bits: 16 characters of base32.
RANDOM_BYTES = 10

# The longest text that is read as a code.
MAX_LENGTH = 60


def generate() -> str:
    return b32encode(token_bytes(RANDOM_BYTES)).decode().lower()


def grouped(code: str) -> str:
    """As people read it: `abcd-efgh-…`."""
    return "-".join(code[place : place + 4] for place in range(0, len(code), 4))


def clean(text: str) -> str:
    """What was typed, in the form of `generate`."""
    return typed.clean(text[:MAX_LENGTH]).lower()


def digest(purpose: str, code: str) -> bytes:
    """Its hash, so that the hash of one purpose is of no use for another."""
    return hashlib.sha256(f"{purpose} {code}".encode()).digest()
