"""Access and refresh tokens: SimpleJWT's, bound to a session in the database.

Claims: `iss`, `aud`, `sub` (user), `sid` (session), `jti`, `typ`, `exp`. One algorithm, own keys (RFC 8725).
A token alone proves nothing. Each use looks up its session and its user; for `GET me`, the statement that reads the
profile does so.
"""

from __future__ import annotations

import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import jwt
from django.db.models import QuerySet
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import Token

from users import keys, queries
from users.clock import ClockTimestamp
from users.login import devices
from users.login.devices import REFRESH_ABSOLUTE, REFRESH_IDLE
from users.models import Device

ALGORITHM = "HS256"
ISSUER = "inviting_app"
AUDIENCE = "inviting_app:api"
ACCESS_FOR = timedelta(minutes=10)

# For this time after an exchange, the old refresh token gets the same new pair again, so that a client that lost the
# response can repeat its request.
REUSE_INTERVAL = timedelta(seconds=10)


class TokenInvalid(Exception):
    """The token is not one of this service, or not of the required type."""


class TokenExpired(Exception):
    """The token has expired."""


class TokenRevoked(Exception):
    """The session has ended, its refresh token was reused, or the user is disabled or erased."""


class KeyRing:
    """What SimpleJWT's tokens are signed and read with: the newest key signs, and all keys in use are accepted."""

    def encode(self, payload: dict[str, Any]) -> str:
        return jwt.encode({**payload, "aud": AUDIENCE, "iss": ISSUER}, keys.token_keys()[0], ALGORITHM)

    def decode(self, token: str | bytes, verify: bool = True) -> dict[str, Any]:
        """Raises TokenInvalid or TokenExpired."""
        try:
            for key in keys.token_keys():
                with suppress(jwt.InvalidSignatureError):
                    return jwt.decode(token, key, [ALGORITHM], audience=AUDIENCE, issuer=ISSUER)
        except jwt.ExpiredSignatureError as error:
            raise TokenExpired from error
        except jwt.InvalidTokenError as error:
            raise TokenInvalid from error
        raise TokenInvalid

    def get_leeway(self) -> timedelta:
        return timedelta(0)


class SessionToken(Token):
    @property
    def token_backend(self) -> Any:
        return KeyRing()

    @classmethod
    def parse(cls, text: str | bytes) -> SessionToken:
        """Raises TokenInvalid or TokenExpired."""
        try:
            token = cls(text)  # type: ignore[arg-type]
            token.session_id, token.jti, token.user_id = (
                uuid.UUID(token["sid"]),
                uuid.UUID(token["jti"]),
                int(token["sub"]),
            )
        # OverflowError and OSError: an `exp` beyond the range of this machine's clock.
        except (TokenError, KeyError, ValueError, TypeError, AttributeError, OverflowError, OSError) as error:
            raise TokenInvalid from error
        return token

    def set_iat(self, claim: str = "iat", at_time: datetime | None = None) -> None:
        """Set no `iat`: nothing reads it, and a host whose clock is a moment behind would refuse the token."""

    @classmethod
    def for_device(cls, device: Device) -> SessionToken:
        token = cls()
        token["sub"] = str(device.user_id)
        token["sid"] = device.session_id.hex
        return token

    session_id: uuid.UUID
    jti: uuid.UUID
    user_id: int


class AccessToken(SessionToken):
    token_type = "access"  # noqa: S105
    lifetime = ACCESS_FOR


class RefreshToken(SessionToken):
    token_type = "refresh"  # noqa: S105
    lifetime = REFRESH_IDLE

    @classmethod
    def for_device(cls, device: Device) -> SessionToken:
        """The device's current refresh token. It is made of the row alone, so it can be made again, byte for byte."""
        token = super().for_device(device)
        token["jti"] = device.refresh_jti.hex
        token.set_exp(
            from_time=min(device.refreshed_at + REFRESH_IDLE, device.signed_in_at + REFRESH_ABSOLUTE),
            lifetime=timedelta(0),
        )
        return token


@dataclass(frozen=True)
class TokenPair:
    """An access token and a refresh token. `expires_in` is the access token's lifetime in seconds."""

    token: str
    refresh: str
    expires_in: int


def issue(device: Device) -> TokenPair:
    """An access token, and the device's current refresh token."""
    return TokenPair(
        token=str(AccessToken.for_device(device)),
        refresh=str(RefreshToken.for_device(device)),
        expires_in=int(ACCESS_FOR.total_seconds()),
    )


class Session(NamedTuple):
    """A live session: its device with the user loaded, and the database's time when it was looked up."""

    device: Device
    now: datetime


def authenticate(text: str | bytes) -> Session:
    """The live session of this access token, in one statement.

    Raises TokenInvalid, TokenExpired or TokenRevoked.
    """
    token = AccessToken.parse(text)
    found = queries.live_session(token.session_id, token.user_id)
    if found is None:
        raise TokenRevoked
    return Session(*found)


def refresh(text: str) -> TokenPair:
    """Exchange a refresh token for its successor by one compare-and-set.

    Within REUSE_INTERVAL the token just exchanged gets the same successor again. Any other reuse may be a thief's, so
    session and trust end.

    Raises TokenInvalid, TokenExpired or TokenRevoked.
    """
    token = RefreshToken.parse(text)
    # No join here: after a wait PostgreSQL checks only the updated row again, so every condition is on that row.
    _devices(token).filter(refresh_jti=token.jti, ended_at=None).update(
        refresh_jti=uuid.uuid4(), previous_jti=token.jti, refreshed_at=ClockTimestamp()
    )
    live = _devices(token).filter(ended_at=None, user__is_active=True).select_related("user")
    device = live.annotate(now=ClockTimestamp()).first()
    if device is None:
        raise TokenRevoked
    if device.previous_jti != token.jti or device.now > device.refreshed_at + REUSE_INTERVAL:
        with suppress(devices.DeviceNotFound):  # another request has revoked it
            devices.revoke(device.user, device.pk, device.now)
        raise TokenRevoked
    return issue(device)


def sign_out(text: str) -> None:
    """End the session of this refresh token. The device stays known. Raises TokenInvalid or TokenExpired."""
    _devices(RefreshToken.parse(text)).filter(ended_at=None).update(ended_at=ClockTimestamp())


def _devices(token: SessionToken) -> QuerySet[Device]:
    return Device.objects.filter(session_id=token.session_id, user_id=token.user_id)
