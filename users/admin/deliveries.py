"""Login codes, SMS and gateways in the admin, read-only. No code is ever shown, and phone numbers are masked."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest
from django.template.defaultfilters import floatformat
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from users.admin.lists import ChoiceFilter, LargeTableAdmin, shown
from users.clock import DAY, StatementTimestamp
from users.models import LoginCode, SiteTotals, SmsDelivery, SmsGateway
from users.operators.phone_searches import SEES_PHONES
from users.sms import arrivals, health


@admin.register(LoginCode)
class LoginCodeAdmin(LargeTableAdmin):
    empty_text = _("Codes appear here when users request them.")
    list_display = (
        "user",
        "id",
        "length",
        "known_device",
        "challenges",
        "wrong",
        "created_at",
        "used_at",
    )
    list_filter = ("created_at",)
    list_select_related = ("user", "device")
    search_fields = ("user__phone",)
    ordering = ("-created_at",)
    fields = (*list_display, "shown_language", "sent_at", "open_until", "expires_at", "closed_at")

    @admin.display(description=_("language"))
    def shown_language(self, code: LoginCode) -> str:
        return str(dict(settings.LANGUAGES).get(code.language, code.language))

    @admin.display(description=_("known device"))
    def known_device(self, code: LoginCode) -> str:
        return shown(code.device)


class RecentStateFilter(ChoiceFilter):
    """One day, which is what an operator acts on. An index on the state would slow down every SMS."""

    title = _("state, in the last 24 hours")
    parameter_name = "lately"
    choices_offered = {
        value: (title, {"state": value, "created_at__gt": Now() - DAY}) for value, title in SmsDelivery.State.choices
    }


@admin.register(SmsDelivery)
class SmsDeliveryAdmin(LargeTableAdmin):
    empty_text = _("SMS appear here when users request codes.")
    search_fields = ("login_code__user__phone",)
    list_display = ("address", "id", "state", "gateway", "shown_error", "created_at", "delivered")
    list_filter = (RecentStateFilter, "created_at")
    ordering = ("-created_at",)
    # Without the prefix: with the masked number it would give the full one.
    fields = (*list_display, "finished_at", "gateway_ref", "country", "login_code")

    @admin.display(description=_("error"))
    def shown_error(self, delivery: SmsDelivery) -> str:
        return shown(delivery.described_error)

    @admin.display(description=_("delivered"))
    def delivered(self, delivery: SmsDelivery) -> str:
        """When it was delivered, or why not."""
        if delivery.delivered_at or not delivery.undelivered:
            return shown(delivery.delivered_at)
        return gettext("no: %(reason)s") % {"reason": delivery.described_undelivered}


@admin.register(SmsGateway)
class SmsGatewayAdmin(LargeTableAdmin):
    empty_text = _("The gateways of SMS_GATEWAYS appear here a minute after the worker has started.")
    list_display = ("name", "state", "shown_error", "failed_at", "arrived")
    fields = ("name", "state", "todo", "failures", "refusals", *list_display[2:4], "circuit_open_until", "arrived")
    ordering = ("name",)

    @admin.display(description=_("error"))
    def shown_error(self, gateway: SmsGateway) -> str:
        return shown(gateway.described_error)

    def get_queryset(self, request: HttpRequest) -> QuerySet[SmsGateway]:
        gateways: QuerySet[SmsGateway] = super().get_queryset(request)
        return gateways.annotate(now=StatementTimestamp(), arrivals=SiteTotals.objects.values("arrivals")[:1])

    @admin.display(description=_("state"))
    def state(self, gateway: Any) -> str:
        return health.state(gateway, gateway.now)

    @admin.display(description=_("what to do"))
    def todo(self, gateway: Any) -> str:
        found = health.trouble(gateway, gateway.now)
        return shown(found and found.todo)

    @admin.display(description=_("delivered in 24 hours"))
    def arrived(self, gateway: Any) -> str:
        return shown(arrivals.of(arrivals.stored(gateway.arrivals), gateway.name))


@admin.register(SiteTotals)
class SiteTotalsAdmin(LargeTableAdmin):
    empty_text = _("The totals appear here a minute after the worker has started.")
    list_display = ("counted_at", "users_a_day", "requested", "countries")

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        # A number prefix with few users completes their masked phone numbers.
        return (*self.list_display, *(["prefixes"] if request.user.has_perm(SEES_PHONES) else []))

    @admin.display(description=_("users signed in per day, mean of seven days"))
    def users_a_day(self, totals: SiteTotals) -> str:
        return floatformat(totals.people_a_day, "-1g")

    @admin.display(description=_("SMS requested in 24 hours"))
    def requested(self, totals: SiteTotals) -> str:
        """As the limits count them: also those that no gateway took, and those of demo mode."""
        return floatformat(totals.sms_in_a_day, "g")

    @admin.display(description=_("countries whose codes are not used"))
    def countries(self, totals: SiteTotals) -> str:
        return shown(", ".join(totals.suspect_countries))

    @admin.display(description=_("number prefixes whose codes are not used"))
    def prefixes(self, totals: SiteTotals) -> str:
        return shown(", ".join(totals.suspect_prefixes))
