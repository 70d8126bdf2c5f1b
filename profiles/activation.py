"""Activating an invite code: one vote for each user, never for oneself, exactly once under any race.

`Activation.invitee` is a primary key, so PostgreSQL refuses a second vote. The checks here only give a better answer.
Operators release a vote and replace an invite code.
"""

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from profiles import activation_queries, invite_codes, queries, voting
from profiles.models import Activation, FailedActivation, Profile
from users.clock import RetryLater
from users.context import is_of_test_user
from users.login.tokens import TokenRevoked
from users.queries import lock_user

# Failed activations of a user in a sliding window. At 100,000 users 30 random guesses succeed with p = 0.3 %.
FAILED_ACTIVATION_LIMITS = ((timedelta(hours=1), 10), (timedelta(days=1), 30))

# How long a failed activation counts.
FAILED_ACTIVATIONS_FOR = max(window for window, _ in FAILED_ACTIVATION_LIMITS)


class OwnInviteCode(Exception):
    """Users cannot activate their own code."""


class AlreadyActivated(Exception):
    """The user has activated a code. That vote stays."""

    def __init__(self, invite_code: str) -> None:
        self.activated_invite = invite_code
        super().__init__(invite_code)


class InviteCodeNotFound(Exception):
    """No user has this code. The failed activation was counted."""


class TooManyFailedActivations(RetryLater):
    """A limit of FAILED_ACTIVATION_LIMITS is reached."""


def activate(user_id: int, typed: str, *, now: datetime | None = None) -> None:
    """Give this user's one vote to the owner of the typed invite code.

    The user's row is locked first, so their attempts run one after the other and FAILED_ACTIVATION_LIMITS are exact. A
    failed activation commits before InviteCodeNotFound is raised. The other refusals change nothing.

    The vote's time is read while `voting.LOCK` is held, and decides whether the vote is inside the voting period.

    Raises MalformedInviteCode, VotingClosed, AlreadyActivated, OwnInviteCode, InviteCodeNotFound,
    TooManyFailedActivations, or TokenRevoked if the user was disabled meanwhile.
    """
    code = invite_codes.normalise(typed)
    with transaction.atomic():
        user, locked_at = lock_user(user_id, shared=voting.LOCK)
        if not user.is_active:
            raise TokenRevoked
        is_of_test_user.set(user.is_test)
        context = activation_queries.activation_context(
            user_id, code, since=(now or locked_at) - FAILED_ACTIVATIONS_FOR
        )
        now = now or context.now
        voting.refuse_outside(context.opens_at, context.closes_at, now)
        if context.activated_invite:
            raise AlreadyActivated(context.activated_invite)
        _limit_guessing(context.failed_at, now)
        if context.inviter_id == user_id:
            raise OwnInviteCode
        if context.inviter_id is not None:
            activation_queries.insert_activation(user_id, context.inviter_id, now)
            return
        FailedActivation.objects.create(user_id=user_id, created_at=now)
    raise InviteCodeNotFound


def release(user_id: int) -> int | None:
    """Delete a user's vote for an operator, so that the user can vote again. Returns the inviter's id, or None.

    An erased user has no vote: the erasure deleted it. Raises OperationalError while results are published.
    """
    with transaction.atomic():
        lock_user(user_id)
        lock_vote(user_id)
        return activation_queries.delete_activation(user_id)


def lock_vote(user_id: int) -> None:
    """Lock this user's vote, if there is one, to delete it. Raises OperationalError while results are published.

    Publishing locks all votes, perhaps for a minute. Whoever waited for that would hold a thread meanwhile, and so
    would each parallel request of the same user. Call it with the user's row locked: nobody else locks the vote then.
    """
    Activation.objects.select_for_update(nowait=True).filter(pk=user_id).values_list("pk").first()


def replace_invite_code(user_id: int) -> str | None:
    """Give a user a new invite code. Returns the old one, which stops working at once. Votes for the user stay.

    Returns None for an erased user, and after the results are published, because they have the old code. Raises
    OperationalError while somebody publishes them or changes the voting period.
    """
    with transaction.atomic():
        if lock_user(user_id).user.erased_at or queries.keep_period():
            return None
        old = Profile.objects.get(pk=user_id).invite_code
        while not _set_invite_code(user_id, invite_codes.generate()):
            pass
        return old


def _set_invite_code(user_id: int, code: str) -> bool:
    """Set a user's invite code. False if another user or this one has it."""
    try:
        with transaction.atomic():
            return bool(Profile.objects.filter(pk=user_id).exclude(invite_code=code).update(invite_code=code))
    except IntegrityError:
        return False


def _limit_guessing(failed_at: list[datetime], now: datetime) -> None:
    """Raise TooManyFailedActivations until every window has room for one more failed activation."""
    free_at = [failed_at[-limit] + window for window, limit in FAILED_ACTIVATION_LIMITS if len(failed_at) >= limit]
    if free_at and max(free_at) > now:
        raise TooManyFailedActivations(max(free_at) - now)
