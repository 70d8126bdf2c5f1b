"""What is kept, and for how long."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q

from users.models import Challenge, Device, LoginCode, User

LOGIN_ROWS_FOR = timedelta(days=31)
"""Login codes, their challenges and deliveries: one day more than the longest window that counts them."""

ADDRESSES_FOR = timedelta(days=30)
"""Network addresses of those who asked for codes."""

ENDED_DEVICES_FOR = timedelta(days=90)
"""Devices that can neither refresh nor be known again."""


def purge(now: datetime) -> None:
    """Delete what is older than its time, and people who never proved their phone once nothing refers to them."""
    LoginCode.objects.filter(created_at__lt=now - LOGIN_ROWS_FOR).delete()
    Challenge.objects.filter(created_at__lt=now - ADDRESSES_FOR, address__isnull=False).update(address=None)
    Device.objects.filter(
        ~Exists(LoginCode.objects.filter(device=OuterRef("pk"))),  # they go first, when it is their time
        Q(trusted_until=None) | Q(trusted_until__lt=now),
        refreshed_at__lt=now - ENDED_DEVICES_FOR,
    ).delete()
    asked = LoginCode.objects.filter(user=OuterRef("pk"))
    User.objects.filter(
        ~Exists(asked), verified_at=None, erased_at=None, is_staff=False, created_at__lt=now - LOGIN_ROWS_FOR
    ).delete()
