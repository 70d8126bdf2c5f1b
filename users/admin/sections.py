"""The tables on the admin's page of a user. Each reads at most NEWEST rows, so it is equally quick for every user."""

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any

from django.contrib.admin.templatetags.admin_urls import admin_urlname
from django.contrib.admin.utils import display_for_value
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from users.login import diagnosis
from users.models import Device, SmsDelivery, User

# Rows that a section shows at once.
NEWEST = 50

# A table as `tables.html` shows it: title, headings and rows; and perhaps note, warning, links and anchor.
Section = dict[str, Any]
Show = Callable[[HttpRequest, User], Section]
# The headings of a table, each with the function that takes its value from a row.
Columns = dict[str, Callable[[Any], Any]]


def shown(value: Any) -> str:
    """A value, as the admin writes it."""
    return str(display_for_value(None if value == "" else value, "—"))


def table(title: str, columns: Columns, rows: Iterable[Any], show: Any = shown, **more: Any) -> Section:
    cells = [[show(value(row)) for value in columns.values()] for row in rows]
    return {"title": title, "headings": list(columns), "rows": cells, **more}


def heading(model: type[Model], field: str) -> str:
    return str(model._meta.get_field(field).verbose_name)  # type: ignore[union-attr]


def columns(model: type[Model], fields: str) -> Columns:
    """A column for each of these fields of the model."""
    return {heading(model, field): attrgetter(field) for field in fields.split()}


def linked(row: Model, text: Any = None) -> str:
    """A link to the admin's page of this object."""
    address = reverse(admin_urlname(row._meta, "change"), args=[row.pk])  # type: ignore[arg-type]
    return format_html('<a href="{}">{}</a>', address, text or row)


def _newest(title: str, model: type[Model], columns: Columns, rows: list[Any]) -> Section:
    first: Columns = {heading(model, "id"): lambda row: linked(row, row.pk)}
    note = _("Only the newest %(count)d are shown.") % {"count": NEWEST} if len(rows) == NEWEST else ""
    return table(title, first | columns, rows, note=note)


def devices(request: HttpRequest, user: User) -> Section:
    found = columns(Device, "user_agent signed_in_at refreshed_at ended_at trusted_until")
    return _newest(_("Devices"), Device, found, list(user.devices.order_by("-signed_in_at", "-pk")[:NEWEST]))


def deliveries(request: HttpRequest, user: User) -> Section:
    title = capfirst(str(SmsDelivery._meta.verbose_name_plural))
    state: Columns = {heading(SmsDelivery, "state"): SmsDelivery.get_state_display}
    found = state | columns(SmsDelivery, "created_at finished_at gateway error")
    return _newest(title, SmsDelivery, found, diagnosis.last_sends(user, NEWEST))
