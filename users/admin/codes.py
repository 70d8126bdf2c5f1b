"""Login codes in the admin, read-only. No code is ever shown, and phone numbers are masked."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext, pgettext
from django.utils.translation import gettext_lazy as _

from users.admin.lists import LargeTableAdmin, marked
from users.admin.user_state import marked_if_disabled
from users.clock import StatementTimestamp
from users.models import LoginCode


@admin.register(LoginCode)
class LoginCodeAdmin(LargeTableAdmin):
    empty_text = _("Codes appear here when users request them.")
    list_display = (
        "owner",
        "id",
        "state",
        "length",
        "known_device",
        "challenges",
        "wrong",
        "created_at",
    )
    list_filter = ("created_at",)
    list_select_related = ("user", "device")
    search_fields = ("user__phone",)
    ordering = ("-created_at",)
    fields = (
        "user",
        *list_display[1:],
        "used_at",
        "shown_language",
        "sent_at",
        "expires_at",
        "open_until",
    )

    def heading(self, obj: Any) -> str:
        return gettext("No. %(id)d") % {"id": obj.pk}

    def get_queryset(self, request: HttpRequest) -> QuerySet[LoginCode]:
        codes: QuerySet[LoginCode] = super().get_queryset(request)
        return codes.annotate(now=StatementTimestamp())

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """The time of closing once it is there: until then it says nothing."""
        return (*self.fields, "closed_at") if obj and obj.closed_at and obj.closed_at <= obj.now else self.fields

    @admin.display(description=_("user"))
    def owner(self, code: LoginCode) -> str:
        return marked_if_disabled(code.user)

    @admin.display(description=_("state"))
    def state(self, code: Any) -> str:
        if code.used_at:
            return marked("good", gettext("used"))
        if code.expires_at > code.now:
            return marked("good", pgettext("login code", "valid"))
        return marked("", pgettext("login code", "expired"))

    @admin.display(description=_("language"))
    def shown_language(self, code: LoginCode) -> str:
        return str(dict(settings.LANGUAGES).get(code.language, code.language))

    @admin.display(description=_("device"))
    def known_device(self, code: LoginCode) -> str:
        return code.device.client if code.device else gettext("new device")
