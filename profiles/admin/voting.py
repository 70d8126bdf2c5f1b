"""The voting period in the admin, whose changes need a reason, and the results, which a superuser publishes once."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import OperationalError, transaction
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import formats
from django.utils.html import format_html
from django.utils.text import format_lazy
from django.utils.timezone import localtime
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.generic import FormView

from profiles import results, voting
from profiles.models import Result, VotingPeriod
from users.admin.actions import FinalForm, ReasonForm
from users.admin.export import ExportAdmin
from users.admin.lists import ForgivingAdmin

ZONE = settings.TIME_ZONE
# Votes outside the period are counted up to this number, because a page waits for the count.
COUNTED = 10_000
BUSY = _("Nothing was changed: votes are under way at this moment. Try again.")
NO_END = _("Results can be published when voting has closed. Set a time at which it closes.")
PUBLISHED = _("The results are published. They and the voting period cannot change any more.")


class PeriodForm(forms.ModelForm, ReasonForm):  # type: ignore[type-arg]
    about = None  # type: ignore[assignment]  # one form changes both times, so it may be sent twice

    class Meta:
        model = VotingPeriod
        fields = ("opens_at", "closes_at")
        help_texts = {
            "opens_at": format_lazy(_("Votes count from this time on. Empty: no limit. Time zone: {zone}."), zone=ZONE),
            "closes_at": format_lazy(_("Votes count before this time. Empty: no limit. Time zone: {zone}."), zone=ZONE),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in self.fields.keys() & {"opens_at", "closes_at"}:  # Django's widget gives its two inputs no labels
            for part, said in zip(self.fields[name].widget.widgets, (_("Date"), _("Time")), strict=True):
                part.attrs["aria-label"] = f"{self.fields[name].label}: {said}"
        if "reason" in self.fields:  # not for those who may only view
            self.fields["reason"].help_text = _("The history keeps it. Do not write phone numbers.")


class PublishView(FormView):  # type: ignore[type-arg]
    """Explains what publishing means, asks for a reason and a confirmation, publishes and logs it."""

    template_name = "admin/profiles/publish.html"
    form_class = FinalForm
    model_admin: Any = None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_superuser:
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        site = self.model_admin.admin_site.each_context(self.request)
        stored = voting.period()
        own = {"opts": self.model_admin.opts, "title": _("Publish the results"), "original": stored}
        found = {"not_now": _not_now(stored), "outside": self.model_admin.outside(stored)}
        return super().get_context_data(**site, **own, **found, **kwargs)

    def form_valid(self, form: FinalForm) -> HttpResponse:
        """Publish the results and log it, both or neither."""
        try:
            with transaction.atomic():
                stored = results.publish()
                done = gettext("Published the results. SHA-256 of the file: %(sha256)s.")
                logged = {"done": done % {"sha256": stored.results_sha256}, "reason": form.cleaned_data["reason"]}
                self.model_admin.log_change(self.request, stored, gettext("%(done)s Reason: %(reason)s") % logged)
        except results.StillOpen:
            messages.warning(self.request, _not_now(voting.period()) or BUSY)
        except voting.ResultsPublished:
            messages.warning(self.request, PUBLISHED)
        except OperationalError:  # a vote or an erasure held a lock for too long
            messages.error(self.request, BUSY)
        else:
            messages.success(self.request, gettext("The results are published."))
        return redirect("admin:profiles_votingperiod_change", 1)


@admin.register(VotingPeriod)
class VotingPeriodAdmin(ForgivingAdmin):
    form = PeriodForm
    readonly_fields = ("state", "outside", "results", "results_published_at", "results_sha256")

    def get_urls(self) -> list[URLPattern]:
        publish = self.admin_site.admin_view(PublishView.as_view(model_admin=self))
        return [path("publish/", publish, name="profiles_votingperiod_publish"), *super().get_urls()]

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        reason = ("reason",) if self.has_change_permission(request, obj) else ()
        is_published = isinstance(obj, VotingPeriod) and obj.results_published_at
        published = ("results_published_at", "results_sha256") if is_published else ()
        return [
            (None, {"fields": ("state", "outside", "opens_at", "closes_at", *reason)}),
            (_("Results"), {"fields": ("results", *published)}),
        ]

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody changes the period of published results."""
        is_published = isinstance(obj, VotingPeriod) and obj.results_published_at
        return not is_published and super().has_change_permission(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """The one period, which is not stored while it has no times."""
        return voting.period() if object_id == "1" else None

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return redirect("admin:profiles_votingperiod_change", 1)

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> Any:
        shown = {"title": _("Voting period"), "subtitle": None, "show_save_and_continue": False}
        try:
            return super().change_view(request, object_id, form_url, {**shown, **(extra_context or {})})
        except OperationalError:  # a vote held the lock for too long
            messages.error(request, BUSY)
        except voting.ResultsPublished:  # a moment ago
            messages.warning(request, PUBLISHED)
        return redirect(request.path)

    def response_change(self, request: HttpRequest, obj: VotingPeriod) -> HttpResponse:
        """Django would name the one period after itself."""
        messages.success(request, gettext("The voting period is changed."))
        return redirect(request.path)

    def save_model(self, request: HttpRequest, obj: VotingPeriod, form: Any, change: bool) -> None:
        voting.change(obj.opens_at, obj.closes_at)

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        """The log's message: both times and the reason."""
        done = gettext("Voting opens: %(opens)s; closes: %(closes)s.") % {
            "opens": _written(form.cleaned_data["opens_at"]),
            "closes": _written(form.cleaned_data["closes_at"]),
        }
        return gettext("%(done)s Reason: %(reason)s") % {"done": done, "reason": form.cleaned_data["reason"]}

    @admin.display(description=_("now"))
    def state(self, stored: VotingPeriod) -> str:
        return gettext("Voting is open.") if voting.current().open else gettext("Voting is closed.")

    @admin.display(description=_("votes outside the voting period"))
    def outside(self, stored: VotingPeriod) -> str:
        number = voting.votes_outside(stored, COUNTED + 1)
        return str(number) if number <= COUNTED else f"> {COUNTED}"

    @admin.display(description=_("results"))
    def results(self, stored: VotingPeriod) -> str:
        if stored.results_published_at:
            url, text = reverse("admin:profiles_result_changelist"), gettext("All results")
        elif not_now := _not_now(stored):
            return not_now
        else:
            url, text = reverse("admin:profiles_votingperiod_publish"), gettext("Publish the results")
        return format_html('<a href="{}">{}</a>', url, text)


@admin.register(Result)
class ResultAdmin(ExportAdmin):
    empty_text = _("Results appear here when they are published, after the end of the voting period.")
    list_display = ("place", "invite_code", "votes")
    list_display_links = None
    ordering = ("place",)
    sortable_by = ("place",)
    exported = {"place": _("place"), "invite_code": _("invite code"), "votes": _("votes")}


def _not_now(stored: VotingPeriod) -> str:
    """Why the results of this period cannot be published at this moment, and when they can. Empty if they can be."""
    if stored.results_published_at:
        return str(PUBLISHED)
    if stored.closes_at is None:
        return str(NO_END)
    if voting.is_over(stored):
        return ""
    time = {"time": formats.date_format(localtime(stored.closes_at), "SHORT_DATETIME_FORMAT"), "zone": ZONE}
    return gettext("Results can be published when voting has closed: %(time)s, %(zone)s.") % time


def _written(time: Any) -> str:
    return localtime(time).isoformat() if time else "—"
