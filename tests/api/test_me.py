"""GET /api/v1/profiles/me: the user's own profile."""

from datetime import datetime
from typing import Any

import pytest
from django.utils import timezone

from profiles import activation
from profiles.models import Activation, Profile
from tests.support.accounts import SignedInUser, client, registered
from users import accounts
from users.models import User

pytestmark = pytest.mark.django_db

ME = "/api/v1/profiles/me"


def voters(inviter: Profile, number: int) -> list[str]:
    """Let this many users vote for the inviter in turn. Returns their phones, the newest vote first."""
    phones = [f"999200{n:04}" for n in range(number)]
    for phone in phones:
        activation.activate(registered(phone).pk, inviter.invite_code)
    return phones[::-1]


def test_new_user_has_a_code_and_nothing_else(alice: SignedInUser) -> None:
    answer = alice.api.get(ME)

    assert answer.status_code == 200
    assert answer.json() == {
        "user_id": alice.profile.pk,
        "phone": "9991110001",
        "invite_code": alice.code,
        "share_url": f"http://localhost:8000/i/{alice.code}",
        "activated_invite": None,
        "activated_at": None,
        "receipt_nonce": None,
        "receipt": None,
        "invitations": [],
        "invitations_count": 0,
        "invitations_next": None,
    }


def test_times_are_in_utc_whatever_the_zone_of_the_admin(settings: Any, alice: SignedInUser, bob: SignedInUser) -> None:
    settings.TIME_ZONE = "Asia/Vladivostok"
    bob.activate(alice.code)

    assert bob.me()["activated_at"].endswith("Z")
    (device,) = bob.api.get("/api/v1/devices").json()
    assert {device[name][-1] for name in ("signed_in_at", "refreshed_at", "trusted_until")} == {"Z"}


def test_activated_code_and_its_time_are_shown(alice: SignedInUser, bob: SignedInUser) -> None:
    bob.activate(alice.code)

    me = bob.me()

    assert me["activated_invite"] == alice.code
    assert datetime.fromisoformat(me["activated_at"]) == Activation.objects.get().created_at
    assert datetime.fromisoformat(me["activated_at"]).utcoffset() is not None


def test_invitees_are_listed_newest_first(alice: SignedInUser) -> None:
    phones = voters(alice.profile, 3)

    me = alice.me()

    assert me["invitations"] == phones
    assert me["invitations_count"] == 3
    assert me["invitations_next"] is None


def test_newest_fifty_are_shown_and_a_link_leads_to_the_rest(alice: SignedInUser) -> None:
    phones = voters(alice.profile, 53)

    me = alice.me()
    rest = alice.api.get(me["invitations_next"])

    assert me["invitations"] == phones[:50]
    assert me["invitations_count"] == 53
    assert rest.status_code == 200
    assert [row["phone"] for row in rest.json()["results"]] == phones[50:]
    assert rest.json()["next"] is None


def test_exactly_fifty_have_no_link_to_older_ones(alice: SignedInUser) -> None:
    voters(alice.profile, 50)

    me = alice.me()

    assert len(me["invitations"]) == 50
    assert me["invitations_next"] is None


def test_disabled_voter_is_not_shown_but_still_counted(alice: SignedInUser, bob: SignedInUser) -> None:
    bob.activate(alice.code)

    accounts.disable(bob.profile.user)

    assert alice.me()["invitations"] == []
    assert alice.me()["invitations_count"] == 1


def test_activated_code_stays_shown_after_its_owner_is_disabled(alice: SignedInUser, bob: SignedInUser) -> None:
    bob.activate(alice.code)

    accounts.disable(alice.profile.user)

    assert bob.me()["activated_invite"] == alice.code


def test_foreign_number_is_shown_in_full(alice: SignedInUser, settings: Any) -> None:
    settings.PHONE_REGIONS = ["RU", "KZ"]
    voter = registered("9992000001")
    User.objects.filter(pk=voter.pk).update(phone="+77012345678")

    activation.activate(voter.pk, alice.code)

    assert alice.me()["invitations"] == ["+77012345678"]


@pytest.mark.parametrize("path", [ME, f"{ME}/", f"{ME}/invitations", f"{ME}/export"])
def test_profile_needs_a_token(path: str, db: None) -> None:
    answer = client().get(path)

    assert answer.status_code == 401
    assert answer.json()["code"] == "not_authenticated"


def test_disabled_user_is_refused_at_once(alice: SignedInUser) -> None:
    accounts.disable(alice.profile.user)

    answer = alice.api.get(ME)

    assert answer.status_code == 401
    assert answer.json()["code"] == "token_revoked"


def test_only_staff_read_a_profile_by_its_id(alice: SignedInUser, bob: SignedInUser) -> None:
    answer = alice.api.get(f"/api/v1/profiles/{bob.profile.pk}")

    assert answer.status_code == 403
    assert answer.json()["code"] == "permission_denied"


@pytest.mark.parametrize("method", ["put", "patch"])
def test_only_the_vote_can_be_set(alice: SignedInUser, method: str) -> None:
    before = alice.me()

    answer = getattr(alice.api, method)(ME, {"invite_code": "AAAAAA", "phone": "9990000000", "is_staff": True})

    assert answer.status_code == 405
    assert alice.me() == before
    assert not User.objects.filter(is_staff=True).exists()


@pytest.mark.parametrize("invitations", [0, 1, 60])
def test_reading_me_takes_at_most_three_statements(
    alice: SignedInUser, invitations: int, django_assert_max_num_queries: Any
) -> None:
    voters(alice.profile, invitations)

    with django_assert_max_num_queries(3):
        answer = alice.api.get(ME)

    assert answer.json()["invitations_count"] == invitations


def test_profile_has_its_time_of_creation(alice: SignedInUser) -> None:
    age = timezone.now() - alice.profile.created_at

    assert 0 <= age.total_seconds() < 60


@pytest.mark.parametrize(
    "accept",
    [
        "*/*",
        "application/json",
        "application/json;q=0.9, text/html",
        "text/html, */*;q=0.1",
        "text/html",
        "nonsense/",
        "",
    ],
)
def test_response_is_the_same_for_any_accept_header(alice: SignedInUser, bob: SignedInUser, accept: str) -> None:
    bob.activate(alice.code)

    answer = alice.api.get(ME, HTTP_ACCEPT=accept)

    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"
    assert answer.content == alice.api.get(ME).content


def test_head_has_the_headers_of_get(alice: SignedInUser) -> None:
    head, get = alice.api.head(ME), alice.api.get(ME)

    assert head.status_code == 200
    assert head["Content-Length"] == get["Content-Length"]
