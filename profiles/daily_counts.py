"""Counts of sign-ups, activations, SMS and codes for each of the last days, without test users.

Finished days are counted once and stored: counting a month of SMS for each page takes too long. A day without a row,
such as today, is counted when it is shown.
"""

from datetime import date, datetime, time
from typing import Any

from django.db.models import Count, QuerySet
from django.db.models.functions import TruncDate
from django.utils import timezone

from profiles import queries
from profiles.models import DailyStats, Profile
from users.clock import DAY
from users.login import codes
from users.models import LoginCode, SmsDelivery, User
from users.sms.models import DEMO_GATEWAY

# Days including today. Codes and SMS are kept for 31 days.
SHOWN = 30

# The longest time from the creation of a code until its SMS is sent or it is used.
LONGEST_LIFE = codes.OPEN_AT_MOST + codes.VALID_AFTER_UPDATE


def last(now: datetime) -> list[DailyStats]:
    """The last SHOWN days, today last."""
    days = _shown(now)
    stored = {one.day: one for one in DailyStats.objects.filter(day__in=days)}
    counted = {one.day: one for one in _counted([day for day in days if day not in stored])}
    return [stored.get(day) or counted[day] for day in days]


def store(now: datetime) -> None:
    """Count and store the finished days that are not stored yet."""
    finished = _shown(now)[:-1]
    stored = set(DailyStats.objects.filter(day__in=finished).values_list("day", flat=True))
    DailyStats.objects.bulk_create(_counted([day for day in finished if day not in stored]), ignore_conflicts=True)


def _shown(now: datetime) -> list[date]:
    today = timezone.localdate(now, timezone.get_default_timezone())
    return [today - DAY * ago for ago in reversed(range(SHOWN))]


def _counted(days: list[date]) -> list[DailyStats]:
    """Count these days by the indexes on `created_at`: there is none on the time of sending or of use."""
    if not days:
        return []
    start, end = _midnight(days[0]), _midnight(days[-1] + DAY)
    created = {"created_at__gte": start, "created_at__lt": end}
    created_before = {"created_at__gte": start - LONGEST_LIFE, "created_at__lt": end}
    tests = User.objects.filter(is_test=True)
    profiles = Profile.objects.filter(**created).exclude(user__in=tests)
    sms = SmsDelivery.objects.filter(**created_before, state=SmsDelivery.State.SENT).exclude(gateway=DEMO_GATEWAY)
    login_codes = LoginCode.objects.filter(**created_before).exclude(user__in=tests)
    counts = {
        "sign_ups": _by_day(profiles, "created_at"),  # of phones, which may be verified on another day
        "activations": _by_day(queries.counted_votes().filter(**created), "created_at"),
        "sms_sent": _by_day(sms, "finished_at"),
        "codes_used": _by_day(login_codes, "used_at"),
    }
    return [DailyStats(day=day, **{name: found.get(day, 0) for name, found in counts.items()}) for day in days]


def _by_day(rows: QuerySet[Any, Any], time_of: str) -> dict[date, int]:
    """How many rows have this time on each day."""
    day = TruncDate(time_of, tzinfo=timezone.get_default_timezone())
    return dict(rows.order_by().values_list(day).annotate(number=Count("pk")))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=timezone.get_default_timezone())
