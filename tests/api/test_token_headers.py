"""An attacker cannot choose the algorithm, the key or the headers.

ASVS 5.0 V9.1.1 to V9.1.3, RFC 8725 3.1 to 3.5 and 3.10, RFC 7515 4.1.11.
"""

import base64
from typing import Any

import jwt
import pytest

from tests.api.test_forged_tokens import refused
from tests.api.test_tokens import forged, is_401, me, refresh
from tests.support.accounts import SignedInUser
from tests.support.forged_tokens import HEADER, claims, sealed, segment, with_header
from users import keys

pytestmark = pytest.mark.django_db

PUBLIC_KEY = (
    b"-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----\n"  # of no one
)


@pytest.mark.parametrize(
    "algorithm", ["none", "None", "NONE", "nOnE", "HS384", "HS512", "RS256", "ES256", "EdDSA", "hs256", "HS256 ", ""]
)
def test_another_algorithm_in_the_header_is_refused(alice: SignedInUser, algorithm: str) -> None:
    changed = with_header(alice.token, alg=algorithm)

    refused(changed)
    refused(changed.rpartition(".")[0] + ".")
    refused(sealed({"alg": algorithm}, claims(alice.token)))


def test_another_algorithm_with_the_right_key_is_refused(alice: SignedInUser) -> None:
    refused(jwt.encode(claims(alice.token), keys.token_keys()[0].ljust(64, b"\0"), algorithm="HS512"))


def test_missing_cut_or_changed_signature_is_refused(alice: SignedInUser) -> None:
    text, _, signature = alice.token.rpartition(".")
    other = "B" if signature[0] == "A" else "A"

    for changed in ("", signature[:-4], signature + "AAAA", other + signature[1:], "A" * len(signature)):
        refused(f"{text}.{changed}")


def test_changed_claims_with_the_old_signature_are_refused(alice: SignedInUser, bob: SignedInUser) -> None:
    head, _, signature = alice.token.split(".")

    for changed in ({"sub": claims(bob.token)["sub"]}, {"exp": 4_000_000_000}, {"sid": claims(bob.token)["sid"]}):
        refused(f"{head}.{segment(claims(alice.token) | changed)}.{signature}")
    refused(f"{head}.{bob.token.split('.')[1]}.{signature}")


def test_other_keys_are_refused(alice: SignedInUser, settings: Any) -> None:
    guesses = [keys.code_key(), keys.trust_keys()[0], settings.SECRET_KEY.encode(), bytes(32), b"secret", PUBLIC_KEY]
    for key in guesses:
        refused(sealed(HEADER, claims(alice.token), key))
        is_401(refresh(sealed(HEADER, claims(alice.refresh), key)), "token_invalid")


OWN_KEY = b"the attacker's own key, put where a careless service would look"
JWK = {"kty": "oct", "k": base64.urlsafe_b64encode(OWN_KEY).decode(), "alg": "HS256"}


@pytest.mark.parametrize(
    "header",
    [
        *({"kid": kid} for kid in ("", "0", "../../../../dev/null", "/proc/sys/kernel/ostype", "' OR 1=1 --", "\x00")),
        *({"kid": kid} for kid in (None, 0, [1], {"a": 1}, "k" * 1000, "|sleep 9", "http://127.0.0.1:9/key")),
        *({name: "http://127.0.0.1:9/keys.json"} for name in ("jku", "x5u")),
        *({name: ["MIIB"]} for name in ("x5c", "x5t", "x5t#S256", "jku", "x5u")),
        {"jwk": JWK},
        {"jwk": "JWK"},
        {"jwk": JWK, "kid": "own"},
        {"crit": ["exp"]},
        {"crit": ["b64"], "b64": False},
        {"b64": False},
        {"crit": []},
        {"crit": "b64"},
        {"crit": None},
        {"zip": "DEF"},
        {"cty": "JWT"},
        {"enc": "A128GCM"},
        {"typ": "at+jwt"},
        {"typ": ["JWT"]},
    ],
    ids=str,
)
def test_header_cannot_choose_the_key_or_the_algorithm(alice: SignedInUser, header: dict[str, Any]) -> None:
    for key in (OWN_KEY, bytes(32), b"Linux\n"):
        is_401(me(sealed(HEADER | header, claims(alice.token), key)), "token_invalid")
    refused(with_header(alice.token, **header))
    refused(sealed(HEADER | header, claims(alice.token), OWN_KEY))


@pytest.mark.parametrize("header", [{"crit": ["exp"]}, {"crit": []}, {"crit": ["b64"], "b64": False}], ids=str)
def test_unknown_critical_extension_is_refused_even_with_a_valid_signature(
    alice: SignedInUser, header: dict[str, Any]
) -> None:
    refused(sealed(HEADER | header, claims(alice.token)))


def test_valid_signature_over_the_same_claims_is_accepted(alice: SignedInUser) -> None:
    """The counterpart of the refusals above."""
    assert me(sealed(HEADER, claims(alice.token))).status_code == 200
    assert me(forged(alice.token)).status_code == 200
