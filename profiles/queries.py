"""Profiles, votes and cycles as the service reads them.

Hand-written statements are in constants; the docstring of the function that runs one says why.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import F, QuerySet

from profiles import invite_codes
from profiles.models import Activation, Profile
from users import phones, sql
from users.login.tokens import AccessToken, TokenRevoked, read_session
from users.models import User
from users.operators import phone_searches
from users.queries import LIVE_SESSION, PAIR_STATE

# How many invitations a profile shows. The rest is on pages.
NEWEST = 50

# The maximum number of members of a cycle that is looked for.
LONGEST_CYCLE = 10


@dataclass(frozen=True)
class OwnProfile:
    """A user's own profile, phones in E.164. `invitations` are the phones of the newest invitees."""

    user_id: int
    phone: str
    invite_code: str
    activated_invite: str | None
    activated_at: datetime | None
    # Of the user's own vote, in hexadecimal: what its receipt contains, and the receipt once results are published.
    receipt_nonce: str | None
    receipt: str | None
    invitations: list[str]
    invitations_count: int
    # Time and invitee of the last activation in `invitations`. None if there are no older ones.
    last_shown: tuple[datetime, int] | None
    # Of the token that read it, see `users.queries.PAIR_STATE`.
    pair_state: str | None


_OWN_PROFILE = f"""
SELECT person.id, person.phone, profile.invite_code, inviter.invite_code, activation.created_at,
       encode(activation.nonce, 'hex'), encode(activation.receipt, 'hex'),
       newest.phones, profile.invitations_count, newest.times[{NEWEST}], newest.invitees[{NEWEST}],
       {PAIR_STATE}
  FROM {LIVE_SESSION}
  JOIN profiles_profile AS profile ON profile.user_id = person.id
  LEFT JOIN profiles_activation AS activation ON activation.invitee_id = person.id
  LEFT JOIN profiles_profile AS inviter ON inviter.user_id = activation.inviter_id
 CROSS JOIN LATERAL (
        SELECT array_agg(phone) AS phones, array_agg(created_at) AS times, array_agg(invitee_id) AS invitees
          FROM (SELECT invitee.phone, given.created_at, given.invitee_id
                  FROM profiles_activation AS given
                  JOIN users_user AS invitee ON invitee.id = given.invitee_id AND invitee.is_active
                 WHERE given.inviter_id = person.id
                 ORDER BY given.created_at DESC, given.invitee_id DESC LIMIT {NEWEST + 1}) AS given
       ) AS newest
"""  # noqa: S608


def own_profile(session_id: UUID, user_id: int, jti: UUID | None = None) -> OwnProfile:
    """A user's own profile, if this session of theirs is live, and the state of the pair `jti`. Raises TokenRevoked.

    Written by hand: this is the most frequent request. One statement reads the profile and checks the session. The ORM
    needs three, and takes longer to build them than the database to run them.
    """
    row = sql.fetch_optional(_OWN_PROFILE, {"session": session_id, "user": user_id, "jti": jti})
    if row is None:
        raise TokenRevoked
    *own, newest, count, time, invitee, pair_state = row
    newest = newest or []
    last_shown = (time, invitee) if len(newest) > NEWEST else None
    shown = newest[:NEWEST]
    own += [shown, count, last_shown, pair_state]
    return OwnProfile(*own)


def own_profile_of(token: AccessToken) -> OwnProfile:
    """The profile of this token's user; the token's pair is then used. Raises TokenRevoked."""
    return read_session(token, lambda: own_profile(token.session_id, token.user_id, token.jti))


def invitations_of(user: User) -> QuerySet[Activation]:
    """The activations of this user's code, each with the invitee's E.164 `phone`. Disabled users are not shown."""
    activations = Activation.objects.filter(inviter_id=user.pk, invitee__user__is_active=True)
    return activations.annotate(phone=F("invitee__user__phone"))


def counted_votes() -> QuerySet[Activation]:
    """All votes but those of test users, which count nowhere."""
    return Activation.objects.filter(invitee__user__is_test=False)


def with_votes() -> QuerySet[Profile]:
    """Profiles with their user and the inviter whose code they activated, in one statement."""
    return Profile.objects.select_related("user", "activation__inviter")


def of_existing_users() -> QuerySet[Profile]:
    """Profiles of users who exist for others: verified, not disabled, not erased, no test user."""
    existing = with_votes().filter(user__is_active=True, user__verified_at__isnull=False, user__erased_at=None)
    return existing.filter(user__is_test=False)


def search(
    operator: User,
    *,
    phone: str | None = None,
    invite_code: str | None = None,
    has_activated: bool | None = None,
    created_after: datetime | None = None,
    created_before: datetime | None = None,
) -> QuerySet[Profile]:
    """Profiles for staff, by exact phone (any spelling), exact invite code, vote, and creation in [after, before).

    Raises InvalidPhone, RegionNotAllowed, MalformedInviteCode or TooManyPhoneSearches.
    """
    found = of_existing_users()
    if phone is not None:
        phone = phones.normalise(phone)
        phone_searches.check(operator, phone, "the API")
        found = found.filter(user__phone=phone)
    if invite_code is not None:
        found = found.filter(invite_code=invite_codes.normalise(invite_code))
    if has_activated is not None:
        found = found.filter(activation__isnull=not has_activated)
    if created_after is not None:
        found = found.filter(created_at__gte=created_after)
    if created_before is not None:
        found = found.filter(created_at__lt=created_before)
    return found


_CYCLES = """
WITH RECURSIVE walk (first, members, next) AS (
    SELECT invitee_id, ARRAY[invitee_id], inviter_id FROM profiles_activation WHERE invitee_id = ANY(%(users)s)
     UNION ALL
    SELECT walk.first, walk.members || activation.invitee_id, activation.inviter_id
      FROM walk JOIN profiles_activation AS activation ON activation.invitee_id = walk.next
     WHERE walk.next <> walk.first AND cardinality(walk.members) < %(longest)s
)
SELECT first, members FROM walk WHERE next = first
"""


def cycles_through(user_ids: Sequence[int]) -> dict[int, list[int]]:
    """The cycles of votes through these users, by user id: the user, then their inviter, then that user's inviter …

    Users who are in no cycle are left out. By hand: the ORM has no recursive queries. Each user has at most one vote,
    so the votes from a user form one path, which ends or comes back.
    """
    return dict(sql.fetch_all(_CYCLES, {"users": list(user_ids), "longest": LONGEST_CYCLE}))


def wait_for_votes(lock: int) -> None:
    """Acquire this advisory lock alone, until the transaction ends: no vote is under way then, and new ones wait.

    By hand: the ORM has no advisory locks. The wait ends after the connection's `lock_timeout`.
    """
    sql.fetch_one("SELECT pg_advisory_xact_lock(%s)", [lock])


def keep_period() -> datetime | None:
    """Keep the voting period as it is until the transaction ends. Returns when its results were published, or None.

    Raises OperationalError while somebody changes or publishes it: that may take a minute, and whoever waited for it
    would hold a thread and what is locked already. By hand: the ORM has no shared lock of a row.
    """
    row = sql.fetch_optional("SELECT results_published_at FROM profiles_votingperiod FOR SHARE NOWAIT", [])
    return row[0] if row else None


_ESTIMATED_ROWS = """
SELECT SUM(CASE WHEN relname = %(table)s THEN 1 ELSE -1 END * GREATEST(reltuples, 0)) FROM pg_class
 WHERE relname = ANY(%(names)s) AND pg_table_is_visible(oid)
"""


def estimated_rows(table: str, without: Sequence[str]) -> int:
    """PostgreSQL's own estimate of a table's rows, minus those in these partial indexes. By hand: it is no model."""
    (estimate,) = sql.fetch_one(_ESTIMATED_ROWS, {"table": table, "names": [table, *without]})
    return int(estimate)
