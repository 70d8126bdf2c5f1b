"""Keys for separate purposes, all derived from SECRET_KEY, so that a leaked key does not reveal the others.

HKDF-SHA256 (RFC 5869) with an empty salt and the purpose as info. Every key is one block of output, so the expand step
is one HMAC.
"""

import hmac
from functools import lru_cache

from django.conf import settings


@lru_cache(maxsize=32)
def hkdf_sha256(secret: bytes, info: bytes, salt: bytes = b"") -> bytes:
    """RFC 5869 with 32 bytes of output."""
    pseudorandom_key = hmac.digest(salt or bytes(32), secret, "sha256")
    return hmac.digest(pseudorandom_key, info + b"\x01", "sha256")


def code_key() -> bytes:
    """The key of sign-in codes. Codes are valid for minutes, so SECRET_KEY_FALLBACKS are not used."""
    return hkdf_sha256(settings.SECRET_KEY.encode(), b"code")


def phone_change_key() -> bytes:
    """The key of codes that change a phone: none of them is a sign-in code."""
    return hkdf_sha256(settings.SECRET_KEY.encode(), b"phone change")


def token_keys() -> list[bytes]:
    """The keys of access and refresh tokens. The first signs and all verify, so a new SECRET_KEY signs no user out."""
    return [hkdf_sha256(secret.encode(), b"token") for secret in _secrets()]


def trust_keys() -> list[bytes]:
    """The keys of device tokens. The first makes new ones; all can make an old one again."""
    return [hkdf_sha256(secret.encode(), b"device") for secret in _secrets()]


def phone_hash_key() -> bytes:
    """The key of erased-phone hashes. After a change of SECRET_KEY older hashes match nothing."""
    return hkdf_sha256(settings.SECRET_KEY.encode(), b"erased phone")


def receipt_keys() -> list[bytes]:
    """The keys of the tokens in the URLs for delivery receipts. The first makes them and all are accepted."""
    return [hkdf_sha256(secret.encode(), b"receipt") for secret in _secrets()]


def login_name_key() -> bytes:
    """The key of the names under which wrong passwords are counted."""
    return hkdf_sha256(settings.SECRET_KEY.encode(), b"log-in name")


def webhook_keys(nonce: bytes) -> list[bytes]:
    """The keys of webhooks for this nonce of an endpoint. The first is what operators are shown, and all of them sign:
    the receiver may have been set up before SECRET_KEY changed."""
    return [hkdf_sha256(secret.encode(), b"webhook " + nonce) for secret in _secrets()]


def _secrets() -> list[str]:
    return [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
