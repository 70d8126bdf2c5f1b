"""Export and erasure of a user's data, and the deletion of expired data."""

import logging
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from django.contrib.admin.models import LogEntry
from django.db import transaction
from django.db.models import QuerySet

from profiles import activation, activation_queries, exported, queries
from profiles.models import Activation, FailedActivation, Profile, WebhookDelivery
from profiles.webhooks import endpoints
from profiles.webhooks.models import Kind
from users import accounts, events, keyset, retention
from users.login import devices
from users.login.tokens import TokenRevoked
from users.models import NO_PASSWORD, Device, LoginCode, SmsDelivery, User
from users.operators import history, second_factor
from users.queries import lock_user

logger = logging.getLogger(__name__)

# What a masked phone has in its middle.
MASKED = "***"

# A line that `erasure_log_line` made.
ERASURE = re.compile(r"erased person (\d{1,18}) at (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{6})?\+00:00)")


class FreshSignInRequired(Exception):
    """The user must sign in by code again first, because this cannot be undone."""


def export(user: User) -> dict[str, Any]:
    """All data held on a user except secrets: plain values, and iterators of rows.

    Rows are read while the iterators are consumed: there may be hundreds of thousands of invitees or challenges.
    """
    profile = Profile.objects.select_related("activation__inviter").get(pk=user.pk)
    vote = getattr(profile, "activation", None)
    wrong = FailedActivation.objects.filter(user=user, created_at__gte=user.created_at)
    return {
        "person": _account(user),
        "profile": _values(profile, "invite_code invitations_count created_at"),
        "activation": vote and _vote(vote),
        "invitations": _invitations(user),
        "devices": exported.rows(
            user.devices, "id user_agent created_at signed_in_at refreshed_at ended_at trusted_until"
        ),
        **exported.codes(user),
        "wrong_invite_codes": exported.rows(wrong, "created_at"),
        "changes_by_operators": _changes(user),
        "webhooks": exported.rows(WebhookDelivery.objects.filter(user=user), "kind data created_at state finished_at"),
        "operator_logins": exported.rows(user.operator_logins, "created_at outcome address user_agent"),
        "deeds_as_operator": exported.rows(_deeds_of(user), "action_time action_flag content_type__model"),
    }


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

    A user who was created later is another one: the id may be in use again. So is one who signed in for the first time
    later: a change of phone, too, logs the end of a user who had only requested a code.
    """
    with transaction.atomic():
        try:
            user, now = lock_user(user_id)
        except User.DoesNotExist:
            return False
        if user.erased_at or max(user.created_at, user.verified_at or user.created_at) >= erased_at:
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
    endpoints.delete_old_deliveries(now)


def _erase(user: User, now: datetime) -> None:
    activation.lock_vote(user.pk)  # first: it may be refused
    devices.revoke_all(user, now)
    user.devices.update(user_agent="")
    codes = LoginCode.objects.filter(user=user)
    accounts.make_anonymous(codes)
    SmsDelivery.objects.filter(login_code__user=user).update(notice_phone=None)
    accounts.end_codes(codes, now)
    accounts.forget_changes(user, now)
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


def _changes(user: User) -> Iterator[dict[str, Any]]:
    """What operators did to the user, in words."""
    for entry in accounts.history(user).order_by("pk").iterator():
        told = {"change_message": history.in_words(entry)}
        yield {"action_time": entry.action_time, "action_flag": entry.action_flag, **told}


def _deeds_of(user: User) -> QuerySet[LogEntry]:
    """What the user did as an operator, without notes about themselves. The export does not name whom it affected."""
    return LogEntry.objects.filter(user=user).exclude(pk__in=accounts.history(user).values("pk"))


def _account(user: User) -> dict[str, Any]:
    columns = "id phone created_at verified_at last_login is_active is_staff is_superuser is_test"
    return {
        **_values(user, columns),
        "groups": list(user.groups.values_list("name", flat=True)),
        "permissions": list(user.user_permissions.values_list("codename", flat=True)),
    }


def _vote(vote: Activation) -> dict[str, Any]:
    return {
        "activated_invite": vote.inviter.invite_code,
        "activated_at": vote.created_at,
        "receipt_nonce": vote.nonce and bytes(vote.nonce).hex(),
        "receipt": vote.receipt and bytes(vote.receipt).hex(),
    }


def _invitations(user: User) -> Iterator[dict[str, Any]]:
    votes: QuerySet[Any] = queries.invitations_of(user)
    for row in keyset.read(votes.values("phone", "created_at", "invitee_id"), ("created_at", "invitee_id")):
        yield {"phone": row["phone"], "activated_at": row["created_at"]}


def _values(row: Any, names: str) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names.split()}
