"""The voting period in the admin, whose changes need a reason, and the publication of the results, once."""

from datetime import UTC, datetime
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import OperationalError, models, transaction
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.defaultfilters import floatformat
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop as N_
from django.views.generic import FormView

from profiles import queries, results, voting
from profiles.admin import voting_words
from profiles.admin.voting_words import ANNOUNCE, PUBLISHED, ZONE
from profiles.models import VotingPeriod
from users import deadline
from users.admin.actions import FinalForm, ReasonForm
from users.admin.fresh import FreshForm
from users.admin.lists import ForgivingAdmin
from users.admin.times import to_the_second
from users.operators import history

# Python has a time between these in every time zone. A later one could be stored, and the period not be read again.
IN_RANGE = [MinValueValidator(datetime(2000, 1, 1, tzinfo=UTC)), MaxValueValidator(datetime(9999, 1, 1, tzinfo=UTC))]
# Votes outside the period are counted up to this number, because a page waits for the count.
COUNTED = 10_000
BUSY = _("Nothing was changed: votes are under way at this moment. Try again.")

WHAT_HAPPENS = _(
    "Nobody can vote outside these times; users are told why. A change applies at once. Then earlier votes that are"
    " outside the new times do not count. After the end, a superuser can publish the results."
)
REASON = _(
    "Why, for other operators: the history of the voting period keeps it. It is not published. Do not write phone"
    " numbers."
)

# Where nothing can be changed.
*TIMES, PUBLISHED_AT = to_the_second(VotingPeriod, "opens_at", "closes_at", "results_published_at")
MEANINGS = {"opens_at": _("Votes count from this time on."), "closes_at": _("Votes count before this time.")}


class PeriodForm(FreshForm, ReasonForm):
    class Meta:
        model = VotingPeriod
        fields = ("opens_at", "closes_at")
        help_texts = {
            "opens_at": _("Votes count from this time on. Empty: no limit."),
            "closes_at": _("Votes count before this time. Empty: no limit."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "reason" in self.fields:  # not for those who may only view
            self.fields["reason"].help_text = REASON

    def clean(self) -> dict[str, Any] | None:
        if not {"opens_at", "closes_at"}.intersection(self.changed_data):
            raise ValidationError(_("Nothing is changed: these are the times that are set."))
        return super().clean()


class PublishForm(FinalForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].help_text = REASON


class PublishView(FormView):  # type: ignore[type-arg]
    """Explains what publishing means, asks for a reason and a confirmation, publishes and logs it."""

    template_name = "admin/profiles/publish.html"
    form_class = PublishForm
    model_admin: Any = None
    title = _("Publish the results")

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_superuser:
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        site = self.model_admin.admin_site.each_context(self.request)
        stored = voting.period()
        own = {"opts": self.model_admin.opts, "title": self.title, "original": stored}
        found: dict[str, Any] = {"not_now": voting_words.not_now(stored), **_outside(stored)}
        if not found["not_now"]:
            with deadline.within(None):
                found["counted"], found["leading"] = results.preview(stored)
        return super().get_context_data(**site, **own, **found, **kwargs)

    def form_valid(self, form: FinalForm) -> HttpResponse:
        """Publish the results and log it, both or neither. The operator waits as long as it takes."""
        try:
            with deadline.within(None), transaction.atomic():
                stored = results.publish()
                text = N_("Published the results. SHA-256 of the file: %(sha256)s.")
                done = history.told(text, sha256=stored.results_sha256)
                logged = [done, history.reason(form.cleaned_data["reason"])]
                self.model_admin.log_change(self.request, stored, logged)
        except results.StillOpen:
            messages.warning(self.request, voting_words.not_now(voting.period()) or BUSY)
        except voting.ResultsPublished:
            messages.warning(self.request, PUBLISHED)
        except OperationalError:  # a vote or an erasure held a lock for too long
            messages.error(self.request, BUSY)
        else:
            messages.success(self.request, gettext("The results are published."))
            messages.warning(self.request, ANNOUNCE % {"sha256": stored.results_sha256})
        return redirect("admin:profiles_votingperiod_change", 1)


@admin.register(VotingPeriod)
class VotingPeriodAdmin(ForgivingAdmin):
    form = PeriodForm
    # One input with the browser's own calendar, which phones show well, instead of Django's two.
    formfield_overrides: ClassVar[Any] = {
        models.DateTimeField: {
            "form_class": forms.DateTimeField,
            "widget": forms.DateTimeInput({"type": "datetime-local"}, "%Y-%m-%dT%H:%M:%S"),
            "validators": IN_RANGE,
        }
    }
    readonly_fields = ("state", "results", PUBLISHED_AT, "results_sha256")

    def get_urls(self) -> list[URLPattern]:
        publish = self.admin_site.admin_view(PublishView.as_view(model_admin=self))
        return [path("publish/", publish, name="profiles_votingperiod_publish"), *super().get_urls()]

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        times: Any = ("opens_at", "closes_at", "reason") if self.has_change_permission(request, obj) else TIMES
        explained = {} if times is TIMES else {"description": WHAT_HAPPENS}
        is_published = isinstance(obj, VotingPeriod) and obj.results_published_at
        published = (PUBLISHED_AT, "results_sha256") if is_published else ()
        return [
            (None, {"fields": ("state",)}),
            (format_lazy(_("Times, {zone}"), zone=ZONE), {"fields": times, **explained}),
            (_("Results"), {"fields": ("results", *published)}),
        ]

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody changes the period of published results."""
        is_published = isinstance(obj, VotingPeriod) and obj.results_published_at
        return not is_published and super().has_change_permission(request, obj)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        texts = {} if self.has_change_permission(request, obj) else {"help_texts": MEANINGS}
        return super().get_form(request, obj, change, **texts, **kwargs)

    def heading(self, obj: Any) -> str:
        return ""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """The one period, which is not stored while it has no times."""
        if object_id != "1":
            return None
        found: Any = voting.period()
        found.may_publish = request.user.is_superuser
        return found

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return redirect("admin:profiles_votingperiod_change", 1)

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> Any:
        shown: dict[str, Any] = {"title": _("Voting period")}
        shown |= _outside(voting.period()) if self.has_view_permission(request) else {}
        try:
            with transaction.atomic():
                if request.method == "POST" and self.has_change_permission(request):
                    # Each change sees the one before. Publishing holds the lock, perhaps for a minute: whoever waited
                    # for it would hold a thread meanwhile.
                    voting.lock_period(nowait=True)
                return super().change_view(request, object_id, form_url, {**shown, **(extra_context or {})})
        except OperationalError:  # somebody else has the lock, or a vote held its own for too long
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
        times = {"opens": form.cleaned_data["opens_at"], "closes": form.cleaned_data["closes_at"]}
        done = history.told(N_("Voting opens: %(opens)s; closes: %(closes)s."), **times)
        return [done, history.reason(form.cleaned_data["reason"])]

    @admin.display(description=_("now"))
    def state(self, stored: VotingPeriod) -> str:
        return voting_words.marked_state(voting.current())

    @admin.display(description=_("publication"))
    def results(self, shown: Any) -> str:
        stored = voting.period()  # `shown` has the times of a form that was refused
        if stored.results_published_at:
            every = (reverse("admin:profiles_result_changelist"), gettext("All results"))
            return format_html_join(" · ", '<a href="{}">{}</a>', [every, *public_links()])
        if why := voting_words.not_now(stored):
            return why
        if not shown.may_publish:
            return gettext("Voting has ended. A superuser can publish the results now.")
        told = gettext("Voting has ended. You can publish the results.")
        page = reverse("admin:profiles_votingperiod_publish")
        return format_html('{}<br><a class="button" href="{}">{}</a>', told, page, PublishView.title)


def public_links() -> list[tuple[str, str]]:
    """Where everybody finds the published results."""
    return [(reverse("page"), gettext("Public results page")), (reverse("voting-file"), gettext("Votes file"))]


def _outside(stored: VotingPeriod) -> dict[str, Any]:
    """How many votes do not count because of their time, of how many, and the parts of the list that has them."""
    votes, number = queries.counted_votes(), voting.votes_outside(stored, COUNTED + 1)
    when = voting.by_time(stored)
    ends = {"before": _("votes before the voting period"), "after": _("votes after the voting period")}
    return {
        "outside": _capped(number),
        "votes": _capped(votes.order_by("pk")[: COUNTED + 1].count()),
        "ends": [(end, title) for end, title in ends.items() if end in when and votes.filter(when[end]).exists()],
    }


def _capped(number: int) -> str:
    return str(floatformat(number, "g")) if number <= COUNTED else f"> {floatformat(COUNTED, 'g')}"
