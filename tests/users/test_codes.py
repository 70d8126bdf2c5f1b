"""Keys, and the codes that are derived from them."""

import hashlib
from collections import Counter
from typing import Any

import pytest
from django.db import connection

from tests.support.login_steps import ask, right
from users import keys
from users.login import codes

NONCE = bytes(range(16))


def test_keys_follow_rfc_5869() -> None:
    """Test case 1 of the RFC. Ours are the first 32 of its 42 bytes."""
    derived = keys.hkdf_sha256(bytes([0x0B] * 22), bytes(range(0xF0, 0xFA)), bytes(range(13)))

    assert derived.hex() == "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"


def test_keys_without_salt_follow_rfc_5869() -> None:
    """Test case 3."""
    derived = keys.hkdf_sha256(bytes([0x0B] * 22), b"")

    assert derived.hex() == "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"


def test_every_purpose_has_its_own_key(settings: Any) -> None:
    settings.SECRET_KEY_FALLBACKS = ["an older key"]

    made = [keys.code_key(), *keys.token_keys(), *keys.trust_keys()]

    assert len(set(made)) == 5
    assert settings.SECRET_KEY.encode() not in made


@pytest.mark.parametrize("digits", codes.LENGTHS)
def test_code_is_the_hmac_of_its_nonce_as_digits(digits: int) -> None:
    by_hand = int(_hmac_sha256(keys.code_key(), NONCE), 16)

    assert codes.derive(NONCE, digits) == str(by_hand)[-digits:]
    assert codes.derive(memoryview(NONCE), digits) == codes.derive(NONCE, digits)


def _hmac_sha256(key: bytes, message: bytes) -> str:
    """RFC 2104, written out."""
    block = key.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block) + message).digest()
    return hashlib.sha256(bytes(byte ^ 0x5C for byte in block) + inner).hexdigest()


def test_code_depends_on_the_secret_key_and_not_on_fallbacks(settings: Any) -> None:
    before = codes.derive(NONCE, codes.LONG)
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "a newer key"

    assert codes.derive(NONCE, codes.LONG) != before


def test_codes_are_spread_evenly_with_leading_zeros_kept() -> None:
    drawn = [codes.derive(codes.new_nonce(), codes.SHORT) for _ in range(10_000)]

    assert {len(code) for code in drawn} == {4}
    for place in range(4):
        counts = Counter(code[place] for code in drawn)
        assert min(counts.values()) > 800  # 1000 each; six standard deviations are 180
        assert len(counts) == 10


def test_only_the_whole_code_matches() -> None:
    code = codes.derive(NONCE, codes.SHORT)

    assert codes.is_same(code, code)
    for typed in (code[:3], code + "0", "", codes.derive(NONCE, codes.LONG), "é"):
        assert not codes.is_same(typed, code)


@pytest.mark.django_db
def test_code_is_not_stored_in_the_database() -> None:
    """A code of ten digits, which cannot be there by chance."""
    asked = ask()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE users_logincode SET digits = 10")
    code = right(asked.challenge_id)

    assert len(code) == 10
    assert code not in _everything()


def _everything() -> str:
    rows = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f'SELECT t::text FROM "{table}" AS t')
            rows += [row[0] for row in cursor.fetchall()]
    assert any("+79991234567" in row for row in rows)
    return "\n".join(rows)
