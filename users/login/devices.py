"""Devices: sessions that may ask for tokens, and trust that makes the next sign-in a known one."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import uuid
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from users import keys, sql
from users.models import Device, User

# A session ends when it was not refreshed for so long,
REFRESH_IDLE = timedelta(days=30)

# and so long after its sign-in in any case.
REFRESH_ABSOLUTE = timedelta(days=90)

# How long after its last sign-in a device stays known.
TRUST_FOR = timedelta(days=180)

# How many of a person's devices, the latest to sign in, are known at once.
TRUSTED_DEVICES = 5

# How long after a sign-in by code a device may do what cannot be undone.
RECENT_FOR = timedelta(minutes=10)


class DeviceNotFound(Exception):
    """The person has no such device."""


def trusted(user: User, now: datetime) -> QuerySet[Device]:
    """The person's known devices."""
    return user.devices.filter(trusted_until__gt=now)


def find_trusted(user: User, token: str | None, now: datetime) -> Device | None:
    """The person's device that this token proves, if it is still trusted."""
    if not token:
        return None
    return trusted(user, now).filter(trust_hash=_hash(token)).first()


def start_session(user: User, known: Device | None, user_agent: str, now: datetime) -> tuple[Device, str]:
    """Open a session after a right code; returns the device and the token that makes it known.

    A device that is still trusted is taken up again and keeps its token; else a new one is made. Call it with the
    person's row locked.
    """
    session = {
        "session_id": uuid.uuid4(),
        "signed_in_at": now,
        "refreshed_at": now,
        "refresh_jti": uuid.uuid4(),
        "previous_jti": None,
        "ended_at": None,
        "trusted_until": now + TRUST_FOR,
        "user_agent": user_agent[:200],
    }
    if known is not None and trusted(user, now).filter(pk=known.pk).update(**session):
        for name, value in session.items():
            setattr(known, name, value)
        return known, _token_of(known)
    device = Device(user=user, created_at=now, trust_nonce=secrets.token_bytes(16), **session)
    token = _derive(keys.trust_keys()[0], device.trust_nonce)
    device.trust_hash = _hash(token)
    sql.insert(device)
    _keep_latest_trusted(user)
    return device, token


def listed(user: User, now: datetime) -> QuerySet[Device]:
    """The devices that a person has a reason to see: those with a session or with trust, newest sign-in first."""
    in_session = Q(ended_at=None, refreshed_at__gt=now - REFRESH_IDLE, signed_in_at__gt=now - REFRESH_ABSOLUTE)
    return user.devices.filter(in_session | Q(trusted_until__gt=now)).order_by("-signed_in_at", "-pk")


def revoke(user: User, device_id: int, now: datetime) -> None:
    """End one device, session and trust. Raises DeviceNotFound."""
    if not _end(user.devices.filter(pk=device_id), now):
        raise DeviceNotFound


def revoke_all(user: User, now: datetime) -> int:
    """End every device of a person, session and trust; how many. Call it with the person's row locked."""
    return _end(user.devices.all(), now)


def is_recent(device: Device, now: datetime) -> bool:
    """Whether the person signed in here by code so lately that they may do what cannot be undone."""
    return device.signed_in_at > now - RECENT_FOR


def _end(devices: QuerySet[Device], now: datetime) -> int:
    live = devices.filter(Q(ended_at=None) | Q(trust_hash__isnull=False))
    return live.update(ended_at=now, trust_hash=None, trusted_until=None)


def _keep_latest_trusted(user: User) -> None:
    sql.execute(_KEEP_LATEST, {"person": user.pk, "kept": TRUSTED_DEVICES})


_KEEP_LATEST = """
UPDATE users_device SET trust_hash = NULL, trusted_until = NULL
 WHERE id IN (SELECT id FROM users_device WHERE user_id = %(person)s AND trust_hash IS NOT NULL
               ORDER BY signed_in_at DESC, id DESC OFFSET %(kept)s)
"""


def _token_of(device: Device) -> str:
    """The token that a trusted device holds, shown to it again; a new one if its key is no longer kept."""
    for key in keys.trust_keys():
        token = _derive(key, device.trust_nonce)
        if device.trust_hash == _hash(token):
            return token
    token = _derive(keys.trust_keys()[0], device.trust_nonce)
    device.trust_hash = _hash(token)
    device.save(update_fields=["trust_hash"])
    return token


def _derive(key: bytes, nonce: bytes | memoryview) -> str:
    return base64.urlsafe_b64encode(hmac.digest(key, bytes(nonce), "sha256")).rstrip(b"=").decode()


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
