"""Disabling, enabling and promoting users, their history in the admin, and what an erasure leaves behind."""

import hmac
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import BigIntegerField, Case, F, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce, Least
from django.utils.translation import gettext

from users import keys, phones
from users.login import codes, devices
from users.models import Challenge, LoginCode, SmsDelivery, User
from users.operators import entries, second_factor
from users.queries import lock_user
from users.retention import in_batches


class IsTestUser(Exception):
    """A user with a test number cannot be an operator: anybody may know the code."""


def phone_hash(phone: str) -> bytes:
    """The erased-phone hash: with the key it identifies the same phone again, and nothing more."""
    return hmac.digest(keys.phone_hash_key(), phone.encode(), "sha256")


def carry_over_limits(user: User, predecessors: Sequence[int]) -> None:
    """Move the codes that count against a phone to its new user, and delete the hash that identified the old ones.

    Otherwise erasing oneself would be a way around every limit. Codes of known devices keep their device, which is none
    of the new user's: it tells that their SMS were not to unknown devices.
    """
    own = When(changing_user=F("user"), then=Value(user.pk))
    changing_user = Case(own, default="changing_user", output_field=BigIntegerField())
    LoginCode.objects.filter(user__in=predecessors).update(user=user, changing_user=changing_user)
    # A parallel request for the same phone may hold the old row and wait for the new one, so never wait for it. A hash
    # that stays because of it matches nothing any more, and is deleted later.
    unlocked = User.objects.filter(pk__in=predecessors).select_for_update(skip_locked=True, no_key=True)
    User.objects.filter(pk__in=[former.pk for former in unlocked]).update(erased_phone_hash=None)


def make_anonymous(login_codes: QuerySet[LoginCode]) -> None:
    """Delete what the challenges and SMS of these codes hold of people. They still count against limits.

    The challenges of other users, who wanted to change to the phone, stay: they hold nothing of its user. Those of a
    test user keep their addresses, because only the limits by network bound how often a test number signs in.
    """
    # Challenges before codes, the order of an attempt, which does not wait for the user's lock.
    own = login_codes.filter(Q(changing_user=None) | Q(changing_user=F("user")))
    challenges = Challenge.objects.filter(login_code__in=own.values("pk"))
    # Strangers can make hundreds of thousands of them in a day, which one statement does not change in its time.
    in_batches(challenges.filter(login_code__length=codes.LONG), QuerySet.delete)  # their codes keep the count
    challenges.filter(address__isnull=False, login_code__user__is_test=False).update(address=None)
    SmsDelivery.objects.filter(login_code__in=login_codes.values("pk")).update(
        address="", prefix="", client_address=None, gateway_ref="", request_id=""
    )


def end_codes(codes: QuerySet[LoginCode], now: datetime) -> None:
    """Let none of these codes be used from `now` on. Call it with the rows of their users locked."""
    codes.filter(expires_at__gt=now).update(closed_at=now, expires_at=now)
    codes.filter(closed_at=None).update(closed_at=now)


def forget_changes(changes: QuerySet[LoginCode], now: datetime) -> None:
    """End codes by which erased users could change to other numbers. They still count against those numbers.

    They become codes of a change by the number's own user. As closed sign-in codes, their SMS would delay the next
    sign-in of that user. A correct code that did not give the number becomes an unused one: the export of the number's
    user has the addresses of used ones.
    """
    changes.update(
        changing_user=F("user"),
        closed_at=Coalesce("closed_at", now),
        expires_at=Least("expires_at", now),
        used_at=Case(When(user=F("changing_user"), then="used_at")),
    )


def disable(user: User) -> bool:
    """Disable the account, revoke all its devices and end its sessions in the admin. False if it was disabled already.

    A session that is only refused would live again when the account is enabled.
    """
    with transaction.atomic():
        locked = lock_user(user.pk)
        User.objects.filter(pk=user.pk).update(is_active=False)
        devices.revoke_all(locked.user, now=locked.now)
        _end_admin_sessions(locked.user)
    user.is_active = False
    return locked.user.is_active


def enable(user: User) -> bool:
    """Let a disabled user sign in again; no device is known. False if they are not disabled, or are erased."""
    disabled = User.objects.filter(pk=user.pk, is_active=False, erased_at=None)
    enabled = bool(disabled.update(is_active=True))
    user.is_active = user.is_active or enabled
    return enabled


def may_be_operator(user: User) -> bool:
    """Whether this user is neither a test user nor has the phone of one."""
    return not user.is_test and not (user.phone and phones.is_test_number(user.phone))


def set_role(user: User, **flags: bool) -> None:
    """Set `is_staff` or `is_superuser` of a user who is not erased.

    Operators get long codes on unknown devices, so this ends their valid short codes. Raises IsTestUser.

    Without `is_staff`, the sessions in the admin end: they would live again with the role.
    """
    if any(flags.values()) and not may_be_operator(user):
        raise IsTestUser
    with transaction.atomic():
        locked = lock_user(user.pk)
        User.objects.filter(pk=user.pk, erased_at=None).update(**flags)
        if not flags.get("is_staff", True):
            _end_admin_sessions(locked.user)
        valid = LoginCode.objects.filter(user=user, used_at=None, expires_at__gt=locked.now)
        valid.filter(device=None, length=codes.SHORT).update(closed_at=locked.now, expires_at=locked.now)


def revoke_devices(user: User) -> bool:
    """Revoke all devices of a user, session and trust, and end the sessions in the admin. False if none was left."""
    with transaction.atomic():
        locked = lock_user(user.pk)
        return _end_admin_sessions(locked.user) + devices.revoke_all(locked.user, now=locked.now) > 0


def _end_admin_sessions(user: User) -> int:
    """Those of whoever is an operator or was one: others never had a password. Returns how many."""
    return second_factor.end_sessions(user) if user.is_staff or user.has_usable_password() else 0


def is_free(user: User) -> bool:
    """Whether another user may get the phone of this one, who has neither verified it nor a role."""
    return user.verified_at is None and not user.is_staff and not user.is_superuser


def is_unused(user: User) -> bool:
    """Whether nothing needs the row of this user: it is free, and the history has nothing that they did as operator."""
    return is_free(user) and not LogEntry.objects.filter(user=user).exists()


def history(user: User) -> QuerySet[LogEntry]:
    """The history of this user in the admin: what operators did to them. Its rows have the masked phone."""
    return LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(User), object_id=str(user.pk))


def add_to_history(user: User, *told: dict[str, Any]) -> None:
    """Record this in the history of a user as their own action. At the command line, nobody else is known.

    The sentences come from `users.operators.history`.
    """
    LogEntry.objects.log_actions(user.pk, [user], CHANGE, list(told))


def log_full_phones_viewed(by: User, where: str) -> None:
    """Record in the admin's log who viewed full phone numbers in a place that is not one user's page.

    Raises TooManyEntries.
    """
    entries.check(by.pk)
    LogEntry.objects.create(
        user_id=by.pk, object_repr=where[:200], action_flag=CHANGE, change_message=gettext("Saw full phone numbers.")
    )
