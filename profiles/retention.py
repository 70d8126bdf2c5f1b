"""What is kept no longer, of people and of their tries."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet

from profiles import activation
from profiles.models import Miss
from users import retention
from users.clock import database_now


def purge(now: datetime | None = None) -> None:
    """Delete what is older than its time."""
    now = now or database_now()
    retention.purge(now)
    retention.in_batches(Miss.objects.filter(created_at__lt=now - activation.MISSES_COUNT_FOR), QuerySet.delete)
