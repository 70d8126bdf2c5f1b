"""Sign-up: from a phone to a user with a profile."""

from datetime import datetime

from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction
from django.utils.translation import gettext

from profiles import invite_codes, queries
from profiles.models import FailedActivation
from users import accounts
from users.login import challenges
from users.login.challenges import ChallengeIssued
from users.models import User
from users.queries import LockedUser, insert_user, lock_user_by_phone


def sign_up(
    phone: str,
    *,
    address: str | None,
    language: str,
    device_token: str | None = None,
    challenge_id: str | None = None,
    now: datetime | None = None,
) -> ChallengeIssued:
    """Give the client a challenge for this E.164 phone. Creates the user if the phone is new.

    The answer is the same for a known and an unknown phone. User, profile, code and SMS job commit together.

    Raises TooManyRequests.
    """
    with transaction.atomic():
        user, locked_at = lock_or_create(phone)
        return challenges.request_code(
            user,
            now=now or locked_at,
            address=address,
            language=language,
            device_token=device_token,
            challenge_id=challenge_id,
        )


def lock_or_create(phone: str) -> LockedUser:
    """The locked user of this phone, created with a profile if the phone is new. Call it in a transaction."""
    while True:
        locked = lock_user_by_phone(phone)
        if locked is not None:
            return locked
        created = insert_user(phone, accounts.phone_hash(phone))
        if created is not None:
            locked, predecessors = created
            # Random codes collide: at a million users, one sign-up in a thousand draws a code that is in use.
            while not queries.insert_profile(locked.user.pk, invite_codes.generate()):
                pass
            if predecessors:
                accounts.carry_over_limits(locked.user, predecessors)
                FailedActivation.objects.filter(user__in=predecessors).update(user=locked.user)
            return locked


def make_operator(phone: str, password: str) -> User:
    """Make the user of this E.164 phone a superuser with a password for the admin. They keep profile and vote.

    The admin's history records it as the user's own action: nobody else is known at the command line.
    """
    with transaction.atomic():
        user = lock_or_create(phone).user
        user.is_active = True
        user.set_password(password)
        user.save(update_fields=["is_active", "password"])
        accounts.set_role(user, is_staff=True, is_superuser=True)
        message = gettext("Made a superuser, with a new password, at the command line.")
        LogEntry.objects.log_actions(user.pk, [user], CHANGE, message)
    return user
