"""Change of phone: a user proves a new number by a code sent to it, and keeps profile, invite code and vote.

The code belongs to the row of the new number, with a challenge for its user alone (`LoginCode.changing_user`). So all
limits of that number hold, and count it. Nobody learns who has the number except by a correct code, from its SMS.

The limits of both numbers stay with them. The row of the new number was that of an unverified user. It ends, and is the
tombstone that keeps the limits of the number before.
"""

from datetime import datetime

from django.db import transaction
from django.db.models import Case, Value, When
from django.utils.translation import gettext_noop as N_

from profiles import privacy, signup
from profiles.webhooks.models import Kind
from users import accounts, events, login_queries, phones
from users.login import challenges, devices, signin
from users.login.challenges import ChallengeIssued
from users.login.tokens import REUSE_INTERVAL
from users.models import Challenge, Device, LoginCode, User
from users.operators import history
from users.queries import lock_user


class OwnPhone(Exception):
    """It is the user's own number."""


class PhoneTaken(Exception):
    """Somebody else has the number. Told only after a correct code."""


class StaffPhone(Exception):
    """Only operators change this phone: the user is staff, so the admin knows the number, or has a test number."""


def request_code(
    device: Device, phone: str, *, now: datetime, address: str | None, language: str, challenge_id: str | None = None
) -> ChallengeIssued:
    """Send a code to this E.164 phone, to which the user of this device wants to change.

    It is a sign-up of that number in every other way: limits, cost and answer are the same, whoever has the number.

    Raises StaffPhone, FreshSignInRequired, OwnPhone, InvalidPhone for a test number, or TooManyRequests.
    """
    _require_ordinary(device.user)
    privacy.require_recent(device, now)
    if phone == device.user.phone:
        raise OwnPhone
    if phones.is_test_number(phone):  # it is nobody's, so this tells nothing of a person
        raise phones.InvalidPhone
    return signup.sign_up(
        phone, address=address, language=language, challenge_id=challenge_id, changing_user_id=device.user_id
    )


def confirm(device: Device, typed: str, challenge_id: str) -> None:
    """Compare the typed code, and give the user of this device the number that it was sent to, if it is correct.

    The attempt is consumed and committed before the comparison: never call this inside a transaction. Repeating it
    within REUSE_INTERVAL has the same outcome.

    Raises MalformedCode, InvalidCode, PhoneTaken, StaffPhone or TokenRevoked.
    """
    challenge = signin.compare_for_change(typed, challenge_id, device.user_id)
    with transaction.atomic():
        user, holder, now = _lock(device.user_id, challenge.login_code.user_id)
        privacy.require_session(user, device)
        _require_ordinary(user)
        is_free = _is_free(holder)
        if is_free:  # before any code is locked, see make_anonymous
            accounts.make_anonymous(LoginCode.objects.filter(user=user))
        if not login_queries.mark_used(challenge, device.session_id, now):
            return _repeat(user, challenge, now - REUSE_INTERVAL)
        if is_free:
            return _move(user, holder, device, challenge.login_code, now)
    raise PhoneTaken


def _require_ordinary(user: User) -> None:
    if user.is_staff or user.is_superuser or user.is_test:
        raise StaffPhone


def _lock(user_id: int, holder_id: int) -> tuple[User, User, datetime]:
    """Lock the user who changes and the one who has the number, the lower id first: they may change to each other's."""
    try:
        locked = {one: lock_user(one) for one in sorted({user_id, holder_id})}
    except User.DoesNotExist as error:  # a test user took over the number a moment ago
        raise signin.InvalidCode from error
    return locked[user_id].user, locked[holder_id].user, max(one.now for one in locked.values())


def _is_free(holder: User) -> bool:
    """Whether nobody has the number: it had no correct code yet. Operators may have disabled or promoted it."""
    return holder.phone is not None and holder.is_active and accounts.is_free(holder)


def _repeat(user: User, challenge: Challenge, since: datetime) -> None:
    """Do nothing if the user got the number by this code after `since`. Raises InvalidCode or PhoneTaken."""
    used = LoginCode.objects.filter(pk=challenge.login_code_id, used_at__gt=since).first()
    if used is None:
        raise signin.InvalidCode
    if used.user_id != user.pk:
        raise PhoneTaken


def _move(user: User, holder: User, device: Device, code: LoginCode, now: datetime) -> None:
    """Give the number of the unverified holder to the user. Call it with both rows locked."""
    before, after = user.phone or "", holder.phone
    of_numbers = LoginCode.objects.filter(user__in=[user, holder])
    accounts.end_codes(of_numbers, now)
    of_numbers.update(user=Case(When(user=user, then=Value(holder.pk)), default=Value(user.pk)))
    privacy.leave_tombstone(holder, before, now)
    user.phone = after
    user.save(update_fields=["phone"])
    devices.revoke_found(user.devices.exclude(pk=device.pk), now)
    challenges.send_notice(code, before, now)
    masked = {"before": phones.mask(before), "after": phones.mask(user.phone or "")}
    accounts.add_to_history(user, history.told(N_("Changed the phone from %(before)s to %(after)s."), **masked))
    events.emit(Kind.PHONE_CHANGED, {"user_id": user.pk}, user_id=user.pk)
