"""Devices in the admin, read-only."""

from typing import Any

from django.contrib import admin
from django.utils.html import format_html
from django.utils.translation import gettext, pgettext
from django.utils.translation import gettext_lazy as _

from users.admin.lists import LargeTableAdmin, marked, shown
from users.admin.user_state import marked_if_disabled
from users.models import Device

KNOWN = _("Until this time the device is known, and fewer limits apply to its user's codes.")


@admin.register(Device)
class DeviceAdmin(LargeTableAdmin):
    empty_text = _("Devices appear here when users sign in.")
    list_display = ("owner", "id", "shown_client", "state", "signed_in_at", "refreshed", "trusted_until")
    list_select_related = ("user",)
    search_fields = ("user__phone",)
    fieldsets = (
        (None, {"fields": ("user", "state")}),
        (_("Session"), {"fields": ("signed_in_at", "refreshed_at", "ended_at")}),
        (_("Known device"), {"fields": ("trusted_until",), "description": KNOWN}),
        (_("Details"), {"fields": ("id", "user_agent", "created_at"), "classes": ("collapse",)}),
    )

    def heading(self, obj: Any) -> str:
        return str(obj.client)

    @admin.display(description=_("user"))
    def owner(self, device: Device) -> str:
        return marked_if_disabled(device.user)

    @admin.display(description=_("client"))
    def shown_client(self, device: Device) -> str:
        return device.client

    @admin.display(description=_("last active"))
    def refreshed(self, device: Device) -> str:
        """With the name of the column, which a narrow screen shows beside the time: it has no headings."""
        label = pgettext("beside a time", "last active")
        return format_html('<span class="label">{}</span> {}', label, shown(device.refreshed_at))

    @admin.display(description=_("session"))
    def state(self, device: Device) -> str:
        return marked("", gettext("ended")) if device.ended_at else marked("good", pgettext("session", "active"))
