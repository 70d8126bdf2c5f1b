"""Sign-up: from a phone to a user with a profile."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_noop as N_

from profiles import invite_codes, signup_queries
from profiles.models import FailedActivation
from profiles.signup_queries import NewUser
from users import accounts, phones
from users.login import challenges, decisions, devices, network_places, sms_limits, test_numbers
from users.login.challenges import ChallengeIssued
from users.models import User
from users.operators import history
from users.queries import database_now, lock_phone


def sign_up(
    phone: str,
    *,
    address: str | None,
    language: str,
    device_token: str | None = None,
    challenge_id: str | None = None,
    changing_user_id: int | None = None,
    now: datetime | None = None,
) -> ChallengeIssued:
    """Give the client a challenge for this E.164 phone. Creates the user if the phone is new.

    With `changing_user_id` the code does not sign in: this user can change to the phone by it.

    The answer is the same for a known and an unknown phone. User, profile, code and SMS commit together.

    Raises TooManyRequests, or Busy while others of the client's network sign up.
    """
    if phones.is_test_number(phone):
        issued = _sign_up_test_user(phone, address, language, challenge_id, now)
        if issued is not None:
            return issued
    phone_hash = accounts.phone_hash(phone)
    with network_places.place(address), transaction.atomic():
        costs = sms_limits.costs(phone, address, now)
        decisions.refuse_early(phone, costs, device_token, challenge_id, changing_user_id)
        while True:
            found = lock_phone(phone, phone_hash)
            user, locked_at = found.user or User(phone=phone), now or found.now
            device = devices.find_trusted(user, device_token, locked_at) if found.user else None
            decision = decisions.decide_code(
                user, costs, locked_at, device, challenge_id, found.former, changing_user_id
            )
            decisions.refuse(decision)
            if not found.user:
                created = _create(phone, phone_hash, locked_at)
                if created is None or created.former != found.former:
                    continue  # somebody signed up or erased themselves meanwhile, and their codes count
                user = created.user
            return challenges.issue(decision, user, address, language)


def _sign_up_test_user(
    phone: str, address: str | None, language: str, challenge_id: str | None, now: datetime | None
) -> ChallengeIssued | None:
    """`sign_up` with a test number. None if a user has verified it who is no test user.

    A user who requested a code before it was a test number, and never entered one, is replaced: `is_test` never
    changes.
    """
    with network_places.place(address), transaction.atomic():
        costs = sms_limits.costs(phone, address, now)
        user = lock_or_create(phone)
        if not user.is_test and accounts.is_unused(user):
            user.delete()
            user = lock_or_create(phone)
        if not user.is_test:
            return None
        return test_numbers.issue(user, costs, address, language, challenge_id, now or database_now())


def lock_or_create(phone: str) -> User:
    """The locked user of this phone, created with a profile if the phone is new. Call it in a transaction."""
    phone_hash = accounts.phone_hash(phone)
    while True:
        found = lock_phone(phone, phone_hash)
        if found.user is not None:
            return found.user
        created = _create(phone, phone_hash, found.now)
        if created is not None:
            return created.user


def _create(phone: str, phone_hash: bytes, now: datetime) -> NewUser | None:
    """Insert the user of a new phone with a profile, and carry over the limits of former users with this phone.

    None if another transaction was first.
    """
    created = signup_queries.insert_user(phone, phone_hash, invite_codes.generate(), now)
    if created is not None:
        user, has_profile, former = created
        # Random codes collide: at a million users, one sign-up in a thousand draws a code that is in use.
        while not has_profile:
            has_profile = signup_queries.insert_profile(user.pk, invite_codes.generate())
        if former:
            accounts.carry_over_limits(user, former)
            FailedActivation.objects.filter(user__in=former).update(user=user)
    return created


def make_operator(phone: str, password: str) -> User:
    """Make the user of this E.164 phone a superuser with a password for the admin. They keep profile and vote.

    The admin's history records it as the user's own action: nobody else is known at the command line. Raises
    IsTestUser.
    """
    with transaction.atomic():
        user = lock_or_create(phone)
        user.is_active = True
        user.set_password(password)
        user.save(update_fields=["is_active", "password"])
        accounts.set_role(user, is_staff=True, is_superuser=True)
        accounts.add_to_history(user, history.told(N_("Made a superuser, with a new password, at the command line.")))
    return user
