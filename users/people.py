"""Making, locking and disabling people.

Whoever opens codes, sessions or votes, or changes several rows of a person, holds the lock on the person's row: so
rules that count rows are exact under any race. A wait for it ends after the connection's `lock_timeout`. Ending one
session or one device is one conditional statement and needs no lock.
"""

from __future__ import annotations

import hmac
from datetime import datetime
from typing import NamedTuple

from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction
from django.utils.translation import gettext

from users import codes, devices, keys
from users.models import LoginCode, User


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
RETURNING *, clock_timestamp() AS locked_at,
          ARRAY(SELECT erased.id FROM users_user AS erased WHERE erased.erased_trace = %s) AS predecessors
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
    return _one(_INSERT, phone, trace(phone))


def trace(phone: str) -> bytes:
    """What an erased person leaves of their phone: it tells the same phone again, to who has the key, and no more."""
    return hmac.digest(keys.trace_key(), phone.encode(), "sha256")


def go_on_counting(user: User) -> None:
    """Let a person just made go on with the codes that count against their phone, and end the trace that led to them.

    Else erasing oneself would be a way around every limit. Codes of known devices stay: those devices are gone.
    """
    LoginCode.objects.filter(user__in=user.predecessors, device=None).update(user=user)
    # Who asked for the same phone at the same moment may hold the old row and wait for the new one: never wait for
    # them. A trace that stays for it leads to nothing any more, and goes with time.
    free = User.objects.filter(pk__in=user.predecessors).select_for_update(skip_locked=True, no_key=True)
    User.objects.filter(pk__in=[former.pk for former in free]).update(erased_trace=None)


def disable(user: User) -> None:
    """Let a person in no more: the account is off and every device ends at once."""
    with transaction.atomic():
        locked = lock(user.pk)
        User.objects.filter(pk=user.pk).update(is_active=False)
        devices.end_all(locked.user, now=locked.now)
    user.is_active = False


def set_role(user: User, **flags: bool) -> None:
    """Give a person who is not erased `is_staff` or `is_superuser`, or take it.

    Operators get long codes on unknown devices: short ones on their way end.
    """
    with transaction.atomic():
        now = lock(user.pk).now
        User.objects.filter(pk=user.pk, erased_at=None).update(**flags)
        LoginCode.objects.filter(user=user, device=None, digits=codes.SHORT, used_at=None, expires_at__gt=now).update(
            closed_at=now, expires_at=now
        )


def log_whole_phones_seen(by: User, where: str) -> None:
    """Leave a line in the admin's log of who saw whole phones, where no one person's page tells it."""
    LogEntry.objects.create(
        user_id=by.pk, object_repr=where[:200], action_flag=CHANGE, change_message=gettext("Saw whole phone numbers.")
    )


def end_devices(user: User) -> None:
    """End every device of a person, session and trust, on their own wish."""
    with transaction.atomic():
        locked = lock(user.pk)
        devices.end_all(locked.user, now=locked.now)


def enable(user: User) -> None:
    """Let a disabled person sign in again, on any device anew. An erased person stays erased."""
    user.is_active = bool(User.objects.filter(pk=user.pk, erased_at=None).update(is_active=True))


def _one(sql: str, *values: str | int | bytes) -> Locked | None:
    for user in User.objects.raw(sql, values):
        return Locked(user, user.locked_at)
    return None
