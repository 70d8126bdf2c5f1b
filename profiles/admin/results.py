"""The published results in the admin."""

from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, QuerySet
from django.db.models.functions import Collate
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import floatformat
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from profiles import voting
from profiles.admin.voting import COUNTED, public_links
from profiles.admin.voting_words import at
from profiles.models import Profile, Result
from users.admin.export import ExportAdmin


@admin.register(Result)
class ResultAdmin(ExportAdmin):
    empty_text = _("Results appear here when they are published, after the end of the voting period.")
    list_display_links = None
    ordering = ("place",)
    sortable_by = ("place",)
    exported = {"place": _("place"), "invite_code": _("invite code"), "votes": _("votes")}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Result]:
        # In the collation of the index: with that of the results, PostgreSQL would read all profiles for each row.
        code = Collate(OuterRef("invite_code"), "default")
        owner = Profile.objects.filter(invite_code=code).values("pk")[:1]
        found: QuerySet[Result] = super().get_queryset(request).annotate(owner=owner)
        return found

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        return ("place", "code" if request.user.has_perm("profiles.view_profile") else "invite_code", "votes")

    @admin.display(description=_("invite code"))
    def code(self, result: Any) -> str:
        """Linked to its profile, unless the code was replaced since."""
        if not result.owner:
            return str(result.invite_code)
        page = reverse("admin:profiles_profile_change", args=[result.owner])
        return format_html('<a href="{}">{}</a>', page, result.invite_code)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Says since when the results are final, and their sums if a page may read them all."""
        stored = voting.period()
        told = [gettext("The results are not published yet.")]
        links = public_links() if stored.results_published_at else []
        if not links and request.user.has_perm("profiles.view_votingperiod"):
            links = [(reverse("admin:profiles_votingperiod_change", args=[1]), gettext("Go to the voting period"))]
        if stored.results_published_at:
            published = at(stored.results_published_at)
            told = [gettext("Published on %(time)s, %(zone)s. The results are final.") % published]
            votes = Result.objects.order_by("place", "pk").values_list("votes", flat=True)[: COUNTED + 1]
            if len(votes) <= COUNTED:
                said = {"codes": floatformat(len(votes), "g"), "votes": floatformat(sum(votes), "g")}
                told.append(gettext("Invite codes: %(codes)s. Votes: %(votes)s.") % said)
        return super().changelist_view(request, {"told": " ".join(told), "links": links, **(extra_context or {})})
