"""Test numbers: the phones of SMS_TEST_NUMBERS, for the reviewers of app stores and for end-to-end tests.

A test number gets no SMS. Its code is in the settings and never changes. Its user has `User.is_test` from the first
sign-up on, for good. Test users see and activate only each other, count nowhere and cannot be operators. Triggers and
a constraint of the database refuse anything else.

A code that does not change can be guessed over many days. So a number gets no challenge while its risk weight, counted
as in `risk`, is over DAY or MONTH. By the argument there, 15 guesses are possible in 24 hours and 63 in 30 days: a
probability of 0.63 % in 30 days, for an account that reaches no user. These guesses count for the site and the network
too. There is no long code to turn to: who knows the number can keep its user from signing in.
"""

import logging
import math
from datetime import datetime

from django.conf import settings

from users import accounts, phones
from users.clock import HOUR, NO_DELAY
from users.context import is_of_test_user
from users.login import codes, risk
from users.login.challenges import ChallengeIssued
from users.login.decisions import TooManyRequests
from users.login.sms_limits import SmsCosts
from users.models import Challenge, LoginCode, User

logger = logging.getLogger(__name__)

# The risk weights of a test number up to which it gets another challenge.
DAY, MONTH = 12, 60

# `Retry-After` of a refusal by these limits: their windows move on slowly.
GUESSED_DELAY = HOUR


def code_of(phone: str | None) -> str | None:
    """The code of a test user with this E.164 phone, if SMS_TEST_NUMBERS has it."""
    return settings.SMS_TEST_NUMBERS.get(phone) if phone else None


def is_removed(user: User) -> bool:
    """Whether this is a test user whose phone SMS_TEST_NUMBERS no longer has."""
    return user.is_test and code_of(user.phone) is None


def refused() -> list[str]:
    """The masked phones of SMS_TEST_NUMBERS that users have who are no test users. They are ordinary numbers."""
    others = User.objects.filter(phone__in=settings.SMS_TEST_NUMBERS, is_test=False).order_by("phone")
    return [phones.mask(user.phone) for user in others if user.phone and not accounts.is_unused(user)]


def disable_removed() -> None:
    """Disable the test users whose phone SMS_TEST_NUMBERS no longer has, and end their sessions."""
    for user in User.objects.filter(is_test=True, is_active=True):
        if is_removed(user) and accounts.disable(user):
            logger.warning("disabled user %d: SMS_TEST_NUMBERS no longer has the number", user.pk)


def issue(
    user: User, costs: SmsCosts, address: str | None, language: str, challenge_id: str | None, now: datetime
) -> ChallengeIssued:
    """Give the client a challenge for this test user, without an SMS: a live one that it holds, or a new one.

    Call it with the user's row locked. Raises TooManyRequests by the limits above and by that of the network's
    challenges.
    """
    is_of_test_user.set(True)
    challenge = _live_challenge(user, challenge_id, now)
    is_new = challenge is None
    if challenge is None:
        _limit(user, costs, now)
        challenge = _new_challenge(user, address, language, now)
    expires_in = math.floor((challenge.login_code.expires_at - now).total_seconds())
    return ChallengeIssued(
        challenge_id=challenge.public_id,
        code_length=codes.SHORT,
        expires_in=expires_in,
        sent=is_new,
        sent_at=challenge.login_code.sent_at,
        resend_in=expires_in,
        code=code_of(user.phone) if settings.DEMO else None,
    )


def _live_challenge(user: User, public_id: str | None, now: datetime) -> Challenge | None:
    live = Challenge.objects.select_related("login_code").filter(
        public_id=public_id,
        attempts__lt=codes.MAX_ATTEMPTS,
        login_code__user=user,
        login_code__used_at=None,
        login_code__expires_at__gt=now,
    )
    return live.first()


def _limit(user: User, costs: SmsCosts, now: datetime) -> None:
    delay = costs.delays(known=False, verified=True).attach
    if not settings.DEMO:
        weights = risk.history([user.pk], None, now, costs.people_a_day).weights
        if weights.day > DAY or weights.month > MONTH:
            delay = max(delay, GUESSED_DELAY)
    if delay > NO_DELAY:
        logger.info("no challenge for a test number for %d s", delay.total_seconds())
        raise TooManyRequests(delay)


def _new_challenge(user: User, address: str | None, language: str, now: datetime) -> Challenge:
    """A challenge with a code of its own, which is closed: nothing is sent again, and nobody else attaches to it."""
    code = LoginCode.objects.create(
        user=user,
        length=codes.SHORT,
        nonce=codes.new_nonce(),
        language=language,
        challenges=1,
        created_at=now,
        sent_at=now,
        open_until=now,
        expires_at=now + codes.VALID_AFTER_UPDATE,
        closed_at=now,
    )
    return Challenge.objects.create(login_code=code, address=address, created_at=now)
