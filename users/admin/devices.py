"""Devices in the admin, read-only."""

import re

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from users.admin.lists import LargeTableAdmin, shown
from users.models import Device

SENT_BY_ALL = re.compile(r"Mozilla/5\.0 |AppleWebKit/\S+ |\(KHTML, like Gecko\) ")


@admin.register(Device)
class DeviceAdmin(LargeTableAdmin):
    empty_text = _("Devices appear here when users sign in.")
    list_display = ("user", "id", "client", "signed_in_at", "refreshed_at", "ended_at", "trusted_until")
    list_select_related = ("user",)
    search_fields = ("user__phone",)
    fields = ("user", "user_agent", "created_at", "signed_in_at", "refreshed_at", "ended_at", "trusted_until")

    @admin.display(description=_("client"))
    def client(self, device: Device) -> str:
        """What tells one browser from another: without the words that nearly all of them send."""
        return shown(SENT_BY_ALL.sub("", device.user_agent))
