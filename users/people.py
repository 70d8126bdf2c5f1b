"""Making, locking and disabling people.

Whoever opens codes, sessions or votes, or changes several rows of a person, holds the lock on the person's row: so
rules that count rows are exact under any race. A wait for it ends after the connection's `lock_timeout`. Ending one
session or one device is one conditional statement and needs no lock.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from django.db import transaction

from users import devices
from users.models import User


class Locked(NamedTuple):
    """A person whose row is locked until the transaction ends, and the database's time once it was."""

    user: User
    now: datetime


# clock_timestamp() stands outside the locking sub-select: it is read after the lock was had, not before the wait.
_LOCK = """
SELECT locked.*, clock_timestamp() AS locked_at
  FROM (SELECT * FROM users_user WHERE {column} = %s FOR NO KEY UPDATE) AS locked
"""

_INSERT = """
INSERT INTO users_user (phone) VALUES (%s) ON CONFLICT (phone) DO NOTHING
RETURNING *, clock_timestamp() AS locked_at
"""


def lock(user_id: int) -> Locked:
    """Lock the person with this id. Raises User.DoesNotExist."""
    locked = _one(_LOCK.format(column="id"), user_id)
    if locked is None:
        raise User.DoesNotExist
    return locked


def lock_by_phone(phone: str) -> Locked | None:
    """Lock the person with this E.164 phone, if there is one."""
    return _one(_LOCK.format(column="phone"), phone)


def create(phone: str) -> Locked | None:
    """Make an unverified person with this E.164 phone; None when somebody else made them first."""
    return _one(_INSERT, phone)


def disable(user: User) -> None:
    """Let a person in no more: the account is off and every device ends at once."""
    with transaction.atomic():
        locked = lock(user.pk)
        User.objects.filter(pk=user.pk).update(is_active=False)
        devices.end_all(locked.user, now=locked.now)
    user.is_active = False


def end_devices(user: User) -> None:
    """End every device of a person, session and trust, on their own wish."""
    with transaction.atomic():
        locked = lock(user.pk)
        devices.end_all(locked.user, now=locked.now)


def enable(user: User) -> None:
    """Let a disabled person sign in again, on any device anew. An erased person stays erased."""
    user.is_active = bool(User.objects.filter(pk=user.pk, erased_at=None).update(is_active=True))


def _one(sql: str, value: str | int) -> Locked | None:
    for user in User.objects.raw(sql, [value]):
        return Locked(user, user.locked_at)
    return None
