"""The numbers on the home page of the admin: today, totals, and charts of the last 30 days."""

from collections import Counter
from typing import Any

from django.conf import settings
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from profiles import daily_counts, queries, voting
from profiles.admin import voting_words
from profiles.models import Activation, DailyStats
from users.admin import search
from users.models import SmsDelivery, User
from users.queries import database_now
from users.sms.models import DEMO_GATEWAY

# A larger table is not counted: the home page then shows PostgreSQL's own estimate.
COUNTED = 10_000

# The SMS whose outcomes are shown one by one.
LAST_SMS = 50

# What SMS with each tone have in common (SmsDelivery.tone).
TONES = {
    "good": _("delivered"),
    "": _("sent, no receipt"),
    "open": _("queued"),
    "bad": _("not sent or not delivered"),
}

# The title of each chart, and its counts of a day with their names.
CHARTS = (
    (_("New numbers and votes"), {"sign_ups": _("new numbers"), "activations": _("votes")}),
    (_("SMS sent and codes verified"), {"sms_sent": _("SMS sent"), "codes_used": _("codes verified")}),
)


def context(request: HttpRequest) -> dict[str, Any]:
    """The template context of the home page. Operators who may see users see the numbers too."""
    title = {"title": _("Overview")}
    if not request.user.has_perm("users.view_user"):
        return title
    last = daily_counts.last(database_now())
    return {
        **title,
        "voting": voting_words.marked_state(voting.current())
        if request.user.has_perm("profiles.view_votingperiod")
        else "",
        "find_help": search.HELP,
        "charts": [_chart(title, counts, last) for title, counts in CHARTS],
        "totals": _totals(),
        "last_sms": _last_sms() if request.user.has_perm("users.view_smsdelivery") else {},
        "time_zone": settings.TIME_ZONE,
    }


def _last_sms() -> dict[str, Any]:
    """The newest SMS, the oldest of them first, and how many of them have each outcome. Demo codes are no SMS."""
    newest = SmsDelivery.objects.prefetch_related("login_code").order_by("-created_at", "-pk")[:LAST_SMS]
    # A condition on the gateway would keep PostgreSQL from the index of the times.
    found = [sms for sms in newest if sms.gateway != DEMO_GATEWAY]
    tones = Counter(sms.tone for sms in found)
    return {"all": found[::-1], "counts": [(tone, name, tones[tone]) for tone, name in TONES.items()]} if found else {}


def _chart(title: Any, counts: dict[str, Any], last: list[DailyStats]) -> dict[str, Any]:
    rows = [(day.day, [getattr(day, count) for count in counts]) for day in reversed(last)]
    newest = list(zip(counts.values(), rows[0][1], rows[1][1], strict=True))
    any_number = any(any(row) for _, row in rows)
    return {"title": title, "names": counts.values(), "newest": newest, "rows": rows, "any": any_number}


def _totals() -> list[dict[str, Any]]:
    users = User.objects.filter(is_test=False)
    active = users.filter(is_active=True, verified_at__isnull=False)
    left_out = ("users_user_erased", "users_user_test")
    inactive = ("users_user_unverified", "users_user_disabled")
    return [
        _total(_("all numbers"), users.filter(erased_at=None), "users_user", *left_out),
        _total(_("verified users"), active, "users_user", *left_out, *inactive),
        _total(Activation._meta.verbose_name_plural, queries.counted_votes(), "profiles_activation"),
    ]


def _total(name: Any, rows: QuerySet[Any, Model], table: str, *without: str) -> dict[str, Any]:
    """The count; for a large table an estimate: its rows minus those in the partial indexes `without`."""
    number = rows.order_by("pk")[: COUNTED + 1].count()
    if is_estimate := number > COUNTED:
        number = max(number, queries.estimated_rows(table, without))
    return {"name": name, "number": number, "is_estimate": is_estimate}
