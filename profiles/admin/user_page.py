"""Registers users in the admin, with what votes add to the page of a user: sections, and actions on votes and codes."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any

from django.contrib import admin
from django.db.models import F
from django.db.models.fields.tuple_lookups import Tuple, TupleLessThan
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from profiles import activation, privacy, queries
from profiles.admin.profiles import ProfileAdmin, cycle_name
from profiles.models import Activation, Profile
from users.admin.actions import Action
from users.admin.sections import NEWEST, Columns, Section, columns, heading, linked, table
from users.admin.user_admin import UserAdmin
from users.models import User

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
# The query parameter for older votes: the last vote already shown, as microseconds of its time and its id.
BEFORE = "votes_before"


def _invites(request: HttpRequest, user: User) -> Section:
    columns: Columns = {
        heading(Profile, "invite_code"): linked,
        heading(Profile, "invitations_count"): lambda one: number_format(one.invitations_count, force_grouping=True),
    }
    return table(gettext("Invites"), columns, Profile.objects.filter(pk=user.pk))


def _votes(title: str, side: str, votes: Iterable[Activation], **more: Any) -> Section:
    """Votes with the profile on this side: the inviter or the invitee."""
    found: Columns = {
        heading(Profile, "user"): lambda vote: linked(getattr(vote, side).user),
        heading(Profile, "invite_code"): attrgetter(side),
        **columns(Activation, "created_at"),
    }
    return table(title, found, votes, **more)


def _activated(request: HttpRequest, user: User) -> Section:
    votes = Activation.objects.filter(pk=user.pk).select_related("inviter__user")
    return _votes(gettext("Activated invite code"), "inviter", votes, warning=_cycle(user))


def _invitees(request: HttpRequest, user: User) -> Section:
    """The newest votes, or those before the one in the query: a keyset on the index of an inviter's votes."""
    votes = Activation.objects.filter(inviter=user.pk).select_related("invitee__user")
    before = re.fullmatch(r"(\d{1,17})-(\d{1,18})", request.GET.get(BEFORE, ""), re.ASCII)
    if before:
        edge = (EPOCH + int(before[1]) * MICROSECOND, int(before[2]))
        votes = votes.filter(TupleLessThan(Tuple(F("created_at"), F("invitee_id")), edge))
    found = list(votes.order_by("-created_at", "-invitee_id")[: NEWEST + 1])
    page = reverse("admin:users_user_change", args=[user.pk])
    links = [(f"{page}#{BEFORE}", gettext("The newest votes"))] if before else []
    if len(found) > NEWEST:
        last = found[NEWEST - 1]
        cursor = f"{(last.created_at - EPOCH) // MICROSECOND}-{last.pk}"
        links.append((f"{page}?{BEFORE}={cursor}#{BEFORE}", gettext("Older votes")))
    return _votes(gettext("Invitees"), "invitee", found[:NEWEST], links=links, anchor=BEFORE)


def _cycle(user: User) -> str:
    """A warning if the user's vote is part of a cycle: in this way a few users give each other many votes."""
    members = queries.cycles_through([user.pk]).get(user.pk, [])
    if not members:
        return ""
    users = User.objects.in_bulk(members)
    walk = format_html_join(" → ", "{}", ((linked(users[one]),) for one in [*members, user.pk]))
    return format_html("{}: {}", cycle_name(len(members)), walk)


RELEASE = Action(
    name="release-vote",
    title=_("Release the vote"),
    meaning=_("The vote is deleted and no longer counts for the inviter. The user can vote again."),
    applies=lambda user: Activation.objects.filter(pk=user.pk).exists(),
    do=lambda user: activation.release(user.pk),
    done=_("Released the vote for user %(result)d."),
)
REPLACE = Action(
    name="new-code",
    title=_("New invite code"),
    meaning=_("The old code and every link with it stop working at once. Users who activated it keep their vote."),
    applies=lambda user: not user.erased_at,
    do=lambda user: activation.replace_invite_code(user.pk),
    done=_("Replaced the invite code %(result)s."),
    about=lambda user: Profile.objects.get(pk=user.pk).invite_code,
)
ERASE = Action(
    name="erase",
    title=_("Erase"),
    meaning=_(
        "The phone number, addresses and clients are deleted, all devices are revoked, and the user's own vote is"
        " deleted. Users who voted for this user keep their vote. The same number can sign up again, as a new user."
    ),
    applies=lambda user: not user.erased_at,
    do=lambda user: privacy.erase_by_operator(user.pk),
    done=_("Erased the user."),
    final=True,
)


@admin.register(User)
class UserPageAdmin(UserAdmin):
    user_actions = (*UserAdmin.user_actions, RELEASE, REPLACE, ERASE)
    sections = (
        ("profiles.view_profile", _invites),
        ("profiles.view_activation", _activated),
        ("profiles.view_activation", _invitees),
        *UserAdmin.sections,
    )

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        links = []
        if request.user.has_perm("profiles.view_profile"):
            column = ProfileAdmin.list_display.index("invitations_count")
            links = [(f"{reverse('admin:profiles_profile_changelist')}?o=-{column}", gettext("By invitations"))]
        return super().changelist_view(request, {**(extra_context or {}), "links": links})
