"""Answering a challenge: a right code opens a session."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.db.models import F

from users import codes, devices, people, tokens
from users.clock import ClockTimestamp
from users.models import Challenge, LoginCode, User
from users.tokens import TokenPair


class InvalidCode(Exception):
    """Wrong, expired, used or unknown: one answer. `attempts_left` only where the challenge is live."""

    def __init__(self, attempts_left: int | None = None) -> None:
        self.attempts_left = attempts_left
        super().__init__()


class MalformedCode(Exception):
    """Not `length` digits (None: of no length there is). Nothing was charged."""

    def __init__(self, length: int | None) -> None:
        self.length = length
        super().__init__()


class AccountDisabled(Exception):
    """The code was right, but the person may not come in."""


@dataclass(frozen=True)
class SignedIn:
    tokens: TokenPair
    device_token: str
    created: bool


def sign_in(
    typed: str,
    *,
    challenge_id: str = "",
    remembered_challenge_id: str = "",
    phone: str = "",
    address: str | None = None,
    user_agent: str = "",
    now: datetime | None = None,
) -> SignedIn:
    """Compare the typed code and open a session if it is right.

    The challenge is `challenge_id`; else the one that the client's cookie remembers, if `phone` (E.164) is empty or
    its phone; else, with `phone`, the newest live one of the typed length with attempts left that this address asked
    for, on no known device: an address may be shared with strangers. The attempt is charged and committed before the
    comparison: never call this inside a transaction.

    Raises MalformedCode, InvalidCode or AccountDisabled.
    """
    challenge = _find(challenge_id, remembered_challenge_id, phone, len(_plain(typed)), address, now)
    typed = _digits(typed, challenge)
    if challenge is None:
        raise InvalidCode
    code = challenge.login_code
    attempts_left = _charge(challenge, now)
    if not codes.matches(typed, code.nonce, code.digits):
        raise InvalidCode(attempts_left)
    with transaction.atomic():
        locked = people.lock(code.user_id)
        now = now or locked.now
        _use(code, now)
        if locked.user.is_active:
            return _open_session(locked.user, code, user_agent, now)
    raise AccountDisabled


def _find(
    challenge_id: str, remembered_id: str, phone: str, digits: int, address: str | None, now: datetime | None
) -> Challenge | None:
    challenges = Challenge.objects.select_related("login_code__user", "login_code__device")
    public_id = challenge_id or remembered_id
    if public_id:
        challenge = challenges.filter(public_id=public_id).first()
        if challenge_id or not phone or (challenge and challenge.login_code.user.phone == phone):
            return challenge
    if not phone:
        return None
    return (
        challenges.filter(
            login_code__user__phone=phone,
            login_code__device=None,
            login_code__digits=digits,
            login_code__used_at=None,
            login_code__expires_at__gt=now or ClockTimestamp(),
            attempts__lt=codes.MAX_ATTEMPTS,
            address=address,
        )
        .order_by("-created_at", "-pk")
        .first()
    )


def _plain(typed: str) -> str:
    return re.sub(r"[\s-]", "", typed)


def _digits(typed: str, challenge: Challenge | None) -> str:
    """The typed code without spaces and dashes."""
    plain = _plain(typed)
    length = challenge.login_code.digits if challenge else None
    lengths = codes.LENGTHS if length is None else (length,)
    if len(plain) not in lengths or not re.fullmatch("[0-9]+", plain):
        raise MalformedCode(length)
    return plain


_CHARGE = """
WITH charged AS (
    UPDATE users_challenge AS challenge SET attempts = attempts + 1
      FROM users_logincode AS code
     WHERE challenge.id = %(challenge)s AND code.id = challenge.login_code_id AND attempts < %(max)s
       AND code.used_at IS NULL AND code.expires_at > COALESCE(%(now)s, clock_timestamp())
    RETURNING challenge.login_code_id, challenge.attempts
)
UPDATE users_logincode AS code SET wrong = wrong + 1
  FROM charged WHERE code.id = charged.login_code_id
RETURNING charged.attempts
"""


def _charge(challenge: Challenge, now: datetime | None) -> int:
    """Spend one attempt, counted as wrong until proved right; returns how many are left."""
    with connection.cursor() as cursor:
        cursor.execute(_CHARGE, {"challenge": challenge.pk, "max": codes.MAX_ATTEMPTS, "now": now})
        row = cursor.fetchone()
    if row is None:
        raise InvalidCode
    return codes.MAX_ATTEMPTS - int(row[0])


def _use(code: LoginCode, now: datetime) -> None:
    """Use the code up, once, and end every other code of its lane. Call it with the person's row locked."""
    live = LoginCode.objects.filter(user=code.user, device=code.device, used_at=None, expires_at__gt=now)
    if not live.filter(pk=code.pk).update(used_at=now, closed_at=now, expires_at=now, wrong=F("wrong") - 1):
        raise InvalidCode
    live.update(closed_at=now, expires_at=now)


def _open_session(user: User, code: LoginCode, user_agent: str, now: datetime) -> SignedIn:
    created = user.verified_at is None
    user.verified_at = user.verified_at or now
    user.last_login = now
    user.save(update_fields=["verified_at", "last_login"])
    device, device_token = devices.start_session(user, code.device, user_agent, now)
    return SignedIn(tokens.issue(device), device_token, created)
