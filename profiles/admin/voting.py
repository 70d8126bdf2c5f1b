"""The voting period in the admin: one page, whose changes need a reason."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db import OperationalError
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.text import format_lazy
from django.utils.timezone import localtime
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from profiles import voting
from profiles.models import Activation, VotingPeriod
from users.admin.actions import ReasonForm
from users.admin.lists import ForgivingAdmin

ZONE = settings.TIME_ZONE
BUSY = _("Nothing was changed: votes are under way at this moment. Try again.")


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
        if "reason" in self.fields:  # not for those who may only view
            self.fields["reason"].help_text = _("The history keeps it. Do not write phone numbers.")


@admin.register(VotingPeriod)
class VotingPeriodAdmin(ForgivingAdmin):
    form = PeriodForm
    readonly_fields = ("state", "counted")

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        reason = ("reason",) if self.has_change_permission(request, obj) else ()
        return [(None, {"fields": ("state", "counted", "opens_at", "closes_at", *reason)})]

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

    @admin.display(description=_("votes"))
    def counted(self, stored: VotingPeriod) -> str:
        inside = voting.votes_inside(stored).count()
        numbers = {"inside": inside, "outside": Activation.objects.count() - inside}
        return gettext("%(inside)d in the voting period, %(outside)d outside it") % numbers


def _written(time: Any) -> str:
    return localtime(time).isoformat() if time else "—"
