"""Many users, and reading all pages of a list."""

from datetime import UTC, datetime
from typing import Any

from django.db import connection

from profiles import invite_codes
from profiles.models import Profile
from tests.support.accounts import SignedInUser

NOON = datetime(2030, 1, 2, 12, tzinfo=UTC)

_PEOPLE = """
INSERT INTO users_user (phone, verified_at) SELECT '+7' || (9993000000 + n), now() FROM generate_series(1, %s) AS n
"""
_PROFILES = """
INSERT INTO profiles_profile (user_id, invite_code, created_at)
SELECT id, 'ZZ' || translate(lpad((id %% 10000)::text, 4, '0'), '01', 'AB'), %s
  FROM users_user WHERE phone LIKE '+7999300%%'
"""
_VOTES = """
INSERT INTO profiles_activation (invitee_id, inviter_id, created_at)
SELECT id, %s, %s FROM users_user WHERE phone LIKE '+7999300%%'
"""


def crowd(size: int, inviter: Profile | None = None, at: datetime = NOON) -> list[str]:
    """Insert verified users of the same moment, who voted for the inviter, if any. Returns their phones."""
    with connection.cursor() as cursor:
        cursor.execute(_PEOPLE, [size])
        cursor.execute(_PROFILES, [at])
        if inviter is not None:
            cursor.execute(_VOTES, [inviter.pk, at])
            Profile.objects.filter(pk=inviter.pk).update(invitations_count=size)
    return [str(9993000001 + n) for n in range(size)]


def nobodys_code() -> str:
    """A well-formed invite code of no user."""
    taken = set(Profile.objects.values_list("invite_code", flat=True))
    return next(code for letter in invite_codes.ALPHABET if (code := letter * invite_codes.LENGTH) not in taken)


def walk(person: SignedInUser, path: str, direction: str = "next") -> list[list[dict[str, Any]]]:
    """The rows of this page and all that follow."""
    pages = []
    link: str | None = path
    while link:
        page = person.api.get(link).json()
        pages.append(page["results"])
        link = page[direction]
        assert len(pages) < 20, "the pages never end"
    return pages


def phones(pages: list[list[dict[str, Any]]]) -> list[str]:
    return [row["phone"] for page in pages for row in page]
