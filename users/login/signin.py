"""Answering a challenge: a right code opens a session."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.db import transaction

from users import accounts, sql
from users.login import codes, devices, tokens
from users.login.tokens import TokenPair
from users.models import Challenge, LoginCode, User
from users.sql import columns, loaded


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
    challenge_id: str | None = None,
    remembered_challenge_id: str | None = None,
    phone: str | None = None,
    address: str | None = None,
    user_agent: str = "",
    now: datetime | None = None,
) -> SignedIn:
    """Compare the typed code and open a session if it is right.

    The challenge is `challenge_id`; else the one that the client's cookie remembers, if `phone` (E.164) is None or
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
    attempts_left = _consume_attempt(challenge, now)
    if not codes.matches(typed, code.nonce, code.digits):
        raise InvalidCode(attempts_left)
    with transaction.atomic():
        locked = accounts.lock(code.user_id)
        now = now or locked.now
        _use(code, now)
        if locked.user.is_active:
            return _open_session(locked.user, code, user_agent, now)
    raise AccountDisabled


def _find(
    challenge_id: str | None,
    remembered_id: str | None,
    phone: str | None,
    digits: int,
    address: str | None,
    now: datetime | None,
) -> Challenge | None:
    public_id = challenge_id or remembered_id
    if public_id:
        found = _one(_BY_ID, {"public_id": public_id})
        if challenge_id or not phone or (found and found.phone == phone):
            return found and found.challenge
    if not phone:
        return None
    values = {"phone": phone, "digits": digits, "now": now, "max": codes.MAX_ATTEMPTS, "address": address}
    found = _one(_NEWEST, values)
    return found and found.challenge


class _Found(NamedTuple):
    challenge: Challenge
    phone: str | None


_CHALLENGE = f"""
SELECT {columns(Challenge, "challenge")}, {columns(LoginCode, "code")}, person.phone
  FROM users_challenge AS challenge
  JOIN users_logincode AS code ON code.id = challenge.login_code_id
  JOIN users_user AS person ON person.id = code.user_id
"""  # noqa: S608

_BY_ID = f"{_CHALLENGE} WHERE challenge.public_id = %(public_id)s"

_NEWEST = f"""
{_CHALLENGE}
 WHERE person.phone = %(phone)s AND code.device_id IS NULL AND code.digits = %(digits)s AND code.used_at IS NULL
   AND code.expires_at > COALESCE(%(now)s, clock_timestamp()) AND challenge.attempts < %(max)s
   AND challenge.address IS NOT DISTINCT FROM %(address)s
 ORDER BY challenge.created_at DESC, challenge.id DESC LIMIT 1
"""


def _one(statement: str, values: dict[str, Any]) -> _Found | None:
    row = sql.fetch_optional(statement, values)
    if row is None:
        return None
    challenge, rest = loaded(Challenge, row)
    challenge.login_code, (phone,) = loaded(LoginCode, rest)
    return _Found(challenge, phone)


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


def _consume_attempt(challenge: Challenge, now: datetime | None) -> int:
    """Spend one attempt, counted as wrong until proved right; returns how many are left."""
    row = sql.fetch_optional(_CHARGE, {"challenge": challenge.pk, "max": codes.MAX_ATTEMPTS, "now": now})
    if row is None:
        raise InvalidCode
    return codes.MAX_ATTEMPTS - int(row[0])


_USE = """
UPDATE users_logincode
   SET closed_at = %(now)s, expires_at = %(now)s,
       used_at = CASE WHEN id = %(code)s THEN %(now)s END, wrong = wrong - (id = %(code)s)::int
 WHERE user_id = %(user)s AND device_id IS NOT DISTINCT FROM %(device)s AND used_at IS NULL AND expires_at > %(now)s
RETURNING id
"""


def _use(code: LoginCode, now: datetime) -> None:
    """Use the code up, once, and end every other code of its lane. Call it with the person's row locked."""
    values = {"code": code.pk, "user": code.user_id, "device": code.device_id, "now": now}
    if (code.pk,) not in sql.fetch_all(_USE, values):
        raise InvalidCode  # and what was ended is not


def _open_session(user: User, code: LoginCode, user_agent: str, now: datetime) -> SignedIn:
    created = user.verified_at is None
    sql.execute(_SIGNED_IN, {"person": user.pk, "now": now})
    device, device_token = devices.start_session(user, code.device, user_agent, now)
    return SignedIn(tokens.issue(device), device_token, created)


_SIGNED_IN = """
UPDATE users_user SET last_login = %(now)s, verified_at = COALESCE(verified_at, %(now)s) WHERE id = %(person)s
"""
