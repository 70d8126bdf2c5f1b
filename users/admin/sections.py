"""The tables on the admin's page of a user. Each reads at most NEWEST rows, so it is equally quick for every user."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib.admin.utils import display_for_value
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from users.admin.lists import named_columns
from users.login import diagnosis
from users.models import Device, SmsDelivery, User

# Rows that a section shows at once.
NEWEST = 50


@dataclass(frozen=True)
class Section:
    """A table with its title, as `tables.html` shows it."""

    title: str
    headings: list[str]
    rows: list[list[str]]
    note: str = ""
    warning: str = ""
    # Pairs of an address and the words that link to it.
    links: tuple[tuple[str, str], ...] = ()
    anchor: str = ""


Show = Callable[[HttpRequest, User], Section]


def shown(value: Any) -> str:
    """A field's value, as the admin writes it."""
    return str(display_for_value(value, "—"))


def linked(name: str, pk: int | None, text: Any) -> str:
    """A link to the admin's page of an object: `users_user` and its primary key, for example."""
    return format_html('<a href="{}">{}</a>', reverse(f"admin:{name}_change", args=[pk]), text)


def headings(model: type[Model], columns: str) -> list[str]:
    """The names of these columns, as headings of a table."""
    return [str(name) for name in named_columns(model, columns).values()]


def newest_only(rows: int) -> str:
    """A note that there may be older rows, if there may be."""
    return _("Only the newest %(count)d are shown.") % {"count": rows} if rows == NEWEST else ""


def devices(request: HttpRequest, user: User) -> Section:
    columns = "user_agent signed_in_at refreshed_at ended_at trusted_until"
    found = user.devices.order_by("-signed_in_at", "-pk")[:NEWEST]
    rows = [
        [linked("users_device", one.pk, one.pk), *(shown(getattr(one, name)) for name in columns.split())]
        for one in found
    ]
    return Section(_("Devices"), headings(Device, f"id {columns}"), rows, newest_only(len(rows)))


def deliveries(request: HttpRequest, user: User) -> Section:
    columns = "created_at finished_at gateway error"
    rows = [
        [
            linked("users_smsdelivery", one.pk, one.pk),
            one.get_state_display(),
            *(shown(getattr(one, name) or None) for name in columns.split()),
        ]
        for one in diagnosis.last_sends(user, NEWEST)
    ]
    title = capfirst(str(SmsDelivery._meta.verbose_name_plural))
    return Section(title, headings(SmsDelivery, f"id state {columns}"), rows, newest_only(len(rows)))
