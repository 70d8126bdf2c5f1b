"""The own profile is read by one hand-written statement, and equals what the ORM and a serializer return."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.renderers import JSONRenderer

from api import serializers
from profiles import queries
from profiles.models import Activation, Profile
from tests.support.accounts import SignedInUser
from users.models import Device, User

pytestmark = pytest.mark.django_db

START = datetime(2026, 1, 1, tzinfo=UTC)

phones = st.one_of(
    st.integers(9_000_000_000, 9_999_999_999).map("+7{}".format),  # Russian
    st.integers(7_000_000_000, 7_099_999_999).map("+7{}".format),  # Kazakh
    st.integers(2_015_550_000, 2_015_559_999).map("+1{}".format),
)
# Phones of voters, times of their votes (often the same), and whether they are disabled now.
voters = st.lists(
    st.tuples(phones, st.integers(0, 3), st.booleans()), unique_by=lambda voter: voter[0], max_size=queries.NEWEST + 3
)


def vote(inviter: Profile, given: list[tuple[str, int, bool]]) -> None:
    people = User.objects.bulk_create(User(phone=phone, is_active=not off) for phone, _, off in given)
    Profile.objects.bulk_create(Profile(user=user, invite_code=_code(n)) for n, user in enumerate(people))
    Activation.objects.bulk_create(
        Activation(invitee_id=user.pk, inviter=inviter, created_at=START + timedelta(microseconds=when))
        for user, (_, when, _) in zip(people, given, strict=True)
    )
    Profile.objects.filter(pk=inviter.pk).update(invitations_count=len(given))


def _code(number: int) -> str:
    return "ZZZZ" + "23456789"[number // 8] + "23456789"[number % 8]


def plain(person: Profile) -> tuple[dict[str, Any], tuple[datetime, int] | None]:
    """The response as in REST framework's manual, and the place of the first older vote."""
    profile = Profile.objects.select_related("user", "activation__inviter").get(pk=person.pk)
    votes = Activation.objects.filter(inviter=profile, invitee__user__is_active=True).select_related("invitee__user")
    newest = list(votes.order_by("-created_at", "-invitee_id")[: queries.NEWEST + 1])
    shown, last = newest[: queries.NEWEST], newest[queries.NEWEST - 1] if len(newest) > queries.NEWEST else None
    own: Any = getattr(profile, "activation", None)
    values = {
        "user_id": profile.pk,
        "phone": profile.user.phone,
        "invite_code": profile.invite_code,
        "share_url": f"http://localhost:8000/i/{profile.invite_code}",
        "activated_invite": own and own.inviter.invite_code,
        "activated_at": own and own.created_at,
        "receipt_nonce": own and bytes(own.nonce or b"").hex(),
        "receipt": None,
        "invitations": [vote.invitee.user.phone for vote in shown],
        "invitations_count": profile.invitations_count,
        "invitations_next": "older" if last else None,
    }
    return serializers.OwnProfileAnswer(values).data, last and (last.created_at, last.invitee_id)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(given_votes=voters, has_voted=st.booleans())
def test_response_equals_that_of_the_orm_and_a_serializer(
    alice: SignedInUser, bob: SignedInUser, given_votes: list[tuple[str, int, bool]], has_voted: bool
) -> None:
    with transaction.atomic():
        vote(alice.profile, given_votes)
        if has_voted:
            Activation.objects.create(invitee=alice.profile, inviter=bob.profile)
        device = Device.objects.get(user=alice.profile.user)
        expected, older = plain(alice.profile)

        own = queries.own_profile(device.session_id, device.user_id)

        older_url = "older" if own.last_shown else None
        answer = serializers.FastOwnProfile(own, context={"invitations_next": older_url}).data
        assert JSONRenderer().render(answer) == JSONRenderer().render(expected)
        assert own.last_shown == older
        transaction.set_rollback(True)
