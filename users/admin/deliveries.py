"""Codes, SMS and the queue for operators: to look at. No code is ever shown, and a phone only masked."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.db.models.expressions import RawSQL
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from procrastinate.contrib.django.admin import ProcrastinateJobAdmin
from procrastinate.contrib.django.models import ProcrastinateJob

from users.admin.lists import SEES_PHONES, BrowsedAdmin, Choice, ReadOnlyAdmin
from users.clock import DAY, database_now
from users.models import LoginCode, SiteTotals, SmsDelivery, SmsGateway


@admin.register(LoginCode)
class LoginCodeAdmin(ReadOnlyAdmin):
    list_display = ("id", "user", "digits", "device", "challenges", "wrong", "created_at", "expires_at", "used_at")
    list_filter = ("created_at",)
    list_select_related = ("user", "device")
    ordering = ("-created_at",)
    fields = (*list_display, "language", "sent_at", "open_until", "closed_at")


class LatelyInState(admin.SimpleListFilter):
    """Of a day, which is what an operator acts on: an index on states would slow down every SMS."""

    title = _("state, in the last 24 hours")
    parameter_name = "lately"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(SmsDelivery.State.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[SmsDelivery]) -> QuerySet[SmsDelivery]:
        if not self.value():
            return queryset
        return queryset.filter(state=self.value(), created_at__gt=database_now() - DAY)


@admin.register(SmsDelivery)
class SmsDeliveryAdmin(ReadOnlyAdmin):
    phone_lookup = "login_code__user__phone"
    list_display = ("id", "address", "state", "gateway", "error", "created_at", "finished_at")
    list_filter = (LatelyInState, "created_at")
    ordering = ("-created_at",)
    # Not the prefix: with the masked address it makes the whole number.
    fields = (*list_display, "channel", "gateway_ref", "country", "login_code")


@admin.register(SmsGateway)
class SmsGatewayAdmin(ReadOnlyAdmin):
    list_display = ("name", "failures", "error", "failed_at", "skipped_until")
    ordering = ("name",)
    phone_lookup = ""


@admin.register(SiteTotals)
class SiteTotalsAdmin(ReadOnlyAdmin):
    list_display = ("counted_at", "people_a_day", "sms_in_a_day", "suspect_countries")
    phone_lookup = ""

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        # A block of numbers with few people in it completes their masked phones.
        return (*self.list_display, *(["suspect_prefixes"] if request.user.has_perm(SEES_PHONES) else []))


def written_out(status: str) -> RawSQL:
    """The status in the very text of the statement: with a parameter, its index of just those jobs is of no use."""
    return RawSQL(f"'{status}'::procrastinate_job_status", ())  # noqa: S611 - one of our own words


JOB_ACTIONS = {
    "retry": _("Do the job again"),
    "cancel": _("Cancel the job, if it waits"),
    "abort": _("Stop the job, also while it is being done"),
}


class Status(Choice):
    title = _("status")
    parameter_name = "status"
    choices_offered = {
        name: (title, {"status": written_out(name)})
        for name, title in (("todo", _("waiting")), ("doing", _("being done")), ("failed", _("not done")))
    }


admin.site.unregister(ProcrastinateJob)


@admin.register(ProcrastinateJob)
class JobAdmin(BrowsedAdmin, ProcrastinateJobAdmin):  # type: ignore[misc]
    """Procrastinate's own list, but for its filters, which read all jobs, and its actions, which ask for no right."""

    list_filter = [Status]
    ordering = ("-pk",)
    phone_lookup = ""

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        if not request.user.has_perm("procrastinate.change_procrastinatejob"):
            return {}
        offered: dict[str, Any] = super().get_actions(request) or {}
        return {name: (offered[name][0], name, title) for name, title in JOB_ACTIONS.items() if name in offered}
