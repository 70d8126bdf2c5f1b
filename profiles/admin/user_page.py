"""Registers users in the admin, with what votes add to the page of a user: tables, and actions on votes and codes."""

import re
from contextlib import suppress
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop as N_

from profiles import activation, invite_codes, privacy, queries, voting
from profiles.admin.profiles import ProfileAdmin, cycle_name
from profiles.models import Activation, Profile
from users.admin.actions import Action
from users.admin.lists import shown
from users.admin.user_admin import ROWS_SHOWN, UserAdmin
from users.keyset import beyond
from users.models import User
from users.operators import history


def _own_vote(user: User) -> Activation | None:
    return Activation.objects.select_related("inviter__user").filter(pk=user.pk).first()


def _time_of_vote(user: User) -> str:
    """It tells the vote from a later one of the same user."""
    vote = _own_vote(user)
    return str(vote.created_at.timestamp()) if vote else ""


def _release_means(user: User) -> str:
    """What the release of a vote means depends on the voting period."""
    vote, now = _own_vote(user), voting.current()
    if now.results_published_at:
        means = gettext(
            "The vote is deleted, but the published results do not change. The user can no longer find it in them, and"
            " cannot vote again."
        )
    elif not now.open:
        means = gettext(
            "The vote is deleted and no longer counts for %(inviter)s. Voting is not open: the user can vote again"
            " only if it opens."
        )
    else:
        means = gettext("The vote is deleted and no longer counts for %(inviter)s. The user can vote again.")
    return means % {"inviter": vote.inviter.user if vote else history.NOTHING}


def _vote_of(user: User) -> str:
    vote = _own_vote(user)
    if not vote:  # released a moment ago
        return ""
    said: dict[str, Any] = {"invitee": user, "inviter": vote.inviter.user, "code": vote.inviter}
    said["time"] = date_format(localtime(vote.created_at), "DATETIME_FORMAT")
    return gettext("Vote of %(invitee)s for %(inviter)s (%(code)s), %(time)s.") % said


RELEASE = Action(
    name="release-vote",
    title=_("Release the vote"),
    button=pgettext_lazy("button", "Release the vote"),
    meaning=_release_means,
    subject=_vote_of,
    applies=lambda user: Activation.objects.filter(pk=user.pk).exists(),
    do=lambda user: activation.release(user.pk),
    done=history.VOTE_RELEASED,
    hurts=True,
    about=_time_of_vote,
)
REPLACE = Action(
    name="new-code",
    title=_("New invite code"),
    button=pgettext_lazy("button", "New invite code"),
    meaning=_(
        "The old code and every link with it stop working at once. Users who voted with it keep their vote, and will"
        " find it in the results under the new code."
    ),
    applies=lambda user: not user.erased_at and not voting.current().results_published_at,
    do=lambda user: activation.replace_invite_code(user.pk),
    done=N_("Replaced the invite code %(result)s."),
    hurts=True,
    about=lambda user: Profile.objects.get(pk=user.pk).invite_code,
)
ERASE = Action(
    name="erase",
    title=_("Erase the user"),
    button=pgettext_lazy("button", "Erase the user"),
    meaning=_(
        "The phone number, network addresses and client names are deleted, all sessions are ended, and the user's own"
        " vote is deleted. The addresses from which the user requested changes of phone stay for 30 days, for the"
        " limits. The votes for the user still count. The same number can sign up again, as a new user."
    ),
    applies=lambda user: not user.erased_at,
    do=lambda user: privacy.erase_by_operator(user.pk),
    done=N_("Erased the user."),
    final=True,
)


@admin.register(User)
class UserPageAdmin(UserAdmin):
    user_actions = (*UserAdmin.user_actions, RELEASE, REPLACE, ERASE)
    change_form_template = "admin/profiles/user.html"
    list_select_related = ("profile",)

    def get_list_display(self, request: HttpRequest) -> Any:
        code = ("invite_code",) if request.user.has_perm("profiles.view_profile") else ()
        return (self.list_display[0], *code, *self.list_display[1:])

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*super().get_readonly_fields(request, obj), "invite_code")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        (name, about), *others = super().get_fieldsets(request, obj)
        (phone, *first), *rows = about["fields"]
        code = ("invite_code",) if request.user.has_perm("profiles.view_profile") else ()
        return ((name, {"fields": ((phone, *code, *first), *rows)}), *others)

    @admin.display(description=_("invite code"))
    def invite_code(self, user: User) -> str:
        return shown(getattr(user, "profile", None))

    def find_users(self, text: str) -> list[int]:
        """Also by invite code."""
        found = super().find_users(text)
        with suppress(invite_codes.MalformedInviteCode):
            owners = Profile.objects.filter(invite_code=invite_codes.normalise(text))
            found += owners.values_list("pk", flat=True)
        return found

    def page_context(self, request: HttpRequest, user: User) -> dict[str, Any]:
        context = super().page_context(request, user)
        if request.user.has_perm("profiles.view_activation"):
            context |= {"vote": _own_vote(user), **_cycle(user), **_invitees(user, request.GET.get("votes_before", ""))}
        return context

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        links = []
        if request.user.has_perm("profiles.view_profile"):
            column = ProfileAdmin.list_display.index("invitations_count")
            links = [(f"{reverse('admin:profiles_profile_changelist')}?o=-{column}", _("Rank by votes"))]
        return super().changelist_view(request, {**(extra_context or {}), "links": links})


def _cycle(user: User) -> dict[str, Any]:
    """The users of a cycle of votes with this one: in this way a few users give each other many votes."""
    members = queries.cycles_through([user.pk]).get(user.pk)
    if not members:
        return {}
    users = User.objects.in_bulk(members)
    return {"cycle": [users[one] for one in [*members, user.pk]], "cycle_name": cycle_name(len(members))}


def _invitees(user: User, before: str) -> dict[str, Any]:
    """The newest votes for this user, or those before the vote of this invitee."""
    votes = Activation.objects.filter(inviter=user.pk).select_related("invitee__user")
    shown_last = votes.filter(pk=int(before)).first() if re.fullmatch("[0-9]{1,18}", before) else None
    older = votes
    if shown_last:
        older = votes.filter(beyond(("-created_at", "-invitee_id"), (shown_last.created_at, shown_last.pk)))
    found = list(older.order_by("-created_at", "-invitee_id")[: ROWS_SHOWN + 1])
    return {
        "invitees": found[:ROWS_SHOWN],
        "are_newest": shown_last is None,
        "older": found[ROWS_SHOWN - 1].pk if len(found) > ROWS_SHOWN else None,
    }
