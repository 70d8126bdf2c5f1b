"""What happened on each of the last days.

Finished days are counted once and stored: to read a month of SMS at each look takes too long. A day without a row,
such as today, is counted there and then.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from django.utils import timezone

from profiles.models import Activation, Day, Profile
from users.login import codes
from users.models import LoginCode, SmsDelivery

# Days, today among them: codes and SMS are kept for 31.
SHOWN = 30

ONE_DAY = timedelta(days=1)

# From when a code was made until the last moment when its SMS may be sent and it may be used.
LONGEST_LIFE = codes.OPEN_AT_MOST + codes.VALID_AFTER_UPDATE


def last(now: datetime) -> list[Day]:
    """The last SHOWN days, the oldest first and today last."""
    days = _shown(now)
    stored = {one.day: one for one in Day.objects.filter(day__in=days)}
    return [stored.get(day) or _counted(day) for day in days]


def store(now: datetime) -> None:
    """Count the finished days among those shown that are not stored yet."""
    finished = _shown(now)[:-1]
    stored = set(Day.objects.filter(day__in=finished).values_list("day", flat=True))
    for day in finished:
        if day not in stored:
            Day.objects.bulk_create([_counted(day)], ignore_conflicts=True)


def _shown(now: datetime) -> list[date]:
    today = timezone.localdate(now, timezone.get_default_timezone())
    return [today - ONE_DAY * ago for ago in reversed(range(SHOWN))]


def _counted(day: date) -> Day:
    """Through the indexes on when rows were made, for there is none on when an SMS was sent or a code used."""
    start, end = _midnight(day), _midnight(day + ONE_DAY)
    made = {"created_at__gte": start, "created_at__lt": end}
    made_before = {"created_at__gte": start - LONGEST_LIFE, "created_at__lt": end}
    sent = SmsDelivery.objects.filter(**made_before, finished_at__gte=start, finished_at__lt=end)
    return Day(
        day=day,
        sign_ups=Profile.objects.filter(**made).count(),  # of numbers; whoever proves theirs may do so another day
        activations=Activation.objects.filter(**made).count(),
        sms_sent=sent.filter(state=SmsDelivery.State.SENT).count(),
        codes_used=LoginCode.objects.filter(**made_before, used_at__gte=start, used_at__lt=end).count(),
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=timezone.get_default_timezone())
