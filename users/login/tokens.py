"""Access and refresh tokens: SimpleJWT's, bound to a session in the database.

Claims: `iss`, `aud`, `sub` (user), `sid` (session), `jti`, `typ`, `exp`. One algorithm, own keys (RFC 8725).
A token alone proves nothing. Each use looks up its session and its user; for `GET me`, the statement that reads the
profile does so.

The access token and the refresh token that are issued together are a *pair*: they have the same `jti`. A device's row
holds the current pair and the one before it. This is what happens to a refresh token:

1. Of the current pair: it gets a successor, which becomes the current pair.
2. Of the pair before, within REUSE_INTERVAL of its exchange: it gets the same successor again (two tabs, a retry).
3. Of the pair before, later, while its successor is *unused* (neither the access token nor the refresh token of it was
   ever presented): it gets a new successor, which supersedes the unused one.
4. Of any other pair: reuse. Session and trust of the device end. The same holds for the access token of a superseded
   pair.

Why a client stays signed in, however many responses it loses: it stores each pair before it uses it, and presents the
newest pair that it has stored. So it has used no later pair, and rule 1, 2 or 3 applies.

Why a thief is found out: the thief has the owner's pair, or one whose response the owner lost, and both go on using the
session. As soon as one of them uses a later pair, the other presents a refresh token whose successor is used. After
REUSE_INTERVAL that is reuse (rule 4). If neither uses a later pair, the owner's retry supersedes the thief's pair
(rule 3), and the thief's next request is reuse (rule 4). A thief who always comes within REUSE_INTERVAL after the owner
gets the owner's own pairs (rule 2), and is not found out.

The first use of a pair is one conditional UPDATE, committed before the response. Rule 3 is a compare-and-set on the
same row. So one of them comes first under any race, and the other is reuse. The first pair of a session is not marked.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol, Self, TypeVar

import jwt
from django.db import transaction
from django.db.models import QuerySet
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import Token

from users import keys, queries
from users.clock import StatementTimestamp
from users.login import devices
from users.login.devices import REFRESH_ABSOLUTE, REFRESH_IDLE
from users.models import Device

ALGORITHM = "HS256"
ISSUER = "inviting_app"
AUDIENCE = "inviting_app:api"
ACCESS_FOR = timedelta(minutes=10)

# For this time after an exchange, the old refresh token may be presented again and gets the same successor: tabs and
# retries of a client then agree. That is rule 2, and not the reuse of rule 4, which ends the session. For this time
# after a log-in, the same code gets the same session again.
REUSE_INTERVAL = timedelta(seconds=10)

# How many superseded pairs are remembered. They are at least REUSE_INTERVAL apart, so the access tokens of all others
# have expired.
SUPERSEDED_KEPT = ACCESS_FOR // REUSE_INTERVAL


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
    def parse(cls, text: str | bytes) -> Self:
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
    def for_device(cls, device: Device) -> Self:
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
    def for_device(cls, device: Device) -> Self:
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
    """The device's current refresh token, and an access token of the same pair."""
    access, refresh = AccessToken.for_device(device), RefreshToken.for_device(device)
    access["jti"] = refresh["jti"]
    return TokenPair(token=str(access), refresh=str(refresh), expires_in=int(ACCESS_FOR.total_seconds()))


class Session(NamedTuple):
    """A live session: its device with the user loaded, and the database's time when it was looked up."""

    device: Device
    now: datetime


class OfSession(Protocol):
    """What a statement on LIVE_SESSION found, with its PAIR_STATE."""

    @property
    def pair_state(self) -> str | None: ...


Found = TypeVar("Found", bound=OfSession)


def authenticate(text: str | bytes) -> Session:
    """The live session of this access token: one statement, and another at the first use of its pair.

    Raises TokenInvalid, TokenExpired or TokenRevoked.
    """
    token = AccessToken.parse(text)
    found = read_session(token, lambda: queries.live_session(token.session_id, token.user_id, token.jti))
    return Session(found.device, found.now)


def read_session(token: AccessToken, read: Callable[[], Found | None]) -> Found:
    """What `read` finds of this token's live session, after the pair of the token is marked as used.

    Raises TokenRevoked if `read` finds nothing, or if the pair is superseded. Then session and trust end.
    """
    found = read()
    if found and found.pair_state == queries.UNUSED and not _mark_used(token):
        found = read()  # another request was first: it used the pair too, superseded it, or ended the session
    if found is None:
        raise TokenRevoked
    if found.pair_state == queries.SUPERSEDED:
        devices.revoke_found(_devices(token), StatementTimestamp())
        raise TokenRevoked
    return found


def refresh(text: str) -> TokenPair:
    """Exchange a refresh token for its successor, by the rules at the top of this module.

    Raises TokenInvalid, TokenExpired or TokenRevoked.
    """
    token = RefreshToken.parse(text)
    with transaction.atomic():
        queries.rotate(
            token.session_id, token.user_id, token.jti, uuid.uuid4(), interval=REUSE_INTERVAL, kept=SUPERSEDED_KEPT
        )
        live = _devices(token).filter(ended_at=None, user__is_active=True)
        device = live.annotate(now=StatementTimestamp()).first()
    if device is None:
        raise TokenRevoked
    # `rotate` has exchanged it (rules 1 and 3), so its successor is unused; or it was exchanged lately (rule 2).
    is_unused = device.unused_jti == device.refresh_jti
    if device.previous_jti == token.jti and (is_unused or device.now <= device.refreshed_at + REUSE_INTERVAL):
        return issue(device)
    # Only this session: the user may have signed in anew on this device meanwhile.
    devices.revoke_found(_devices(token), StatementTimestamp())
    raise TokenRevoked


def sign_out(text: str) -> None:
    """End the session of this refresh token. The device stays known. Raises TokenInvalid or TokenExpired."""
    _devices(RefreshToken.parse(text)).filter(ended_at=None).update(ended_at=StatementTimestamp())


def _mark_used(token: AccessToken) -> bool:
    """Mark the token's pair as used. False if it is not the unused current pair of a live session any more."""
    unused = _devices(token).filter(refresh_jti=token.jti, unused_jti=token.jti, ended_at=None)
    return unused.update(unused_jti=None) == 1


def _devices(token: SessionToken) -> QuerySet[Device]:
    return Device.objects.filter(session_id=token.session_id, user_id=token.user_id)
