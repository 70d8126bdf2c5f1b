"""The published results in the admin."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import floatformat
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from profiles import voting
from profiles.admin.voting import COUNTED, at
from profiles.models import Result
from users.admin.export import ExportAdmin


@admin.register(Result)
class ResultAdmin(ExportAdmin):
    empty_text = _("Results appear here when they are published, after the end of the voting period.")
    list_display = ("place", "invite_code", "votes")
    list_display_links = None
    ordering = ("place",)
    sortable_by = ("place",)
    exported = {"place": _("place"), "invite_code": _("invite code"), "votes": _("votes")}

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Says since when the results are final, and their sums if a page may read them all."""
        stored = voting.period()
        told = [gettext("The results are not published yet.")]
        if stored.results_published_at:
            told = [gettext("Published on %(time)s, %(zone)s. They are final.") % at(stored.results_published_at)]
            votes = Result.objects.order_by("place", "pk").values_list("votes", flat=True)[: COUNTED + 1]
            if len(votes) <= COUNTED:
                said = {"codes": floatformat(len(votes), "g"), "votes": floatformat(sum(votes), "g")}
                told.append(gettext("Invite codes: %(codes)s. Votes: %(votes)s.") % said)
        return super().changelist_view(request, {"told": " ".join(told), **(extra_context or {})})
