"""How long data is kept."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from axes.models import AccessAttempt
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from users.login import codes
from users.models import Challenge, Device, EnrolmentToken, LoginCode, OperatorLogin, PhoneSearch, SmsDelivery, User

# Login codes, their challenges and deliveries: one day more than the longest window that counts them. Erased-phone
# hashes, which carry these counts over, as long.
LOGIN_ROWS_FOR = timedelta(days=31)

# Challenges of long codes: an attack creates a million a day, and their codes keep the count.
LONG_CHALLENGES_FOR = timedelta(days=1)

# Client addresses of requests for codes, and log-ins to the admin with theirs.
ADDRESSES_FOR = timedelta(days=30)

# Operators' searches by phone: as long as the limit counts them.
PHONE_SEARCHES_FOR = timedelta(hours=1)

# Devices that can neither refresh their tokens nor become known again.
ENDED_DEVICES_FOR = timedelta(days=90)

# Rows changed in one transaction, so that no other transaction waits long for one of them.
BATCH = 10_000


def delete_expired(now: datetime) -> None:
    """Delete expired data, and unverified users whom nothing needs."""
    # Challenges before codes, the order of attempts and erasures. Another order could deadlock with them.
    in_batches(Challenge.objects.filter(login_code__created_at__lt=now - LOGIN_ROWS_FOR), QuerySet.delete)
    in_batches(LoginCode.objects.filter(created_at__lt=now - LOGIN_ROWS_FOR), QuerySet.delete)
    in_batches(_challenges_before(now - LONG_CHALLENGES_FOR).filter(login_code__length=codes.LONG), QuerySet.delete)
    _delete_addresses(now - ADDRESSES_FOR)
    in_batches(_expired_devices(now), QuerySet.delete)
    in_batches(_unverified_users(now), QuerySet.delete)
    erased = User.objects.filter(erased_phone_hash__isnull=False, erased_at__lt=now - LOGIN_ROWS_FOR)
    in_batches(erased, lambda rows: rows.update(erased_phone_hash=None))
    Session.objects.filter(expire_date__lt=now).delete()
    in_batches(AccessAttempt.objects.filter(attempt_time__lt=now - ADDRESSES_FOR), QuerySet.delete)
    in_batches(OperatorLogin.objects.filter(created_at__lt=now - ADDRESSES_FOR), QuerySet.delete)
    in_batches(PhoneSearch.objects.filter(created_at__lt=now - PHONE_SEARCHES_FOR), QuerySet.delete)
    in_batches(EnrolmentToken.objects.filter(expires_at__lt=now), QuerySet.delete)


def in_batches(rows: QuerySet[Any], act: Callable[[QuerySet[Any]], object]) -> None:
    """Act on these rows, BATCH of them in each transaction.

    `act` must change the rows so that the query no longer finds them. Otherwise this never ends.
    Rows locked by other transactions are left for the next run. A row that changed before it was locked is left out.
    """
    while True:
        with transaction.atomic():
            found = rows.select_for_update(of=("self",), skip_locked=True).values_list("pk", flat=True)[:BATCH]
            ids = list(found)
            act(rows.filter(pk__in=ids))
        if len(ids) < BATCH:
            return


def _delete_addresses(before: datetime) -> None:
    challenges = _challenges_before(before).filter(address__isnull=False)
    in_batches(challenges, lambda rows: rows.update(address=None))
    deliveries = SmsDelivery.objects.filter(created_at__lt=before, client_address__isnull=False)
    in_batches(deliveries, lambda rows: rows.update(client_address=None))


def _challenges_before(time: datetime) -> QuerySet[Challenge]:
    # No challenge is older than its code, so the second condition changes nothing. It lets PostgreSQL use an index.
    return Challenge.objects.filter(created_at__lt=time, login_code__created_at__lt=time)


def _expired_devices(now: datetime) -> QuerySet[Device]:
    return Device.objects.filter(
        ~Exists(LoginCode.objects.filter(device=OuterRef("pk"))),  # its codes are deleted first
        Q(trusted_until=None) | Q(trusted_until__lt=now),
        refreshed_at__lt=now - ENDED_DEVICES_FOR,
    )


def _unverified_users(now: datetime) -> QuerySet[User]:
    # Operators log in with a password, so some never verify their phone. With them, what they did would be deleted.
    return User.objects.filter(
        ~Exists(LoginCode.objects.filter(user=OuterRef("pk"))),
        ~Exists(LogEntry.objects.filter(user=OuterRef("pk"))),
        verified_at=None,
        erased_at=None,
        is_active=True,
        is_staff=False,
        created_at__lt=now - LOGIN_ROWS_FOR,
    )
