"""Keys for separate purposes, all made from SECRET_KEY, so that one leaking does not open the others.

HKDF-SHA256 (RFC 5869) with an empty salt and the purpose as info. One block of output is all that is ever needed, so
the whole of expand is one HMAC.
"""

from __future__ import annotations

import hmac
from functools import lru_cache

from django.conf import settings


@lru_cache(maxsize=32)
def hkdf_sha256(secret: bytes, info: bytes, salt: bytes = b"") -> bytes:
    """RFC 5869 with 32 bytes of output."""
    pseudorandom_key = hmac.digest(salt or bytes(32), secret, "sha256")
    return hmac.digest(pseudorandom_key, info + b"\x01", "sha256")


def code_key() -> bytes:
    """For sign-in codes. Codes live ten minutes, so old keys are of no use to them."""
    return hkdf_sha256(settings.SECRET_KEY.encode(), b"code")


def token_keys() -> list[bytes]:
    """For access and refresh tokens: the first signs, all verify, so a new SECRET_KEY signs nobody out."""
    return [hkdf_sha256(secret.encode(), b"token") for secret in _secrets()]


def trust_keys() -> list[bytes]:
    """For device tokens: the first makes new ones, all can show an old one again."""
    return [hkdf_sha256(secret.encode(), b"device") for secret in _secrets()]


def phone_hash_key() -> bytes:
    """For traces of erased people's phones. After a change of SECRET_KEY the older ones are not recognised."""
    return hkdf_sha256(settings.SECRET_KEY.encode(), b"erased phone")


def login_name_key() -> bytes:
    """For the names under which wrong passwords are counted."""
    return hkdf_sha256(settings.SECRET_KEY.encode(), b"log-in name")


def _secrets() -> list[str]:
    return [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
