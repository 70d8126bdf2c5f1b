"""What a person may take with them, and what is left when they go."""

from __future__ import annotations

from typing import Any

from django.db import connection, transaction

from profiles.models import Miss, Profile
from users import devices, people
from users.models import NO_PASSWORD, Challenge, Device, LoginCode, SmsDelivery, User
from users.tokens import TokenRevoked


class FreshSignInRequired(Exception):
    """The person must sign in by code again before this, which cannot be undone."""


def export(user: User) -> dict[str, Any]:
    """Everything held on a person, as plain values. Phones of others are in the pages of invitations, not here."""
    profile = Profile.objects.select_related("activation__inviter").get(pk=user.pk)
    vote = getattr(profile, "activation", None)
    return {
        "person": _values(user, "id phone created_at verified_at last_login is_active is_staff is_superuser"),
        "profile": _values(profile, "invite_code invitations_count created_at"),
        "activation": vote and {"activated_invite": vote.inviter.invite_code, "activated_at": vote.created_at},
        "devices": _rows(
            user.devices.order_by("pk"), "id user_agent created_at signed_in_at refreshed_at ended_at trusted_until"
        ),
        "login_codes": _rows(
            user.login_codes.order_by("pk"), "id language challenges wrong created_at sent_at expires_at used_at"
        ),
        "challenges": _rows(
            Challenge.objects.filter(login_code__user=user).order_by("pk"), "login_code_id address attempts created_at"
        ),
        "sms": _rows(
            SmsDelivery.objects.filter(login_code__user=user).order_by("pk"),
            "login_code_id address country gateway state created_at finished_at",
        ),
        "wrong_invite_codes": _rows(Miss.objects.filter(user=user).order_by("pk"), "created_at"),
    }


def erase(device: Device) -> None:
    """Erase the person who signed in on this device; what stays is a tombstone with the votes they received.

    Their own vote is taken back with them: else one SIM could vote without end.

    Raises FreshSignInRequired unless the device signed in by code within the last devices.FRESH_FOR, or TokenRevoked
    if person or device was ended meanwhile.
    """
    with transaction.atomic():
        user, now = people.lock(device.user_id)
        if not user.is_active or not user.devices.filter(pk=device.pk, ended_at=None).exists():
            raise TokenRevoked
        if not devices.is_fresh(device, now):
            raise FreshSignInRequired
        devices.end_all(user, now)
        user.devices.update(user_agent="")
        # Challenges before codes: a guess, which does not wait for the person's lock, takes them in this order too.
        Challenge.objects.filter(login_code__user=user).update(address=None)
        live = LoginCode.objects.filter(user=user, expires_at__gt=now)
        live.update(closed_at=now, expires_at=now)
        SmsDelivery.objects.filter(login_code__user=user).update(address="", prefix="")
        Miss.objects.filter(user=user).delete()
        user.groups.clear()
        user.user_permissions.clear()
        User.objects.filter(pk=user.pk).update(
            phone=None, erased_at=now, password=NO_PASSWORD, is_active=False, is_staff=False, is_superuser=False
        )
        _take_back_vote(user)


_TAKE_BACK = """
WITH vote AS (DELETE FROM profiles_activation WHERE invitee_id = %s RETURNING inviter_id)
UPDATE profiles_profile AS profile SET invitations_count = invitations_count - 1
  FROM vote WHERE profile.user_id = vote.inviter_id
"""


def _take_back_vote(user: User) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_BACK, [user.pk])


def _values(row: Any, names: str) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names.split()}


def _rows(queryset: Any, names: str) -> list[dict[str, Any]]:
    return list(queryset.values(*names.split()))
