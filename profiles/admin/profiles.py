"""Profiles and votes in the admin, read-only. The page of a user has the actions on them."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from profiles import queries, voting
from profiles.models import Activation, Profile, VotingPeriod
from users.admin import links, user_state
from users.admin.export import ExportAdmin
from users.admin.lists import COUNTED_ROWS, ChoiceFilter, LargeTableList, marked, shown
from users.admin.user_state import marked_if_disabled, with_states
from users.models import User


class HasActivatedFilter(ChoiceFilter):
    title = _("own vote")
    parameter_name = "has_activated"
    choices_offered = {
        "1": (_("has voted"), {"activation__isnull": False}),
        "0": (_("has not voted"), {"activation__isnull": True}),
    }


def cycle_name(size: int) -> str:
    """The name of a cycle of this many votes."""
    return gettext("Mutual votes") if size == 2 else gettext("Cycle of %(count)d votes") % {"count": size}


class ProfileList(LargeTableList):
    """Finds the cycles of all shown profiles in one statement, and links rows to the pages of their users."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        found = queries.cycles_through([profile.pk for profile in self.result_list])
        for profile in self.result_list:
            profile.cycle_members = found.get(profile.pk, ())
        self.sees_users = request.user.has_perm("users.view_user")

    def url_for_result(self, result: Model) -> str:
        profile: Any = result
        return links.page(profile.user) if self.sees_users else super().url_for_result(result)


# The columns, fields and filters that tell of votes. Only operators who may see votes get them.
OF_VOTES = frozenset({"activated", "voted_for", "cycle", HasActivatedFilter, "activation__inviter__invite_code"})


@admin.register(Profile)
class ProfileAdmin(ExportAdmin):
    empty_text = _("Profiles appear here when users sign in for the first time.")
    list_display = (
        "invite_code",
        "phone",
        "invitations_count",
        "activated",
        "cycle",
        "created_at",
    )
    list_filter = (HasActivatedFilter, "created_at")
    list_select_related = ("user", "activation__inviter")
    search_fields = ("user__phone",)
    ordering = ("-created_at",)
    sortable_by = ("invitations_count", "created_at")
    exported = {
        "user_id": _("user"),
        "invite_code": _("invite code"),
        "user__phone": _("phone"),
        "invitations_count": _("votes received"),
        "activation__inviter__invite_code": _("voted for"),
        "created_at": _("created"),
        "user__is_active": _("active"),
        "user__is_test": _("test user"),
    }
    fields = (
        "user",
        "invite_code",
        "phone",
        "invitations_count",
        "voted_for",
        "cycle",
        "created_at",
        "state",
        "number",
    )

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ProfileList

    def get_list_display(self, request: HttpRequest) -> Any:
        return _allowed(request, self.list_display)

    def get_list_filter(self, request: HttpRequest) -> Any:
        return _allowed(request, self.list_filter)

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return _allowed(request, self.fields)

    def exported_to(self, request: HttpRequest) -> dict[str, Any]:
        return {name: self.exported[name] for name in _allowed(request, self.exported)}

    @admin.display(description=_("phone"))
    def phone(self, profile: Profile) -> str:
        return with_states(profile.user)

    @admin.display(description=_("state"))
    def state(self, profile: Profile) -> str:
        return user_state.state(profile.user)

    @admin.display(description="ID")
    def number(self, profile: Profile) -> int:
        return int(profile.pk)

    @admin.display(description=_("voted for"))
    def activated(self, profile: Profile) -> str:
        vote = getattr(profile, "activation", None)
        return shown(vote and vote.inviter)

    @admin.display(description=_("voted for"))
    def voted_for(self, profile: Profile) -> str:
        """The same on its page, where the other user is a link."""
        vote = getattr(profile, "activation", None)
        return format_html("{}, {}", vote.inviter, _linked(vote.inviter)) if vote else shown(None)

    @admin.display(description=_("cycle"))
    def cycle(self, profile: Profile) -> str:
        members = getattr(profile, "cycle_members", None)
        if members is None:  # on the page of one profile
            members = queries.cycles_through([profile.pk]).get(profile.pk, ())
        return shown(members and cycle_name(len(members)))


def _allowed(request: HttpRequest, names: Iterable[Any]) -> list[Any]:
    """Those of these columns, fields or filters that the operator may see."""
    sees_votes = request.user.has_perm("profiles.view_activation")
    return [name for name in names if sees_votes or name not in OF_VOTES]


class VotingPeriodFilter(admin.SimpleListFilter):
    """Votes by their time. Each choice is a part of the index that the list is in the order of."""

    title = _("voting period")
    parameter_name = "voting"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        titles = {"during": _("within it"), "before": _("before it, not counted"), "after": _("after it, not counted")}
        self.found = voting.by_time(voting.period())
        return [(name, title) for name, title in titles.items() if name in self.found] if len(self.found) > 1 else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        return queryset.filter(self.found.get(self.value() or "", Q()))


@admin.register(Activation)
class ActivationAdmin(ExportAdmin):
    empty_text = _("Votes appear here when users activate the invite codes of others.")
    list_display = ("invitee_phone", "invitee_code", "inviter_phone", "inviter_code", "created_at", "counts")
    list_filter = (VotingPeriodFilter, "created_at")
    list_select_related = ("invitee__user", "inviter__user")
    search_fields = ("invitee__user__phone",)
    ordering = ("-created_at",)
    exported = {
        "invitee__invite_code": _("invitee"),
        "invitee__user__phone": _("invitee's phone"),
        "inviter__invite_code": _("inviter"),
        "inviter__user__phone": _("inviter's phone"),
        "created_at": _("time of the vote"),
        "invitee__user__is_test": _("test users"),
    }
    fields = ("voter", "invitee_code", "candidate", "inviter_code", "created_at", "counts")

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> Any:
        """With a link to release the vote, for who may."""
        vote = self.get_object(request, object_id)
        users: Any = self.admin_site.get_model_admin(User)
        offered = users.offered_to(request, vote.invitee.user) if vote and self.has_view_permission(request) else []
        links = [(address, action.title) for address, action in offered if action.name == "release-vote"]
        return super().change_view(request, object_id, form_url, {"links": links, **(extra_context or {})})

    def get_queryset(self, request: HttpRequest) -> QuerySet[Activation]:
        votes: QuerySet[Activation] = super().get_queryset(request)
        period = VotingPeriod.objects.all()
        return votes.annotate(opens_at=period.values("opens_at")[:1], closes_at=period.values("closes_at")[:1])

    def of_users(self, request: HttpRequest, queryset: QuerySet[Model], users: list[int]) -> QuerySet[Model]:
        """The votes of these users and for them."""
        if request.method == "POST":  # an export, which has all rows
            return queryset.filter(Q(pk__in=users) | Q(inviter__in=users))
        # The newest votes are looked up first: this OR uses no index, so the list would read and sort all of them.
        received = Activation.objects.filter(inviter__in=users).order_by("-created_at", "-pk")
        return queryset.filter(pk__in=[*users, *received.values_list("pk", flat=True)[:COUNTED_ROWS]])

    @admin.display(description=_("voter"))
    def invitee_phone(self, vote: Activation) -> str:
        return marked_if_disabled(vote.invitee.user)

    @admin.display(description=_("voter's code"))
    def invitee_code(self, vote: Activation) -> str:
        return str(vote.invitee)

    @admin.display(description=_("code voted for"))
    def inviter_code(self, vote: Activation) -> str:
        return str(vote.inviter)

    @admin.display(description=pgettext_lazy("of a vote", "voted for"))
    def inviter_phone(self, vote: Activation) -> str:
        return marked_if_disabled(vote.inviter.user)

    @admin.display(description=_("voter"))
    def voter(self, vote: Activation) -> str:
        return _linked(vote.invitee)

    @admin.display(description=pgettext_lazy("of a vote", "voted for"))
    def candidate(self, vote: Activation) -> str:
        return _linked(vote.inviter)

    @admin.display(description=_("in the results"))
    def counts(self, vote: Any) -> str:
        if vote.invitee.user.is_test:
            return marked("", gettext("does not count: test vote"))
        if voting.is_open(vote.opens_at, vote.closes_at, vote.created_at):
            return marked("good", gettext("counts"))
        return marked("open", gettext("does not count: outside the voting period"))


def _linked(profile: Profile) -> str:
    return links.linked(profile.user, marked_if_disabled(profile.user))
