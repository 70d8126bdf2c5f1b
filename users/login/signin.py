"""Answering a challenge: the correct code opens a session."""

import re
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from users import events, login_queries
from users.clock import NO_DELAY, StatementTimestamp
from users.context import is_of_test_user
from users.login import codes, devices, test_numbers, tokens
from users.login.tokens import TokenPair
from users.login_queries import Attempt
from users.models import Challenge, Device, User
from users.queries import lock_user
from users.typed import clean


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
    # Whether this was the phone's first correct code.
    created: bool
    # Whether a client at another network address requested the same code.
    requested_by_others: bool
    # Whether the same log-in was answered before.
    repeated: bool


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

    It answers the first challenge that applies: of `challenge_id`, of the cookie (`remembered_challenge_id`), or the
    newest live one of `phone`. The attempt is consumed and committed before the comparison: never call this inside a
    transaction.

    A client that holds the challenge may repeat the log-in within REUSE_INTERVAL, because a response was lost or the
    user tapped twice. It gets the same session, as long as that lives and its refresh token was not exchanged.

    Raises MalformedCode, InvalidCode or AccountDisabled.
    """
    digits = clean(typed)
    held, of_phone = challenge_id or remembered_challenge_id, None if challenge_id else phone
    if held and _has_form(digits, codes.LENGTHS):
        repeat_for = tokens.REUSE_INTERVAL
        attempt = login_queries.consume_attempt(held, len(digits), now, repeat_for, phone=of_phone)
        if attempt:
            return _answered(attempt, digits, user_agent, now, repeat_for)
    challenge = _held(held, of_phone)
    if challenge or not of_phone:
        _check_form(digits, challenge)
        raise InvalidCode
    challenge = _newest_live(of_phone, len(digits), address, now)
    _check_form(digits, challenge)
    attempt = None
    if challenge:
        attempt = login_queries.consume_attempt(challenge.public_id, len(digits), now, by_phone=True)
    if attempt is None:
        raise InvalidCode
    return _answered(attempt, digits, user_agent, now, NO_DELAY, by_phone=True)


def compare_for_change(typed: str, challenge_id: str, user_id: int, now: datetime | None = None) -> Challenge:
    """Compare the typed code with that of the challenge by which this user changes their phone.

    The attempt is consumed and committed before the comparison, as in `sign_in`. The code is not marked as used yet.

    Raises MalformedCode or InvalidCode.
    """
    digits, attempt = clean(typed), None
    if _has_form(digits, codes.LENGTHS):
        attempt = login_queries.consume_attempt(
            challenge_id, len(digits), now, tokens.REUSE_INTERVAL, changing_user_id=user_id
        )
    if attempt is None:
        found = login_queries.challenge_with_phone(challenge_id, user_id)
        _check_form(digits, found[0] if found else None)
        raise InvalidCode
    _compare(attempt, digits)
    return attempt.challenge


def _held(public_id: str | None, phone: str | None) -> Challenge | None:
    """The challenge that the client shows, unless its phone is another one than this (E.164)."""
    found = public_id and login_queries.challenge_with_phone(public_id)
    return found[0] if found and (not phone or found[1] == phone) else None


def _newest_live(phone: str, length: int, address: str | None, now: datetime | None) -> Challenge | None:
    """The newest live challenge for `phone` that this address requested, with the typed length and attempts left.

    Those of known devices are excluded, because strangers may share the address.
    """
    live = Challenge.objects.select_related("login_code").filter(
        address=address,
        attempts__lt=codes.MAX_ATTEMPTS,
        login_code__user__phone=phone,
        login_code__device=None,
        login_code__changing_user=None,
        login_code__length=length,
        login_code__used_at=None,
        login_code__expires_at__gt=now or StatementTimestamp(),
    )
    return live.order_by("-created_at", "-pk").first()


def _check_form(digits: str, challenge: Challenge | None) -> None:
    """Raise MalformedCode unless the cleaned text has as many digits as the code of the challenge."""
    length = challenge.login_code.length if challenge else None
    if not _has_form(digits, codes.LENGTHS if length is None else (length,)):
        raise MalformedCode(length)


def _has_form(digits: str, lengths: tuple[int, ...]) -> bool:
    return len(digits) in lengths and re.fullmatch("[0-9]+", digits) is not None


def _answered(
    attempt: Attempt,
    digits: str,
    user_agent: str,
    now: datetime | None,
    repeat_for: timedelta,
    *,
    by_phone: bool = False,
) -> SignedIn:
    """Compare the digits with the code of the challenge, whose attempt is consumed. Raises as `sign_in`."""
    _compare(attempt, digits)
    return _accept(attempt.challenge, user_agent, now, repeat_for, by_phone=by_phone)


def _compare(attempt: Attempt, digits: str) -> None:
    """Raise InvalidCode unless these are the digits of the code."""
    code = attempt.challenge.login_code
    fixed = test_numbers.code_of(attempt.test_phone)
    expected = fixed or codes.derive(code.nonce, code.length, code.changing_user_id)
    if not codes.is_same(digits, expected):
        raise InvalidCode(None if code.used_at else codes.MAX_ATTEMPTS - attempt.consumed)


def _accept(
    challenge: Challenge, user_agent: str, now: datetime | None, repeat_for: timedelta, *, by_phone: bool
) -> SignedIn:
    """Use the code, which was correct, and open a session; or find the one that it opened within `repeat_for`."""
    with transaction.atomic():
        try:
            user, locked_at = lock_user(challenge.login_code.user_id)
        except User.DoesNotExist as error:  # a test user took over the number a moment ago
            raise InvalidCode from error
        now = now or locked_at
        session_id = uuid.uuid4()
        if not login_queries.mark_used(challenge, session_id, now, by_phone=by_phone):
            return _repeat(user, challenge, now - repeat_for)
        if user.is_active and not test_numbers.is_removed(user):
            is_of_test_user.set(user.is_test)
            if created := user.verified_at is None:
                events.emit("user.verified", {"user_id": user.pk}, user_id=user.pk)
            known = challenge.login_code.device
            device, device_token = devices.start_session(user, known, user_agent, now, session_id)
            others = _is_requested_by_others(challenge)
            return SignedIn(tokens.issue(device), device_token, created, others, repeated=False)
    raise AccountDisabled


def _repeat(user: User, challenge: Challenge, since: datetime) -> SignedIn:
    """The session that this challenge has opened after `since`, if it lives and its refresh token was not exchanged.

    Raises InvalidCode.
    """
    opened = Challenge.objects.filter(pk=challenge.pk, login_code__used_at__gt=since).values("session_id")
    live = Device.objects.filter(session_id__in=opened, ended_at=None, previous_jti=None, trust_hash__isnull=False)
    device = live.first() if user.is_active else None
    if device is None:
        raise InvalidCode
    created = user.verified_at == device.signed_in_at
    others = _is_requested_by_others(challenge)
    return SignedIn(tokens.issue(device), devices.token_of(device), created, others, repeated=True)


def _is_requested_by_others(challenge: Challenge) -> bool:
    """Whether the code has a challenge of another address. One client that lost its challenge may have several."""
    if challenge.login_code.challenges < 2:
        return False
    # Ends at the first one found: under attack a code has many thousands of challenges.
    others = Challenge.objects.filter(login_code=challenge.login_code_id).exclude(address=challenge.address)
    return others.exists()
