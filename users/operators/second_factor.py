"""The second factor of operators: codes of an authenticator (TOTP, RFC 6238) and recovery codes, by django-otp.

**Guessing is bounded.** Only somebody who knows the password is asked for a code. A code has 6 digits. It is valid for
its own 30 seconds, the 30 before and the 30 after. So three codes are valid at a time, and a guess is right with a
probability of 3 in a million.

These limits count wrong codes of one operator, exactly, because the row of the operator's device is locked meanwhile:

- 5 from one IPv4 address or IPv6 /64 in 30 minutes, as with passwords. Then that pair of operator and network is
  locked.
- 100 in 24 hours from all networks that are not known, and 200 from all that are: those from which the operator has
  logged in with the second factor in the last 30 days. What a network was when it guessed does not change later.

So there are at most 300 guesses in any 24 hours, and the expected number of successes is at most 0.0009.

**Nobody is locked out.** A stranger who knows the password can use up the limit for unknown networks, and that for
known ones only from such a network. A recovery code is accepted at any time: see `random_codes`.

Recovery codes are stored as hashes. The secret of an authenticator must be stored as it is.
"""

import re
from base64 import b32encode
from datetime import datetime

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils import timezone
from django_otp.models import Device
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from users.clock import DAY
from users.models import User
from users.operators import enrolment, logins, random_codes
from users.operators.logins import Client, Outcome
from users.operators.models import OperatorLogin, PhoneSearch
from users.queries import database_now, lock_user
from users.retention import ADDRESSES_FOR, BATCH

# Wrong codes of one operator in 24 hours, from networks that are not known and from those that are.
UNKNOWN_A_DAY = 100
KNOWN_A_DAY = 200

# Recovery codes that an operator gets at a time.
RECOVERY_CODES = 10

# Bytes of a hash that fit the column of a recovery code, which has 16 characters: 80 bits.
HASH_BYTES = 10

# Other texts are read as recovery codes.
_TOTP_CODE = re.compile("[0-9]{6}")


class WrongCode(Exception):
    """The code is wrong, expired or used."""


class WrongToken(Exception):
    """The token that lets an operator set up the second factor is wrong, expired or used."""


class Locked(Exception):
    """Too many codes were wrong. A recovery code would be accepted."""


def is_enrolled(user: User) -> bool:
    return bool(TOTPDevice.objects.devices_for_user(user, confirmed=True).exists())


def is_required() -> bool:
    return bool(settings.ADMIN_SECOND_FACTOR == "required")


def needs_token(user: User) -> bool:
    """Whether this operator can set up the second factor only with a token."""
    return is_required() and not is_enrolled(user)


def token_to_set_up(user: User) -> str:
    """A new token for setting up the second factor. Empty if this operator needs none."""
    return enrolment.issue(user) if needs_token(user) else ""


def enrol(user: User, secret: str, code: str, token: str = "") -> tuple[TOTPDevice, list[str]]:
    """Turn the second factor on, if the code is right for this secret. Returns the recovery codes.

    Where it is required, the token must be right too. It stays valid if the code is wrong.

    Raises WrongToken, or WrongCode, also if it is on already (a parallel request was first).
    """
    with transaction.atomic():
        lock_user(user.pk)
        if is_enrolled(user):
            raise WrongCode
        if is_required() and not enrolment.use(user, token):
            raise WrongToken
        enrolment.withdraw(user)  # one that was made while it was required
        device = TOTPDevice.objects.create(user=user, name="authenticator", key=secret)
        if not _TOTP_CODE.fullmatch(cleaned := random_codes.clean(code)) or not device.verify_token(cleaned):
            raise WrongCode
        return device, new_recovery_codes(user)


def verify(user: User, code: str, client: Client) -> Device:
    """The device that accepts the code, which is used then. A wrong code is recorded.

    Raises WrongCode or Locked.
    """
    cleaned = random_codes.clean(code)
    if not _TOTP_CODE.fullmatch(cleaned):
        return _verify_recovery_code(user, cleaned, client)
    with transaction.atomic():
        device = TOTPDevice.objects.filter(user=user, confirmed=True).select_for_update().first()
        if device is None:
            raise WrongCode
        now = database_now()
        since = max(device.created_at or now, now - ADDRESSES_FOR)
        is_known = logins.is_known(user, client.network, since)
        if locked := _is_locked(user, client, now, is_known=is_known):
            logins.record_bounded(user, Outcome.LOCKED, client)
        elif device.verify_token(cleaned):
            return device
        else:
            logins.record(user, Outcome.WRONG_CODE, client, is_known=is_known)
    raise Locked if locked else WrongCode


def _is_locked(user: User, client: Client, now: datetime, *, is_known: bool) -> bool:
    pair = logins.wrong_codes(user, now - settings.AXES_COOLOFF_TIME, network=client.network)
    a_day = logins.wrong_codes(user, now - DAY, is_known=is_known)
    return pair >= settings.AXES_FAILURE_LIMIT or a_day >= (KNOWN_A_DAY if is_known else UNKNOWN_A_DAY)


def _verify_recovery_code(user: User, cleaned: str, client: Client) -> Device:
    with transaction.atomic():
        device = StaticDevice.objects.filter(user=user, confirmed=True).select_for_update().first()
        if device and device.verify_token(_hash(cleaned)):
            return device
    logins.record_bounded(user, Outcome.WRONG_CODE, client)
    raise WrongCode


def new_recovery_codes(user: User) -> list[str]:
    """Replace the recovery codes. These are the only copy: the database has their hashes."""
    codes = [random_codes.generate() for _ in range(RECOVERY_CODES)]
    with transaction.atomic():
        lock_user(user.pk)
        # The device stays: a session that it verified goes on.
        device, _ = StaticDevice.objects.select_for_update().get_or_create(user=user, name="recovery codes")
        device.token_set.all().delete()
        StaticToken.objects.bulk_create(StaticToken(device=device, token=_hash(code)) for code in codes)
    return [random_codes.grouped(code) for code in codes]


def recovery_codes_left(user: User) -> int:
    device = StaticDevice.objects.filter(user=user).first()
    return device.token_set.count() if device else 0


def turn_off(user: User) -> bool:
    """Delete the authenticator and the recovery codes. False if there were none."""
    with transaction.atomic():
        lock_user(user.pk)
        StaticDevice.objects.filter(user=user).delete()
        return bool(TOTPDevice.objects.filter(user=user).delete()[0])


def reset(user: User) -> bool:
    """Turn the second factor off and end all of the operator's sessions in the admin. False if it was off."""
    with transaction.atomic():
        was_on = turn_off(user)
        end_sessions(user)
    return was_on


def end_sessions(user: User) -> int:
    """End all of the operator's sessions in the admin. Returns how many. Call it with the user's row locked.

    In batches: whoever has the password can begin many log-ins, and one statement takes 65,535 keys at most.
    """
    live, last, number = Session.objects.filter(expire_date__gt=timezone.now()).order_by("pk"), "", 0
    while sessions := list(live.filter(pk__gt=last)[:BATCH]):
        last = sessions[-1].pk
        ended = [one.pk for one in sessions if one.get_decoded().get(SESSION_KEY) == str(user.pk)]
        number += Session.objects.filter(pk__in=ended).delete()[0]
    return number


def forget(user: User) -> None:
    """Delete what is kept of an operator, because the user is erased. Sessions end, because the user is disabled."""
    StaticDevice.objects.filter(user=user).delete()
    TOTPDevice.objects.filter(user=user).delete()
    OperatorLogin.objects.filter(user=user).delete()
    PhoneSearch.objects.filter(operator=user).delete()
    enrolment.withdraw(user)


def _hash(code: str) -> str:
    """What the database has in place of a recovery code."""
    return b32encode(random_codes.digest("recovery code", code)[:HASH_BYTES]).decode()
