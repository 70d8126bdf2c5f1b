"""SMS and gateways in the admin, read-only. Phone numbers are masked."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.template.defaultfilters import floatformat
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.utils.timezone import localtime
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from users.admin.lists import ChoiceFilter, LargeTableAdmin, marked, shown
from users.admin.times import to_the_second
from users.admin.user_state import marked_if_disabled
from users.clock import DAY, StatementTimestamp
from users.login import sms_limits
from users.models import SiteTotals, SmsDelivery, SmsGateway
from users.operators.phone_searches import SEES_PHONES
from users.sms import arrivals, health
from users.sms.answers import gateway_name
from users.sms.models import DEMO_GATEWAY
from users.templatetags.commands import commands

SUSPECTS = _(
    "Many codes that nobody uses can mean that somebody requests SMS to earn from them. The guard against that is set"
    " where the service runs. SMS_GUARD=record only warns in the log. SMS_GUARD=enforce sends no SMS to unverified"
    " phones there: set it unless the users are real."
)

COUNTED = _("The worker counts once a minute. The limits of SMS use these numbers.")
REQUESTED = _(
    "Requested are all that the limits count: also those that a gateway refused, and those of demo mode, but not those"
    " that all gateways failed to send. Delivered are those whose provider sent a receipt."
)


OUTCOMES: tuple[tuple[str, Any, dict[str, Any]], ...] = (
    ("undelivered", _("not delivered"), {"undelivered__gt": "", "delivered_at": None}),
    ("failed", SmsDelivery.State.FAILED.label, {"state": "failed", "undelivered": ""}),
    ("dropped", SmsDelivery.State.DROPPED.label, {"state": "dropped"}),
    ("queued", SmsDelivery.State.QUEUED.label, {"state": "queued"}),
    ("sent", _("sent, no receipt"), {"state": "sent", "undelivered": "", "delivered_at": None}),
    ("delivered", _("delivered"), {"delivered_at__isnull": False}),
    ("demo", _("not sent: demo mode"), {"gateway": DEMO_GATEWAY}),
)

CREATED, FINISHED, DELIVERED = to_the_second(SmsDelivery, "created_at", "finished_at", "delivered_at")


class OutcomeFilter(ChoiceFilter):
    """Always with a period: an index on the outcome would slow down every SMS, and the times have one."""

    title = _("outcome")
    parameter_name = "lately"
    choices_offered = {name: (title, found) for name, title, found in OUTCOMES}

    def choices(self, changelist: Any) -> Any:
        """With today for an outcome without a period."""
        for choice in super().choices(changelist):
            asked = QueryDict(choice["query_string"].removeprefix("?"))
            yield {**choice, "query_string": f"?{with_period(asked).urlencode()}"}

    def queryset(self, request: HttpRequest, queryset: QuerySet[SmsDelivery]) -> QuerySet[SmsDelivery]:
        """Codes of demo mode have the state of an SMS that a gateway took."""
        found = super().queryset(request, queryset)
        return found.exclude(gateway=DEMO_GATEWAY) if self.value() == "sent" else found


class PeriodFilter(admin.DateFieldListFilter):
    def choices(self, changelist: Any) -> Any:
        """For any date there is no outcome."""
        for number, choice in enumerate(super().choices(changelist)):
            if not number:
                names = [self.field_generic, OutcomeFilter.parameter_name]
                choice["query_string"] = changelist.get_query_string(remove=names)
            yield choice


def with_period(asked: QueryDict) -> QueryDict:
    """The same query, with the parameters of Django's choice of today if it has an outcome without a period."""
    if OutcomeFilter.parameter_name not in asked or any(name.startswith("created_at__") for name in asked):
        return asked
    today = localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    found = asked.copy()
    found.update({"created_at__gte": str(today), "created_at__lt": str(today + DAY)})
    return found


def advice(sms: SmsDelivery) -> str:
    """What an operator does about an SMS with this outcome."""
    if sms.gateway == DEMO_GATEWAY:
        return gettext("Demo mode sent no SMS. The code is in the log.")
    if sms.delivered_at:
        return gettext("Nothing. If the user does not see it: it may be in spam, or among unknown senders.")
    if sms.undelivered or sms.is_unreachable:
        return gettext(
            "Ask the user to check the number, and whether the phone blocks SMS. Then let them request a new code."
        )
    if sms.is_too_late:
        return gettext("No worker took it in time. See what needs attention on the home page, then request a new code.")
    if sms.state == sms.State.QUEUED:
        return gettext("Wait: it is tried until its code expires. If it stays so, see the SMS gateways.")
    if sms.state == sms.State.SENT:
        return gettext("If it did not arrive: ask the gateway's provider about it, with the reference in the details.")
    return gettext("See the SMS gateways for what is wrong. The user can request a new code.")


@admin.register(SmsDelivery)
class SmsDeliveryAdmin(LargeTableAdmin):
    empty_text = _("SMS appear here when users request codes.")
    search_fields = ("login_code__user__phone",)
    list_select_related = ("login_code__user",)
    list_display = ("to", "id", "shown_outcome", "via", "created_at", "delivered_at")
    list_filter = (OutcomeFilter, ("created_at", PeriodFilter))
    ordering = ("-created_at",)
    # Without the prefix: with the masked number it would give the full one.
    fieldsets = (
        (None, {"fields": ("shown_outcome", "todo")}),
        (_("Timeline"), {"fields": (CREATED, "via", FINISHED, DELIVERED)}),
        (_("Details"), {"fields": ("id", "gateway_ref", "country", "login_code"), "classes": ("collapse",)}),
    )

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if (asked := with_period(request.GET)) is not request.GET:
            return redirect(f"{request.path}?{asked.urlencode()}")
        return super().changelist_view(request, extra_context)

    def heading(self, obj: Any) -> str:
        return gettext("to %(phone)s") % {"phone": obj.address or obj.login_code.user}

    @admin.display(description=_("phone"))
    def to(self, delivery: SmsDelivery) -> str:
        """The number at that time. It is deleted with the user's data, and then the user says so."""
        return marked_if_disabled(delivery.login_code.user, delivery.address)

    @admin.display(description=_("gateway"))
    def via(self, delivery: SmsDelivery) -> str:
        return shown(delivery.shown_gateway)

    @admin.display(description=_("what to do"))
    def todo(self, delivery: SmsDelivery) -> str:
        return advice(delivery)

    @admin.display(description=_("outcome"))
    def shown_outcome(self, delivery: SmsDelivery) -> str:
        return marked(delivery.tone, delivery.outcome)


@admin.register(SmsGateway)
class SmsGatewayAdmin(LargeTableAdmin):
    empty_text = _(
        "The gateways of SMS_GATEWAYS appear here a minute after the worker has started. Demo mode has none."
    )
    list_display = ("shown_name", "state", "shown_error", "todo", "arrived")
    fields = (*list_display, "failed_at", "failures", "refusals", "last_until")
    ordering = ("name",)

    @admin.display(description=_("gateway"))
    def shown_name(self, gateway: SmsGateway) -> str:
        return str(gateway)

    @admin.display(description=_("error"))
    def shown_error(self, gateway: SmsGateway) -> str:
        return shown(gateway.described_error)

    def get_queryset(self, request: HttpRequest) -> QuerySet[SmsGateway]:
        gateways: QuerySet[SmsGateway] = super().get_queryset(request)
        return gateways.annotate(now=StatementTimestamp(), arrivals=SiteTotals.objects.values("arrivals")[:1])

    @admin.display(description=_("state"))
    def state(self, gateway: Any) -> str:
        found = health.status(gateway, gateway.now)
        return marked(found.tone, found.name)

    @admin.display(description=_("what to do"))
    def todo(self, gateway: Any) -> str:
        return commands(shown(health.status(gateway, gateway.now).todo))

    @admin.display(description=_("used only after the others, until"))
    def last_until(self, gateway: SmsGateway) -> str:
        return shown(gateway.circuit_open_until)

    @admin.display(description=_("delivered in 24 hours"))
    def arrived(self, gateway: Any) -> str:
        return shown(arrivals.of(arrivals.stored(gateway.arrivals), gateway.name))


@admin.register(SiteTotals)
class SiteTotalsAdmin(LargeTableAdmin):
    empty_text = _("The totals appear here a minute after the worker has started.")
    list_display = ("counted_at", "users_a_day", "requested", "countries")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The page of the one row. Without a row, the list says when there will be one."""
        if self.has_view_permission(request) and SiteTotals.objects.exists():
            return redirect("admin:users_sitetotals_change", 1)
        return super().changelist_view(request, extra_context)

    def heading(self, obj: Any) -> str:
        return ""

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        # A number prefix with few users completes their masked phone numbers.
        prefixes = ("prefixes",) if request.user.has_perm(SEES_PHONES) else ()
        return [
            (None, {"fields": ("counted_at",), "description": COUNTED}),
            (_("Sign-ins"), {"fields": ("users_a_day",)}),
            (_("SMS in 24 hours"), {"fields": ("requested", "arrived"), "description": REQUESTED}),
            (_("Unused codes"), {"fields": ("countries", *prefixes), "description": SUSPECTS}),
            (_("Backups"), {"fields": ("backed_up_at", "checked_backup_at")}),
        ]

    @admin.display(description=_("users signed in per day, mean of seven days"))
    def users_a_day(self, totals: SiteTotals) -> str:
        return floatformat(totals.people_a_day, "-1g")

    @admin.display(description=_("requested"))
    def requested(self, totals: SiteTotals) -> str:
        """As the limits count them: also those that a gateway refused, and those of demo mode."""
        number, most = totals.sms_in_a_day, settings.SMS_PER_DAY
        said = {"number": floatformat(number, "g"), "most": floatformat(most, "g")}
        text = gettext("%(number)s of %(most)s") % said
        limit = gettext("The limit is SMS_PER_DAY.")
        high = int(most * sms_limits.NEARLY_ALL)
        meter = '<meter max="{}" high="{}" value="{}"></meter> <span class="nowrap">{}</span><br>{}'
        return format_html(meter, most, high, number, text, limit)

    @admin.display(description=_("delivered, by gateway"))
    def arrived(self, totals: SiteTotals) -> str:
        found = [one for one in arrivals.stored(totals.arrivals) if not one.prefix]
        return format_html_join(
            mark_safe("<br>"), "{}: {}", ((gateway_name(one.gateway), one) for one in found)
        ) or shown(None)

    @admin.display(description=_("countries whose codes are not used"))
    def countries(self, totals: SiteTotals) -> str:
        return shown(", ".join(totals.suspect_countries))

    @admin.display(description=_("number prefixes whose codes are not used"))
    def prefixes(self, totals: SiteTotals) -> str:
        return shown(", ".join(totals.suspect_prefixes))
