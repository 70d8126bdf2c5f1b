"""The numbers on the home page of the admin: today, totals, and charts of the last 30 days."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.admin.utils import get_fields_from_path
from django.db import connection
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from profiles import daily_counts
from profiles.models import Activation, Day
from users.clock import database_now
from users.models import User

# A larger table is not counted: the home page then shows PostgreSQL's own estimate.
COUNTED = 10_000

CHARTS = (
    (_("New numbers and activations"), ("sign_ups", "activations")),
    (_("SMS sent and codes verified"), ("sms_sent", "codes_used")),
)

# Names of the counts whose column's name would say too much.
NAMES = {"sign_ups": _("new numbers")}

WORDS = {
    "today": _("Today"),
    "yesterday": _("yesterday"),
    "in_all": _("In total"),
    "about": _("about"),
    "last_days": _("The last 30 days"),
    "nothing": _("Nothing in the last 30 days."),
    "table": _("Show as a table"),
    "day": _("Day"),
    "so_far": _("so far"),
}


@dataclass(frozen=True)
class Total:
    name: Any
    number: int
    is_estimate: bool


def context(request: HttpRequest) -> dict[str, Any]:
    """The template context of the home page. Operators who may see users see the numbers too."""
    numbers = _numbers() if request.user.has_perm("users.view_user") else {}
    return {"title": _("Overview"), **numbers}


def _numbers() -> dict[str, Any]:
    last = daily_counts.last(database_now())
    charts = [_chart(title, fields, last) for title, fields in CHARTS]
    return {
        "today": [
            {"name": series["name"], "today": series["numbers"][-1], "yesterday": series["numbers"][-2]}
            for chart in charts
            for series in chart["series"]
        ],
        "totals": _totals(),
        "charts": charts,
        "words": WORDS,
        "note": _(
            "A number is new when it first requests a code, even if nobody enters the code. "
            "The verified users do not include the disabled ones. "
            "Days begin at midnight, %(time_zone)s. Today is not over yet."
        )
        % {"time_zone": settings.TIME_ZONE},
    }


def _chart(title: Any, fields: tuple[str, ...], last: list[Day]) -> dict[str, Any]:
    series = [
        {
            "name": NAMES.get(field, get_fields_from_path(Day, field)[-1].verbose_name),
            "numbers": [getattr(day, field) for day in last],
        }
        for field in fields
    ]
    newest_first = [(day.day, [getattr(day, field) for field in fields]) for day in reversed(last)]
    return {"title": title, "series": series, "rows": newest_first, "any": any(any(row) for _, row in newest_first)}


def _totals() -> list[Total]:
    active = User.objects.filter(is_active=True, verified_at__isnull=False)
    others = ("users_user_unverified", "users_user_disabled", "users_user_erased")
    return [
        _total(_("all numbers"), User.objects.filter(erased_at=None), "users_user", "users_user_erased"),
        _total(_("verified users"), active, "users_user", *others),
        _total(Activation._meta.verbose_name_plural, Activation.objects.all(), "profiles_activation"),
    ]


def _total(name: Any, rows: QuerySet[Any, Model], table: str, *without: str) -> Total:
    """The count; for a large table an estimate: its rows minus those in the partial indexes `without`."""
    number = rows.order_by("pk")[: COUNTED + 1].count()
    if number <= COUNTED:
        return Total(name, number, is_estimate=False)
    with connection.cursor() as cursor:
        cursor.execute(_ESTIMATE, [table, list(without), table])
        (estimate,) = cursor.fetchone()
    return Total(name, max(number, int(estimate)), is_estimate=True)


_ESTIMATE = """
SELECT SUM(CASE WHEN relname = %s THEN 1 ELSE -1 END * GREATEST(reltuples, 0)) FROM pg_class
 WHERE (relname = ANY(%s) OR relname = %s) AND pg_table_is_visible(oid)
"""
