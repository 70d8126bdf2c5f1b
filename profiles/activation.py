"""Activating an invite code: one vote a person, never for oneself, exactly once under any race.

Operators release a vote and replace an invite code.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import IntegrityError, transaction

from profiles import invite_codes
from profiles.models import Miss, Profile
from users import accounts, sql
from users.login.challenges import TooManyRequests
from users.login.tokens import TokenRevoked

# Wrong invite codes a person may try in a sliding window: at 100 000 people 30 blind guesses hit with p = 0.3 %.
MISSES = ((timedelta(hours=1), 10), (timedelta(days=1), 30))

MISSES_COUNT_FOR = max(window for window, _ in MISSES)


class OwnInviteCode(Exception):
    """Nobody votes for oneself."""


class AlreadyActivated(Exception):
    """The person has voted; the vote stays."""

    def __init__(self, invite_code: str) -> None:
        self.activated_invite = invite_code
        super().__init__(invite_code)


class InviteCodeNotFound(Exception):
    """Nobody has this code; the try was counted."""


def activate(user_id: int, typed: str, *, now: datetime | None = None) -> None:
    """Give this person's one vote to whoever owns the typed invite code.

    The person's row is locked first, so their tries happen one after the other and MISSES is exact. A miss commits
    with its refusal; everything else changes nothing when refused.

    Raises MalformedInviteCode, AlreadyActivated, OwnInviteCode, InviteCodeNotFound, TooManyRequests, or TokenRevoked
    if the person was disabled meanwhile.
    """
    code = invite_codes.normalise(typed)
    with transaction.atomic():
        locked = accounts.lock(user_id)
        now = now or locked.now
        if not locked.user.is_active:
            raise TokenRevoked
        known = _look_up(user_id, code, now)
        if known.activated_invite:
            raise AlreadyActivated(known.activated_invite)
        _refuse_guessing(known.misses, now)
        if known.inviter_id == user_id:
            raise OwnInviteCode
        if known.inviter_id is not None:
            _vote(user_id, known.inviter_id, now)
            return
        Miss.objects.create(user_id=user_id, created_at=now)
    raise InviteCodeNotFound


def release(user_id: int) -> int | None:
    """Let a person vote anew, on an operator's word; the id of whom they had chosen, or None if nobody.

    An erased person has no vote: it was taken back with them.
    """
    with transaction.atomic():
        accounts.lock(user_id)
        return take_back(user_id)


def take_back(user_id: int) -> int | None:
    """Delete a person's vote; the id of whom it was for, if there was one.

    Call it with the person's row locked and last in the transaction: a celebrity's row is hot.
    """
    row = sql.fetch_optional(_TAKE_BACK, [user_id])
    return row[0] if row else None


def replace_invite_code(user_id: int) -> str | None:
    """Give a person a new invite code; the old one, which is dead at once, or None if they are erased.

    Those who chose the person keep their vote.
    """
    with transaction.atomic():
        if accounts.lock(user_id).user.erased_at:
            return None
        old = Profile.objects.get(pk=user_id).invite_code
        while not _take(user_id, invite_codes.generate()):
            pass
        return old


def _take(user_id: int, code: str) -> bool:
    """Whether the code was free, of this person too: two people may draw the same."""
    try:
        with transaction.atomic():
            return bool(Profile.objects.filter(pk=user_id).exclude(invite_code=code).update(invite_code=code))
    except IntegrityError:
        return False


class _Known(NamedTuple):
    inviter_id: int | None
    activated_invite: str | None
    misses: list[datetime]


# Codes of unverified, disabled and erased people do not exist for others.
_LOOK_UP = """
SELECT (SELECT profile.user_id
          FROM profiles_profile AS profile JOIN users_user AS owner ON owner.id = profile.user_id
         WHERE profile.invite_code = %(code)s
           AND owner.is_active AND owner.verified_at IS NOT NULL AND owner.erased_at IS NULL),
       (SELECT inviter.invite_code
          FROM profiles_activation AS vote JOIN profiles_profile AS inviter ON inviter.user_id = vote.inviter_id
         WHERE vote.invitee_id = %(user)s),
       ARRAY(SELECT created_at FROM profiles_miss
              WHERE user_id = %(user)s AND created_at > %(since)s ORDER BY created_at)
"""

# The counter rises in the very statement that inserts the vote, the last before the commit: a celebrity's row is hot.
_VOTE = """
WITH vote AS (
    INSERT INTO profiles_activation (invitee_id, inviter_id, created_at)
    VALUES (%(invitee)s, %(inviter)s, %(now)s) RETURNING inviter_id
)
UPDATE profiles_profile AS profile SET invitations_count = invitations_count + 1
  FROM vote WHERE profile.user_id = vote.inviter_id
"""

_TAKE_BACK = """
WITH vote AS (DELETE FROM profiles_activation WHERE invitee_id = %s RETURNING inviter_id)
UPDATE profiles_profile AS profile SET invitations_count = invitations_count - 1
  FROM vote WHERE profile.user_id = vote.inviter_id RETURNING vote.inviter_id
"""


def _look_up(user_id: int, code: str, now: datetime) -> _Known:
    return _Known(*sql.fetch_one(_LOOK_UP, {"code": code, "user": user_id, "since": now - MISSES_COUNT_FOR}))


def _refuse_guessing(misses: list[datetime], now: datetime) -> None:
    """Refuse until every window has room for one more try."""
    free = [misses[-limit] + window for window, limit in MISSES if len(misses) >= limit]
    if free and max(free) > now:
        raise TooManyRequests(max(free) - now)


def _vote(invitee_id: int, inviter_id: int, now: datetime) -> None:
    sql.execute(_VOTE, {"invitee": invitee_id, "inviter": inviter_id, "now": now})
