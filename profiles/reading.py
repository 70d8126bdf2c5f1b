"""Profiles as people and staff read them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from django.conf import settings
from django.db.models import F, QuerySet

from profiles import invite_codes
from profiles.models import Activation, Profile
from users import phones
from users.models import User

NEWEST = 50
"""How many invitations a profile shows at once; the rest is paged."""


@dataclass(frozen=True)
class OwnProfile:
    """What a person sees of themselves: their profile, the newest votes for it, and whether there are older ones."""

    profile: Profile
    newest: list[Activation]
    more: bool


def own_profile(user: User) -> OwnProfile:
    """A person's own profile, in two statements whatever the number of invitations."""
    profile = with_votes().get(pk=user.pk)
    newest = list(invitations_of(user).order_by("-created_at", "-invitee_id")[: NEWEST + 1])
    return OwnProfile(profile, newest[:NEWEST], more=len(newest) > NEWEST)


def invitations_of(user: User) -> QuerySet[Activation]:
    """The votes for this person, each with `phone`, the E.164 phone of who gave it; disabled people are not shown."""
    votes = Activation.objects.filter(inviter_id=user.pk, invitee__user__is_active=True)
    return votes.annotate(phone=F("invitee__user__phone"))


def with_votes() -> QuerySet[Profile]:
    """Profiles with their person and whom they chose, in one statement."""
    return Profile.objects.select_related("user", "activation__inviter")


def of_existing_people() -> QuerySet[Profile]:
    """Profiles of people who exist for others: verified, not disabled, not erased."""
    return with_votes().filter(user__is_active=True, user__verified_at__isnull=False, user__erased_at=None)


def search(
    *,
    phone: str = "",
    invite_code: str = "",
    has_activated: bool | Literal[""] = "",
    created_after: datetime | Literal[""] = "",
    created_before: datetime | Literal[""] = "",
) -> QuerySet[Profile]:
    """Profiles for staff: exact phone in any spelling, exact invite code, who voted or not, made in [after, before).

    Raises InvalidPhone, RegionNotAllowed or MalformedInviteCode.
    """
    found = of_existing_people()
    if phone:
        found = found.filter(user__phone=phones.normalise(phone))
    if invite_code:
        found = found.filter(invite_code=invite_codes.normalise(invite_code))
    if has_activated != "":
        found = found.filter(activation__isnull=not has_activated)
    if created_after:
        found = found.filter(created_at__gte=created_after)
    if created_before:
        found = found.filter(created_at__lt=created_before)
    return found


def share_url(profile: Profile) -> str:
    """The link that carries this profile's invite code."""
    return f"{settings.SITE_URL}/i/{profile.invite_code}"
