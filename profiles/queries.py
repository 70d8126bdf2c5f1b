"""Profiles as people and staff read them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import F, QuerySet

from profiles import invite_codes
from profiles.models import Activation, Profile
from users import phones, sql
from users.login.tokens import LIVE_SESSION, TokenRevoked
from users.models import User

# How many invitations a profile shows at once; the rest is paged.
NEWEST = 50


@dataclass(frozen=True)
class OwnProfile:
    """What a person sees of themselves, phones in E.164: `invitations` has those who gave the newest votes."""

    user_id: int
    phone: str
    invite_code: str
    activated_invite: str | None
    activated_at: datetime | None
    invitations: list[str]
    invitations_count: int
    # When the last of these votes was given, and by whom, if there are older ones.
    last_shown: tuple[datetime, int] | None


# One statement for all, and for the session too: nothing is asked as often, and to have the ORM build its queries takes
# longer than to run them. A test holds the answer to what the ORM reads.
_OWN_PROFILE = f"""
SELECT person.id, person.phone, profile.invite_code, chosen.invite_code, vote.created_at,
       newest.phones, profile.invitations_count, newest.times[{NEWEST}], newest.invitees[{NEWEST}]
  FROM {LIVE_SESSION}
  JOIN profiles_profile AS profile ON profile.user_id = person.id
  LEFT JOIN profiles_activation AS vote ON vote.invitee_id = person.id
  LEFT JOIN profiles_profile AS chosen ON chosen.user_id = vote.inviter_id
 CROSS JOIN LATERAL (
        SELECT array_agg(phone) AS phones, array_agg(created_at) AS times, array_agg(invitee_id) AS invitees
          FROM (SELECT invitee.phone, given.created_at, given.invitee_id
                  FROM profiles_activation AS given
                  JOIN users_user AS invitee ON invitee.id = given.invitee_id AND invitee.is_active
                 WHERE given.inviter_id = person.id
                 ORDER BY given.created_at DESC, given.invitee_id DESC LIMIT {NEWEST + 1}) AS vote
       ) AS newest
"""  # noqa: S608


def own_profile(session_id: UUID, user_id: int) -> OwnProfile:
    """A person's own profile, if this session of theirs is live. Raises TokenRevoked."""
    row = sql.fetch_optional(_OWN_PROFILE, {"session": session_id, "person": user_id})
    if row is None:
        raise TokenRevoked
    user_id, phone, invite_code, activated_invite, activated_at, newest, count, time, invitee = row
    newest = newest or []
    last_shown = (time, invitee) if len(newest) > NEWEST else None
    return OwnProfile(user_id, phone, invite_code, activated_invite, activated_at, newest[:NEWEST], count, last_shown)


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
    phone: str | None = None,
    invite_code: str | None = None,
    has_activated: bool | None = None,
    created_after: datetime | None = None,
    created_before: datetime | None = None,
) -> QuerySet[Profile]:
    """Profiles for staff: exact phone in any spelling, exact invite code, who voted or not, made in [after, before).

    Raises InvalidPhone, RegionNotAllowed or MalformedInviteCode.
    """
    found = of_existing_people()
    if phone is not None:
        found = found.filter(user__phone=phones.normalise(phone))
    if invite_code is not None:
        found = found.filter(invite_code=invite_codes.normalise(invite_code))
    if has_activated is not None:
        found = found.filter(activation__isnull=not has_activated)
    if created_after is not None:
        found = found.filter(created_at__gte=created_after)
    if created_before is not None:
        found = found.filter(created_at__lt=created_before)
    return found
