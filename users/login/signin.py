"""Answering a challenge: the correct code opens a session."""

import re
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from users import login_queries
from users.clock import ClockTimestamp
from users.login import codes, devices, tokens
from users.login.tokens import TokenPair
from users.models import Challenge, LoginCode, User
from users.queries import lock_user


class InvalidCode(Exception):
    """The code is wrong, expired, used or unknown: one answer. `attempts_left` is set only if the challenge is live."""

    def __init__(self, attempts_left: int | None = None) -> None:
        self.attempts_left = attempts_left
        super().__init__()


class MalformedCode(Exception):
    """The text does not have `length` digits (None: of no length that codes have). No attempt was consumed."""

    def __init__(self, length: int | None) -> None:
        self.length = length
        super().__init__()


class AccountDisabled(Exception):
    """The code was correct, but the user is disabled."""


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
    """Compare the typed code, and open a session if it is correct.

    `_find` says which challenge it answers: of `challenge_id`, of the cookie (`remembered_challenge_id`) or of `phone`.
    The attempt is consumed and committed before the comparison: never call this inside a transaction.

    Raises MalformedCode, InvalidCode or AccountDisabled.
    """
    challenge = _find(challenge_id, remembered_challenge_id, phone, len(_without_separators(typed)), address, now)
    typed = _digits(typed, challenge)
    if challenge is None:
        raise InvalidCode
    code = challenge.login_code
    consumed = login_queries.consume_attempt(challenge, codes.MAX_ATTEMPTS, now)
    if consumed is None:
        raise InvalidCode
    if not codes.matches(typed, code.nonce, code.length):
        raise InvalidCode(codes.MAX_ATTEMPTS - consumed)
    with transaction.atomic():
        user, locked_at = lock_user(code.user_id)
        now = now or locked_at
        if not login_queries.mark_used(code, now):
            raise InvalidCode
        if user.is_active:
            return _open_session(user, code, user_agent, now)
    raise AccountDisabled


def _find(
    challenge_id: str | None,
    remembered_id: str | None,
    phone: str | None,
    length: int,
    address: str | None,
    now: datetime | None,
) -> Challenge | None:
    """The first challenge that applies:

    1. That of `challenge_id`, if given.
    2. That of `remembered_id` (the cookie's), if `phone` (E.164) is None or is the phone of that challenge.
    3. The newest live challenge for `phone` that this address requested, with the typed length and attempts left. Those
       of known devices are excluded, because strangers may share the address.
    """
    if public_id := challenge_id or remembered_id:
        found = login_queries.challenge_with_phone(public_id)
        if challenge_id or not phone or (found and found[1] == phone):
            return found and found[0]
    if not phone:
        return None
    live = Challenge.objects.select_related("login_code").filter(
        address=address,
        attempts__lt=codes.MAX_ATTEMPTS,
        login_code__user__phone=phone,
        login_code__device=None,
        login_code__length=length,
        login_code__used_at=None,
        login_code__expires_at__gt=now or ClockTimestamp(),
    )
    return live.order_by("-created_at", "-pk").first()


def _without_separators(typed: str) -> str:
    return re.sub(r"[\s-]", "", typed)


def _digits(typed: str, challenge: Challenge | None) -> str:
    """The typed digits without spaces and dashes. Raises MalformedCode."""
    digits = _without_separators(typed)
    length = challenge.login_code.length if challenge else None
    lengths = codes.LENGTHS if length is None else (length,)
    if len(digits) not in lengths or not re.fullmatch("[0-9]+", digits):
        raise MalformedCode(length)
    return digits


def _open_session(user: User, code: LoginCode, user_agent: str, now: datetime) -> SignedIn:
    created = user.verified_at is None
    login_queries.record_sign_in(user.pk, now)
    device, device_token = devices.start_session(user, code.device, user_agent, now)
    return SignedIn(tokens.issue(device), device_token, created)
