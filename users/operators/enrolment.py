"""One-time tokens for setting up the second factor where ADMIN_SECOND_FACTOR is required.

Without them, whoever learns the password of an operator who has no second factor yet could set one up first. A
superuser makes a token on the page of the operator, or the host does by a command. An operator has one token at most.
It works once, within 24 hours. The database has its hash. Guessing needs no limit: see `random_codes`.
"""

from django.db import transaction

from users.clock import DAY
from users.models import User
from users.operators import random_codes
from users.operators.models import EnrolmentToken
from users.queries import database_now, lock_user

# Long enough to reach the operator, who may be off duty now.
VALID_FOR = DAY


def issue(user: User) -> str:
    """A new token in place of the old one. This is the only copy."""
    token = random_codes.generate()
    with transaction.atomic():
        now = lock_user(user.pk).now
        values = {"token_hash": _hash(token), "expires_at": now + VALID_FOR}
        EnrolmentToken.objects.update_or_create(user=user, defaults=values)
    return random_codes.grouped(token)


def use(user: User, token: str) -> bool:
    """Whether the token is right. It is used up then: the row is deleted by the statement that finds it."""
    found = EnrolmentToken.objects.filter(
        user=user, token_hash=_hash(random_codes.clean(token)), expires_at__gt=database_now()
    )
    return bool(found.delete()[0])


def withdraw(user: User) -> None:
    EnrolmentToken.objects.filter(user=user).delete()


def _hash(token: str) -> bytes:
    return random_codes.digest("enrolment token", token)
