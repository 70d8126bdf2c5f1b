"""Making, locking and disabling people.

Whoever opens codes, sessions or votes, or changes several rows of a person, holds the lock on the person's row: so
rules that count rows are exact under any race. A wait for it ends after the connection's `lock_timeout`. Ending one
session or one device is one conditional statement and needs no lock.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction
from django.utils.translation import gettext

from users import keys, sql
from users.login import codes, devices
from users.models import LoginCode, User
from users.sql import columns, loaded


class Locked(NamedTuple):
    """A person whose row is locked until the transaction ends, and the database's time once it was."""

    user: User
    now: datetime


# clock_timestamp() stands outside the locking sub-select: it is read after the lock was had, not before the wait.
_LOCK = f"""
SELECT {columns(User, "locked")}, clock_timestamp()
  FROM (SELECT * FROM users_user WHERE {{column}} = %s FOR NO KEY UPDATE) AS locked
"""  # noqa: S608

_INSERT = f"""
INSERT INTO users_user (phone) VALUES (%s) ON CONFLICT (phone) DO NOTHING
RETURNING {columns(User, "users_user")}, clock_timestamp(),
          ARRAY(SELECT erased.id FROM users_user AS erased WHERE erased.erased_trace = %s)
"""  # noqa: S608


def lock(user_id: int) -> Locked:
    """Lock the person with this id. Raises User.DoesNotExist."""
    row = _one(_LOCK.format(column="id"), user_id)
    if row is None:
        raise User.DoesNotExist
    return Locked(*row)


def lock_by_phone(phone: str) -> Locked | None:
    """Lock the person with this E.164 phone, if there is one."""
    row = _one(_LOCK.format(column="phone"), phone)
    return Locked(*row) if row else None


def create(phone: str) -> tuple[Locked, list[int]] | None:
    """Make an unverified person with this E.164 phone; None when somebody else made them first.

    With them come the ids of those who were erased with this phone lately.
    """
    row = _one(_INSERT, phone, phone_hash(phone))
    if row is None:
        return None
    user, now, predecessors = row
    return Locked(user, now), predecessors


def phone_hash(phone: str) -> bytes:
    """What an erased person leaves of their phone: it tells the same phone again, to who has the key, and no more."""
    return hmac.digest(keys.phone_hash_key(), phone.encode(), "sha256")


def carry_over_limits(user: User, predecessors: Sequence[int]) -> None:
    """Let a person just made go on with the codes that count against their phone, and end the trace that led to them.

    Else erasing oneself would be a way around every limit. Codes of known devices stay: those devices are gone.
    """
    LoginCode.objects.filter(user__in=predecessors, device=None).update(user=user)
    # Who asked for the same phone at the same moment may hold the old row and wait for the new one: never wait for
    # them. A trace that stays for it leads to nothing any more, and goes with time.
    free = User.objects.filter(pk__in=predecessors).select_for_update(skip_locked=True, no_key=True)
    User.objects.filter(pk__in=[former.pk for former in free]).update(erased_trace=None)


def disable(user: User) -> bool:
    """Let a person in no more: the account is off and every device ends at once. False if it was off already."""
    with transaction.atomic():
        locked = lock(user.pk)
        User.objects.filter(pk=user.pk).update(is_active=False)
        devices.revoke_all(locked.user, now=locked.now)
    user.is_active = False
    return locked.user.is_active


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


def revoke_devices(user: User) -> bool:
    """End every device of a person, session and trust. False if none was left."""
    with transaction.atomic():
        locked = lock(user.pk)
        return devices.revoke_all(locked.user, now=locked.now) > 0


def enable(user: User) -> bool:
    """Let a disabled person sign in again, on any device anew. False if they are not disabled, or erased for good."""
    disabled = User.objects.filter(pk=user.pk, is_active=False, erased_at=None)
    enabled = bool(disabled.update(is_active=True))
    user.is_active = user.is_active or enabled
    return enabled


def _one(statement: str, *values: str | int | bytes) -> tuple[Any, ...] | None:
    """The person whom this selects, and what it selects besides."""
    row = sql.fetch_optional(statement, values)
    if row is None:
        return None
    user, rest = loaded(User, row)
    return user, *rest
