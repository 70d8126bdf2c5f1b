"""Devices: a session, which may refresh its tokens, and trust, which makes the device known at the next sign-in."""

import base64
import hashlib
import hmac
import secrets
import uuid
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from users import keys, login_queries
from users.clock import StatementTimestamp
from users.models import Device, User

# A session ends if it was not refreshed for this long.
REFRESH_IDLE = timedelta(days=30)

# A session ends this long after its sign-in in any case.
REFRESH_ABSOLUTE = timedelta(days=90)

# How long after its last sign-in a device stays known.
TRUST_FOR = timedelta(days=180)

# How many of a user's devices stay known: those that signed in last.
TRUSTED_DEVICES = 5

# How many of a user's devices stay signed in: those that signed in last. Otherwise whoever signs in automatically for
# weeks would have a list of thousands, which takes a processor a tenth of a second whenever it is read.
SIGNED_IN_DEVICES = 100

# How long after a sign-in by code a device may do what cannot be undone.
RECENT_FOR = timedelta(minutes=10)


class DeviceNotFound(Exception):
    """The user has no such device."""


def trusted(user: User, now: datetime) -> QuerySet[Device]:
    """The user's known devices."""
    return user.devices.filter(trusted_until__gt=now)


def find_trusted(user: User, token: str | None, now: datetime) -> Device | None:
    """The user's device of this device token, if it is still trusted."""
    if token is None:
        return None
    return trusted(user, now).filter(trust_hash=trust_hash(token)).first()


def start_session(
    user: User, known: Device | None, user_agent: str, now: datetime, session_id: uuid.UUID | None = None
) -> tuple[Device, str]:
    """Open a session, of this id if given, after a correct code. Returns the device and its device token.

    A device that is still trusted is reused and keeps its token. Otherwise a new device is created. Call it with the
    user's row locked.
    """
    session = {
        "session_id": session_id or uuid.uuid4(),
        "signed_in_at": now,
        "refreshed_at": now,
        "refresh_jti": uuid.uuid4(),
        "previous_jti": None,
        "unused_jti": None,
        "superseded_jtis": None,
        "ended_at": None,
        "trusted_until": now + TRUST_FOR,
        "user_agent": user_agent,
    }
    if known is not None and trusted(user, now).filter(pk=known.pk).update(**session):
        for name, value in session.items():
            setattr(known, name, value)
        return known, token_of(known)
    nonce = secrets.token_bytes(16)
    token = _derive(keys.trust_keys()[0], nonce)
    device = Device(user=user, created_at=now, trust_nonce=nonce, trust_hash=trust_hash(token), **session)
    login_queries.insert_device(device, TRUSTED_DEVICES, SIGNED_IN_DEVICES)
    return device, token


def listed(user: User, now: datetime) -> QuerySet[Device]:
    """The user's devices that have a session or trust, newest sign-in first."""
    in_session = Q(ended_at=None, refreshed_at__gt=now - REFRESH_IDLE, signed_in_at__gt=now - REFRESH_ABSOLUTE)
    return user.devices.filter(in_session | Q(trusted_until__gt=now)).order_by("-signed_in_at", "-pk")


def revoke(user: User, device_id: int, now: datetime) -> None:
    """Revoke a device: its session and its trust. Raises DeviceNotFound."""
    if not revoke_found(user.devices.filter(pk=device_id), now):
        raise DeviceNotFound


def revoke_all(user: User, now: datetime) -> int:
    """Revoke all devices of a user. Returns how many were live. Call it with the user's row locked."""
    return revoke_found(user.devices.all(), now)


def is_recent(device: Device, now: datetime) -> bool:
    """Whether the user signed in here by code within RECENT_FOR."""
    return device.signed_in_at > now - RECENT_FOR


def revoke_found(devices: QuerySet[Device], now: datetime | StatementTimestamp) -> int:
    """Revoke these devices: their sessions and their trust. Returns how many were live."""
    live = devices.filter(Q(ended_at=None) | Q(trust_hash__isnull=False))
    return live.update(ended_at=now, trust_hash=None, trusted_until=None)


def token_of(device: Device) -> str:
    """The device token of a trusted device, made again. A new one if its key is no longer in use."""
    for key in keys.trust_keys():
        token = _derive(key, device.trust_nonce)
        if device.trust_hash == trust_hash(token):
            return token
    token = _derive(keys.trust_keys()[0], device.trust_nonce)
    device.trust_hash = trust_hash(token)
    device.save(update_fields=["trust_hash"])
    return token


def _derive(key: bytes, nonce: bytes | memoryview) -> str:
    return base64.urlsafe_b64encode(hmac.digest(key, bytes(nonce), "sha256")).rstrip(b"=").decode()


def trust_hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
