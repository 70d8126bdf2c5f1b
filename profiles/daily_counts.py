"""Counts of sign-ups, activations, SMS and codes for each of the last days, without test users.

Finished days are counted once and stored: counting a month of SMS for each page takes too long. A day without a row,
such as today, is counted when it is shown.
"""

from datetime import date, datetime, time

from django.utils import timezone

from profiles import queries
from profiles.models import DailyStats, Profile
from users.clock import DAY
from users.login import codes
from users.models import LoginCode, SmsDelivery
from users.sms.models import DEMO_GATEWAY

# Days including today. Codes and SMS are kept for 31 days.
SHOWN = 30

# The longest time from the creation of a code until its SMS is sent or it is used.
LONGEST_LIFE = codes.OPEN_AT_MOST + codes.VALID_AFTER_UPDATE


def last(now: datetime) -> list[DailyStats]:
    """The last SHOWN days, today last."""
    days = _shown(now)
    stored = {one.day: one for one in DailyStats.objects.filter(day__in=days)}
    return [stored.get(day) or _counted(day) for day in days]


def store(now: datetime) -> None:
    """Count and store the finished days that are not stored yet."""
    finished = _shown(now)[:-1]
    stored = set(DailyStats.objects.filter(day__in=finished).values_list("day", flat=True))
    for day in finished:
        if day not in stored:
            DailyStats.objects.bulk_create([_counted(day)], ignore_conflicts=True)


def _shown(now: datetime) -> list[date]:
    today = timezone.localdate(now, timezone.get_default_timezone())
    return [today - DAY * ago for ago in reversed(range(SHOWN))]


def _counted(day: date) -> DailyStats:
    """Count a day by the indexes on `created_at`: there is none on the time of sending or of use."""
    start, end = _midnight(day), _midnight(day + DAY)
    created = {"created_at__gte": start, "created_at__lt": end}
    created_before = {"created_at__gte": start - LONGEST_LIFE, "created_at__lt": end}
    sent = SmsDelivery.objects.filter(**created_before, finished_at__gte=start, finished_at__lt=end)
    used = LoginCode.objects.filter(**created_before, used_at__gte=start, used_at__lt=end)
    return DailyStats(
        day=day,
        # Of phones, which may be verified on another day.
        sign_ups=Profile.objects.filter(**created, user__is_test=False).count(),
        activations=queries.counted_votes().filter(**created).count(),
        sms_sent=sent.filter(state=SmsDelivery.State.SENT).exclude(gateway=DEMO_GATEWAY).count(),
        codes_used=used.filter(user__is_test=False).count(),
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=timezone.get_default_timezone())
