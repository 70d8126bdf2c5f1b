"""What is kept no longer, of people and of their tries."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from profiles import voting
from profiles.models import Miss
from users import retention


def purge(now: datetime | None = None) -> None:
    """Delete what is older than its time."""
    now = now or timezone.now()
    retention.purge(now)
    Miss.objects.filter(created_at__lt=now - voting.MISSES_COUNT_FOR).delete()
