"""Access and refresh tokens: SimpleJWT's, bound to a session in the database.

Claims: `iss`, `aud`, `sub` (person), `sid` (session), `jti`, `typ`, `exp`. One algorithm, own keys (RFC 8725).
A token alone proves nothing: its session and person are looked up on every use.
"""

from __future__ import annotations

import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from django.db.models import QuerySet
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import (
    ExpiredTokenError,
    TokenBackendError,
    TokenBackendExpiredToken,
    TokenError,
)
from rest_framework_simplejwt.tokens import Token

from users import keys, sql
from users.clock import ClockTimestamp
from users.login import devices
from users.login.devices import REFRESH_ABSOLUTE, REFRESH_IDLE
from users.models import Device, User
from users.sql import columns, loaded

ALGORITHM = "HS256"
ISSUER = "inviting_app"
AUDIENCE = "inviting_app:api"
ACCESS_FOR = timedelta(minutes=10)

# How long the token before the last still answers, with the same successor: a lost answer is no theft.
REUSE_INTERVAL = timedelta(seconds=10)


class TokenInvalid(Exception):
    """Not a token of ours, or not of the kind asked for."""


class TokenExpired(Exception):
    """The token's time is over."""


class TokenRevoked(Exception):
    """The session was ended, replaced or stolen, or the person may not come in any more."""


@lru_cache(maxsize=32)
def _backend(key: bytes) -> TokenBackend:
    return TokenBackend(ALGORITHM, key, audience=AUDIENCE, issuer=ISSUER)  # type: ignore[arg-type]


class KeyRing:
    """Signs with the newest key and accepts every key that is still kept."""

    def __init__(self) -> None:
        self.backends = [_backend(key) for key in keys.token_keys()]

    def encode(self, payload: dict[str, Any]) -> str:
        return self.backends[0].encode(payload)

    def decode(self, token: Any, verify: bool = True) -> dict[str, Any]:
        error = TokenBackendError()
        for backend in self.backends:
            try:
                return backend.decode(token, verify)
            except TokenBackendExpiredToken:
                raise  # the signature was right
            except TokenBackendError as other:
                error = other
        raise error

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
        except ExpiredTokenError as error:
            raise TokenExpired from error
        # OverflowError and OSError: an `exp` beyond what the clock of this machine can show.
        except (TokenError, KeyError, ValueError, TypeError, AttributeError, OverflowError, OSError) as error:
            raise TokenInvalid from error
        return token

    def set_iat(self, claim: str = "iat", at_time: datetime | None = None) -> None:
        """No `iat`: it would be refused by every host whose clock is a moment behind, and nothing reads it."""

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
        """The device's one current refresh token: made of its row alone, so it can be made again to the letter."""
        token = super().for_device(device)
        token["jti"] = device.refresh_jti.hex
        token.set_exp(
            from_time=min(device.refreshed_at + REFRESH_IDLE, device.signed_in_at + REFRESH_ABSOLUTE),
            lifetime=timedelta(0),
        )
        return token


@dataclass(frozen=True)
class TokenPair:
    """What a client signs its requests with; `expires_in` is the access token's life in seconds."""

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
    """A signed-in device, with its user loaded, and the database's time when it was looked up."""

    device: Device
    now: datetime


def authenticate(text: str | bytes) -> Session:
    """The session that this access token opens, in one statement.

    Raises TokenInvalid, TokenExpired or TokenRevoked.
    """
    return _live_session(AccessToken.parse(text))


def refresh(text: str) -> TokenPair:
    """Swap a refresh token for its successor by one compare-and-set.

    Within RETRY_WINDOW the token just swapped gets the same successor again. Any older one is in a thief's hands or
    was, so session and trust end.

    Raises TokenInvalid, TokenExpired or TokenRevoked.
    """
    token = RefreshToken.parse(text)
    # No join here: PostgreSQL re-checks only the updated row itself after a wait, so all that is compared is on it.
    _sessions(token).filter(refresh_jti=token.jti, ended_at=None).update(
        refresh_jti=uuid.uuid4(), previous_jti=token.jti, refreshed_at=ClockTimestamp()
    )
    device, now = _live_session(token)
    if device.previous_jti != token.jti or now > device.refreshed_at + REUSE_INTERVAL:
        with suppress(devices.DeviceNotFound):  # ended meanwhile
            devices.revoke(device.user, device.pk, now)
        raise TokenRevoked
    return issue(device)


def sign_out(text: str) -> None:
    """End the session of this refresh token; the device stays known. Raises TokenInvalid or TokenExpired."""
    token = RefreshToken.parse(text)
    _sessions(token).filter(ended_at=None).update(ended_at=ClockTimestamp())


def _sessions(token: SessionToken) -> QuerySet[Device]:
    return Device.objects.filter(session_id=token.session_id, user_id=token.user_id)


# What a statement selects from to find a session's device and person only if the session is live.
LIVE_SESSION = """
       users_device AS device
  JOIN users_user AS person ON person.id = device.user_id AND person.is_active
   AND device.session_id = %(session)s AND device.user_id = %(person)s AND device.ended_at IS NULL
"""

_SESSION = f"SELECT {columns(Device, 'device')}, {columns(User, 'person')}, clock_timestamp() FROM {LIVE_SESSION}"  # noqa: S608


def _live_session(token: SessionToken) -> Session:
    row = sql.fetch_optional(_SESSION, {"session": token.session_id, "person": token.user_id})
    if row is None:
        raise TokenRevoked
    device, rest = loaded(Device, row)
    device.user, (now,) = loaded(User, rest)
    return Session(device, now)
