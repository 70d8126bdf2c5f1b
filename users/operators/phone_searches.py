"""A limit on searches by phone for operators who see masked phones.

A masked phone and searches together reveal the full phone number: the operator searches for all candidates. So each
search is logged, and operators without the permission to see full numbers may search for PHONES_AN_HOUR different
numbers in an hour. Of a part of a number, only the last four digits find anything: a mask shows them, so they say
nothing new, and no number can be found digit by digit. They are logged and count like a number.
"""

import logging
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction

from users import accounts, phones
from users.clock import HOUR, RetryLater
from users.models import User
from users.operators.models import PhoneSearch
from users.queries import lock_user

logger = logging.getLogger(__name__)

# The permission to see full phone numbers.
SEES_PHONES = "users.view_phone"

# Enough to answer callers. A masked phone has up to a million candidates.
PHONES_AN_HOUR = 30


class TooManyPhoneSearches(RetryLater, PermissionDenied):
    """The operator searched for PHONES_AN_HOUR phones. A page of the admin that does not catch it answers 403."""


def check(operator: Any, phone: str, where: str) -> None:
    """Log a search for this E.164 phone, or for its last digits, and count it. Raises TooManyPhoneSearches."""
    is_limited = not operator.has_perm(SEES_PHONES)
    refused = _refusal(operator, phone) if is_limited else None
    what = "refused" if refused else "limited" if is_limited else "may see full phones"
    told = "operator %d searched %s for the phone %s: %s"
    shown = phones.mask(phone) if phone.startswith("+") else f"***{phone}"
    logger.info(told, operator.pk, where, shown, what, extra={"operator": operator.pk})
    if refused:
        raise refused


def _refusal(operator: User, phone: str) -> TooManyPhoneSearches | None:
    """Count the phone unless it was counted already. The operator's lock makes the count exact."""
    phone_hash = accounts.phone_hash(phone)
    with transaction.atomic():
        now = lock_user(operator.pk).now
        counted = dict(
            PhoneSearch.objects.filter(operator=operator, created_at__gt=now - HOUR)
            .order_by("-created_at")
            .values_list("phone_hash", "created_at")
        )
        if phone_hash in {bytes(one) for one in counted}:
            return None
        if len(counted) >= PHONES_AN_HOUR:
            return TooManyPhoneSearches(min(counted.values()) + HOUR - now)
        PhoneSearch.objects.create(operator=operator, phone_hash=phone_hash, created_at=now)
    return None
