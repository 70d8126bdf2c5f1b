"""Tokens made by hand, as an attacker makes them, without the checks of a library."""

import base64
import hmac
import json
from typing import Any

import jwt

from users import keys

HEADER = {"alg": "HS256", "typ": "JWT"}


def claims(token: str) -> dict[str, Any]:
    """The claims of a token, without a check of its signature."""
    return jwt.decode(token, options={"verify_signature": False})


def segment(value: Any) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sealed(header: Any, payload: Any, key: bytes | None = None) -> str:
    """A token with any header and payload, signed by HMAC-SHA256 with our key or another."""
    text = f"{segment(header)}.{segment(payload)}"
    return f"{text}.{segment(hmac.digest(keys.token_keys()[0] if key is None else key, text.encode(), 'sha256'))}"


def with_claim(token: str, name: str, value: str) -> str:
    """A valid signature over the token's claims, with this JSON text as the value of one claim."""
    others = {other: value for other, value in claims(token).items() if other != name}
    return sealed(HEADER, f'{json.dumps(others)[:-1]}, "{name}": {value}}}'.encode())


def with_header(token: str, **header: Any) -> str:
    """The token with another header."""
    return ".".join([segment(HEADER | header), *token.split(".")[1:]])
