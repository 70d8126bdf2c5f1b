"""Erasure of a user's data, and the deletion of expired data."""

import logging
import re
from collections.abc import Iterable, Iterator
from datetime import datetime

from django.db import transaction
from django.db.models import F, QuerySet

from profiles import activation, activation_queries
from profiles.models import FailedActivation
from profiles.webhooks import endpoints
from profiles.webhooks.models import Kind
from users import accounts, events, keyset, retention
from users.login import devices
from users.login.tokens import TokenRevoked
from users.models import NO_PASSWORD, Device, LoginCode, SmsDelivery, User
from users.operators import second_factor
from users.queries import lock_user

logger = logging.getLogger(__name__)

# What a masked phone has in its middle.
MASKED = "***"

# A line that `erasure_log_line` made.
ERASURE = re.compile(r"erased person (\d{1,18}) at (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{6})?\+00:00)")


class FreshSignInRequired(Exception):
    """The user must sign in by code again first, because this cannot be undone."""


def erase(device: Device) -> None:
    """Erase the user of this device. A tombstone stays with the votes they received.

    Their own vote is deleted. Otherwise one SIM card could vote without end. Raises FreshSignInRequired unless the
    device signed in by code within devices.RECENT_FOR, or TokenRevoked if the user was disabled or the device revoked
    meanwhile.
    """
    with transaction.atomic():
        user, now = lock_user(device.user_id)
        require_session(user, device)
        require_recent(device, now)
        _erase(user, now)


def require_session(user: User, device: Device) -> None:
    """Raise TokenRevoked if the user was disabled or the device revoked. Call it with the user's row locked."""
    if not user.is_active or not user.devices.filter(pk=device.pk, ended_at=None).exists():
        raise TokenRevoked


def require_recent(device: Device, now: datetime) -> None:
    """Raise FreshSignInRequired unless the device signed in by code within devices.RECENT_FOR."""
    if not devices.is_recent(device, now):
        raise FreshSignInRequired


def erase_by_operator(user_id: int) -> bool:
    """Erase a user for an operator. False if they are erased already."""
    with transaction.atomic():
        user, now = lock_user(user_id)
        if user.erased_at:
            return False
        _erase(user, now)
        return True


def repeat_erasure(user_id: int, erased_at: datetime) -> bool:
    """Erase a user again who was erased at that time and is back from a backup. False if there is none.

    A user who was created later is another one: the id may be in use again. Nor is a user erased whose first sign-in
    was later: a change of phone logs an erasure of a user who had only requested a code.
    """
    with transaction.atomic():
        try:
            user, now = lock_user(user_id)
        except User.DoesNotExist:
            return False
        if user.erased_at or (user.verified_at or user.created_at) >= erased_at:
            return False
        _erase(user, now)
        return True


def repeat_erasures(lines: Iterable[str]) -> tuple[int, int]:
    """Repeat the erasures that these lines of an erasure log, or of a log of the service, tell of.

    Returns the number of erasures in the log, and the number of users that were erased now.
    """
    entries = {entry for line in lines for entry in ERASURE.findall(line)}
    erased = sum(repeat_erasure(int(user_id), datetime.fromisoformat(at)) for user_id, at in sorted(entries))
    return len(entries), erased


def erasure_log() -> Iterator[str]:
    """The erasure log: who was erased and when, without personal data. The lines that erasures log, oldest first."""
    erased = User.objects.filter(erased_at__isnull=False).values("erased_at", "pk")
    for row in keyset.read(erased, ("erased_at", "pk")):
        yield erasure_log_line(row["pk"], row["erased_at"])


def erasure_log_line(user_id: int, erased_at: datetime) -> str:
    """One line of the erasure log, also written to the service's log. `manage.py erasures --again` reads it."""
    return f"erased person {user_id} at {erased_at.isoformat()}"


def purge(now: datetime) -> None:
    """Delete expired data of users and profiles."""
    retention.delete_expired(now)
    expired = FailedActivation.objects.filter(created_at__lt=now - activation.FAILED_ACTIVATIONS_FOR)
    retention.in_batches(expired, QuerySet.delete)
    # A request for a change that was in progress during the erasure of its user may have committed its code after it.
    late = LoginCode.objects.filter(changing_user__erased_at__isnull=False).exclude(changing_user=F("user"))
    retention.in_batches(late, lambda codes: accounts.forget_changes(codes, now))
    endpoints.delete_old_deliveries(now)


def _erase(user: User, now: datetime) -> None:
    activation.lock_vote(user.pk)  # first: it may be refused
    devices.revoke_all(user, now)
    user.devices.update(user_agent="")
    codes = LoginCode.objects.filter(user=user)
    accounts.make_anonymous(codes)
    SmsDelivery.objects.filter(login_code__user=user).update(notice_phone=None)
    accounts.end_codes(codes, now)
    accounts.forget_changes(LoginCode.objects.filter(changing_user=user), now)
    user.groups.clear()
    user.user_permissions.clear()
    # The user's own notes are of changed phones.
    accounts.history(user).filter(user=user, change_message__contains=MASKED).update(change_message="")
    second_factor.forget(user)  # whoever was an operator once has rows too
    activation_queries.delete_activation(user.pk)
    # After the release of the vote, which names the user too: receivers then erase what they have stored.
    events.emit(Kind.ERASED, {"user_id": user.pk}, user_id=user.pk)
    leave_tombstone(user, user.phone or "", now)


def leave_tombstone(user: User, phone: str, now: datetime) -> None:
    """Take phone and rights from a user, and log that they are erased. The limits of this E.164 phone stay with them.

    The next user of the phone takes the limits over.
    """
    User.objects.filter(pk=user.pk).update(
        phone=None,
        erased_at=now,
        erased_phone_hash=accounts.phone_hash(phone),
        password=NO_PASSWORD,
        is_active=False,
        is_staff=False,
        is_superuser=False,
    )
    accounts.history(user).update(object_repr=f"erased user, ID {user.pk}")
    # Outside the database too: a backup does not contain the erasures after it.
    transaction.on_commit(lambda: logger.info(erasure_log_line(user.pk, now)))
