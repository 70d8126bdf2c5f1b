"""What votes add to the admin's page of a person: sections, and what operators do about a vote or an invite code."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
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

from profiles import activation, cycles, privacy
from profiles.models import Activation, Profile
from users.admin.actions import Action
from users.admin.user_page import NEWEST, Section, headings, linked, shown
from users.admin.users import PersonAdmin
from users.models import User

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
# In the page's address: the vote after which the next page of votes begins, as microseconds of its time and its id.
BEFORE = "votes_before"


def _invites(request: HttpRequest, person: User) -> Section:
    columns = "invite_code invitations_count"
    profiles = Profile.objects.filter(pk=person.pk)
    rows = [
        [linked("profiles_profile", one.pk, one), number_format(one.invitations_count, force_grouping=True)]
        for one in profiles
    ]
    return Section(gettext("Invites"), headings(Profile, columns), rows)


def _choice(request: HttpRequest, person: User) -> Section:
    votes = Activation.objects.filter(pk=person.pk).select_related("inviter__user")
    rows = [[_person(vote.inviter), str(vote.inviter), shown(vote.created_at)] for vote in votes]
    return Section(gettext("Whom they chose"), _vote_headings(), rows, warning=_ring(person))


def _voters(request: HttpRequest, person: User) -> Section:
    """The newest votes, or those before the one that the address names: by the index of the inviter's votes."""
    votes = Activation.objects.filter(inviter=person.pk).select_related("invitee__user")
    before = re.fullmatch(r"(\d{1,17})-(\d{1,18})", request.GET.get(BEFORE, ""), re.ASCII)
    if before:
        edge = (EPOCH + int(before[1]) * MICROSECOND, int(before[2]))
        votes = votes.filter(TupleLessThan(Tuple(F("created_at"), F("invitee_id")), edge))
    found = list(votes.order_by("-created_at", "-invitee_id")[: NEWEST + 1])
    page = reverse("admin:users_user_change", args=[person.pk])
    links = []
    if before:
        links.append((f"{page}#{BEFORE}", gettext("The newest votes")))
    if len(found) > NEWEST:
        last = found[NEWEST - 1]
        cursor = f"{(last.created_at - EPOCH) // MICROSECOND}-{last.pk}"
        links.append((f"{page}?{BEFORE}={cursor}#{BEFORE}", gettext("Older votes")))
    rows = [[_person(vote.invitee), str(vote.invitee), shown(vote.created_at)] for vote in found[:NEWEST]]
    return Section(gettext("Who chose them"), _vote_headings(), rows, links=tuple(links), anchor=BEFORE)


def _vote_headings() -> list[str]:
    return [gettext("person"), *headings(Profile, "invite_code"), *headings(Activation, "created_at")]


def _person(profile: Profile) -> str:
    return linked("users_user", profile.pk, profile.user)


def _ring(person: User) -> str:
    """A word of warning where votes go round in a ring: it is how few people give each other many votes."""
    members = cycles.through([person.pk]).get(person.pk, [])
    if not members:
        return ""
    people = User.objects.in_bulk(members)
    walk = format_html_join(" → ", "{}", ((linked("users_user", one, people[one]),) for one in [*members, person.pk]))
    return format_html("{}: {}", ring_name(len(members)), walk)


def ring_name(size: int) -> str:
    """What a ring of so many people is called."""
    return gettext("Mutual votes") if size == 2 else gettext("Ring of %(count)d votes") % {"count": size}


def _release(person: User) -> str:
    inviter = activation.release(person.pk)
    return gettext("Released the vote for person %(id)d.") % {"id": inviter} if inviter else ""


def _replace(person: User) -> str:
    old = activation.replace_invite_code(person.pk)
    return gettext("Replaced the invite code %(old)s.") % {"old": old} if old else ""


def _erase(person: User) -> str:
    return gettext("Erased the person.") if privacy.erase_by_operator(person.pk) else ""


RELEASE = Action(
    "release-vote",
    _("Release the vote"),
    _("The vote is deleted, whoever got it has one less, and the person can choose again."),
    lambda person: Activation.objects.filter(pk=person.pk).exists(),
    _release,
)
REPLACE = Action(
    "new-code",
    _("New invite code"),
    _("The old code and every link with it are dead at once. Those who used it keep their vote."),
    lambda person: not person.erased_at,
    _replace,
    about=lambda person: Profile.objects.get(pk=person.pk).invite_code,
)
ERASE = Action(
    "erase",
    _("Erase"),
    _(
        "The phone number, addresses and clients are deleted, all devices end, and the person's own vote is taken back."
        " Those who chose them keep their vote. Whoever has the number may sign up anew, as somebody else."
    ),
    lambda person: not person.erased_at,
    _erase,
    final=True,
)

admin.site.unregister(User)


@admin.register(User)
class VoterAdmin(PersonAdmin):
    sections = (
        ("profiles.view_profile", _invites),
        ("profiles.view_activation", _choice),
        ("profiles.view_activation", _voters),
        *PersonAdmin.sections,
    )
    person_actions = (*PersonAdmin.person_actions, RELEASE, REPLACE, ERASE)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        links = []
        if request.user.has_perm("profiles.view_profile"):
            profiles = admin.site._registry[Profile]
            column = list(profiles.get_list_display(request)).index("invitations_count")
            column += bool(profiles.get_actions(request))  # which have a column of their own, the first
            links = [(f"{reverse('admin:profiles_profile_changelist')}?o=-{column}", gettext("By invitations"))]
        return super().changelist_view(request, {**(extra_context or {}), "links": links})
