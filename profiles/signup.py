"""From a phone to a person with a profile."""

from __future__ import annotations

from datetime import datetime

from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction
from django.utils.translation import gettext

from profiles import invite_codes
from profiles.models import Miss
from users import accounts, sql
from users.accounts import Locked
from users.login import challenges
from users.login.challenges import ChallengeIssued
from users.models import User


def sign_up(
    phone: str,
    *,
    address: str | None,
    language: str,
    device_token: str | None = None,
    challenge_id: str | None = None,
    now: datetime | None = None,
) -> ChallengeIssued:
    """Give whoever holds this E.164 phone a challenge, and make the person first if they are new.

    The answer is the same for a known and an unknown phone. Person, profile, code and SMS job commit together.

    Raises TooManyRequests.
    """
    with transaction.atomic():
        locked = lock_or_create(phone)
        return challenges.request_code(
            locked.user,
            now=now or locked.now,
            address=address,
            language=language,
            device_token=device_token,
            challenge_id=challenge_id,
        )


def lock_or_create(phone: str) -> Locked:
    """The locked person of this phone, made with their profile if they are new. Call it in a transaction."""
    while True:
        locked = accounts.lock_by_phone(phone)
        if locked is not None:
            return locked
        created = accounts.create(phone)
        if created is not None:
            locked, predecessors = created
            _create_profile(locked.user)
            if predecessors:
                accounts.carry_over_limits(locked.user, predecessors)
                Miss.objects.filter(user__in=predecessors).update(user=locked.user)
            return locked


def make_operator(phone: str, password: str) -> User:
    """Make this E.164 phone's person a superuser with a password for the admin; they keep profile and vote.

    The admin's history tells of it as if they had done it themselves: nobody else is known at the command line.
    """
    with transaction.atomic():
        user = lock_or_create(phone).user
        user.is_active = True
        user.set_password(password)
        user.save(update_fields=["is_active", "password"])
        accounts.set_role(user, is_staff=True, is_superuser=True)
        said = gettext("Made a superuser, with a new password, at the command line.")
        LogEntry.objects.log_actions(user.pk, [user], CHANGE, said, single_object=True)
    return user


_INSERT = """
INSERT INTO profiles_profile (user_id, invite_code) VALUES (%s, %s)
ON CONFLICT (invite_code) DO NOTHING RETURNING user_id
"""


def _create_profile(user: User) -> None:
    """Two people may draw the same code (one sign-up in a thousand, at a million people): draw until it is free."""
    while not sql.fetch_optional(_INSERT, [user.pk, invite_codes.generate()]):
        pass
