"""What the page of a person shows besides their own row. Each section is as quick for a celebrity as for anybody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from django.contrib.admin.utils import display_for_value
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from users.admin.diagnosis_texts import Table
from users.admin.lists import BrowsedAdmin, named_columns
from users.login import diagnosis
from users.models import Device, SmsDelivery, User

# Rows that a section shows at once.
NEWEST = 50


@dataclass(frozen=True)
class Section(Table):
    """A table with what is to be noticed about it, and where to go on."""

    warning: str = ""
    # Addresses, and what they lead to.
    links: tuple[tuple[str, str], ...] = ()
    anchor: str = ""


Show = Callable[[HttpRequest, User], Section]


def shown(value: Any) -> str:
    """A value of a row, as the admin writes it."""
    return str(display_for_value(value, "—"))


def linked(name: str, pk: int | None, text: Any) -> str:
    """A link to the admin's page of an object, such as `users_user` number 17."""
    return format_html('<a href="{}">{}</a>', reverse(f"admin:{name}_change", args=[pk]), text)


def headings(model: type[Model], columns: str) -> list[str]:
    """What these columns of the model are called, for a table of them."""
    return [str(name) for name in named_columns(model, columns).values()]


def _devices(request: HttpRequest, person: User) -> Section:
    columns = "user_agent signed_in_at refreshed_at ended_at trusted_until"
    found = person.devices.order_by("-signed_in_at", "-pk")[:NEWEST]
    return Section(
        _("Devices"),
        headings(Device, f"id {columns}"),
        [
            [linked("users_device", row.pk, row.pk), *(shown(getattr(row, name)) for name in columns.split())]
            for row in found
        ],
        note=of_the_newest(len(found)),
    )


def _deliveries(request: HttpRequest, person: User) -> Section:
    columns = "created_at finished_at gateway error"
    found = diagnosis.last_sends(person, NEWEST)
    return Section(
        capfirst(str(SmsDelivery._meta.verbose_name_plural)),
        headings(SmsDelivery, f"id state {columns}"),
        [
            [
                linked("users_smsdelivery", row.pk, row.pk),
                row.get_state_display(),
                *(shown(getattr(row, name) or None) for name in columns.split()),
            ]
            for row in found
        ],
        note=of_the_newest(len(found)),
    )


def of_the_newest(count: int) -> str:
    """A word about the older rows, if there may be some."""
    return _("Only the newest %(count)d are shown.") % {"count": count} if count == NEWEST else ""


class PersonPage(BrowsedAdmin):
    """Gives people's admin the sections of a person that the operator may see."""

    class Media:
        css: ClassVar[dict[str, tuple[str, ...]]] = {"all": ("users/person.css",)}

    # The permission that each needs.
    sections: ClassVar[tuple[tuple[str, Show], ...]] = (
        ("users.view_device", _devices),
        ("users.view_smsdelivery", _deliveries),
    )

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        response = super().change_view(request, object_id, *args, **kwargs)
        if isinstance(response, TemplateResponse) and response.context_data:
            person = response.context_data["original"]
            response.context_data["title"] = capfirst(str(self.opts.verbose_name))
            allowed = [show for permission, show in self.sections if request.user.has_perm(permission)]
            response.context_data["sections"] = [show(request, person) for show in allowed]
        return response
