"""What is kept, and for how long."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from axes.models import AccessAttempt
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from users.login import codes
from users.models import Challenge, Device, LoginCode, SmsDelivery, User

# Login codes, their challenges and deliveries: one day more than the longest window that counts them. Traces of erased
# people's phones, by which they go on to count, as long.
LOGIN_ROWS_FOR = timedelta(days=31)

# Challenges of long codes: an attack makes a million a day, and their codes keep the count.
LONG_CHALLENGES_FOR = timedelta(days=1)

# Network addresses of those who asked for codes, or failed to log in to the admin.
ADDRESSES_FOR = timedelta(days=30)

# Devices that can neither refresh nor be known again.
ENDED_DEVICES_FOR = timedelta(days=90)

# Rows changed in one transaction, so that nobody waits long for one of them.
BATCH = 10_000


def purge(now: datetime) -> None:
    """Delete what is older than its time, and people who never proved their phone once nothing refers to them."""
    # Challenges before codes, as guesses and erasures take them: else two of them wait for each other.
    in_batches(Challenge.objects.filter(login_code__created_at__lt=now - LOGIN_ROWS_FOR), QuerySet.delete)
    in_batches(LoginCode.objects.filter(created_at__lt=now - LOGIN_ROWS_FOR), QuerySet.delete)
    in_batches(_challenges_before(now - LONG_CHALLENGES_FOR).filter(login_code__digits=codes.LONG), QuerySet.delete)
    _forget_addresses(now - ADDRESSES_FOR)
    in_batches(_dead_devices(now), QuerySet.delete)
    in_batches(_unproved_people(now), QuerySet.delete)
    traces = User.objects.filter(erased_trace__isnull=False, erased_at__lt=now - LOGIN_ROWS_FOR)
    in_batches(traces, lambda rows: rows.update(erased_trace=None))
    Session.objects.filter(expire_date__lt=now).delete()
    in_batches(AccessAttempt.objects.filter(attempt_time__lt=now - ADDRESSES_FOR), QuerySet.delete)


def in_batches(rows: QuerySet[Any], act: Callable[[QuerySet[Any]], object]) -> None:
    """Act on these rows, BATCH of them in one transaction; after it they must not be selected any more.

    A row that is locked by somebody is left for the next time, and none is taken that changed before it was locked.
    """
    while True:
        with transaction.atomic():
            found = rows.select_for_update(of=("self",), skip_locked=True).values_list("pk", flat=True)[:BATCH]
            ids = list(found)
            act(rows.filter(pk__in=ids))
        if len(ids) < BATCH:
            return


def _forget_addresses(before: datetime) -> None:
    challenges = _challenges_before(before).filter(address__isnull=False)
    in_batches(challenges, lambda rows: rows.update(address=None))
    deliveries = SmsDelivery.objects.filter(created_at__lt=before, asked_from__isnull=False)
    in_batches(deliveries, lambda rows: rows.update(asked_from=None))


def _challenges_before(time: datetime) -> QuerySet[Challenge]:
    # No challenge is older than its code: the second condition only helps, for codes have an index on their time.
    return Challenge.objects.filter(created_at__lt=time, login_code__created_at__lt=time)


def _dead_devices(now: datetime) -> QuerySet[Device]:
    return Device.objects.filter(
        ~Exists(LoginCode.objects.filter(device=OuterRef("pk"))),  # they go first, when it is their time
        Q(trusted_until=None) | Q(trusted_until__lt=now),
        refreshed_at__lt=now - ENDED_DEVICES_FOR,
    )


def _unproved_people(now: datetime) -> QuerySet[User]:
    return User.objects.filter(
        ~Exists(LoginCode.objects.filter(user=OuterRef("pk"))),
        verified_at=None,
        erased_at=None,
        is_staff=False,
        created_at__lt=now - LOGIN_ROWS_FOR,
    )
