"""POST /api/v1/profiles/me: each user has one vote, for another user."""

from typing import Any

import pytest

from profiles import invite_codes
from profiles.models import Activation, FailedActivation, Profile
from tests.support.accounts import SignedInUser, client, registered
from tests.support.many_users import nobodys_code
from users import accounts

pytestmark = pytest.mark.django_db

ME = "/api/v1/profiles/me"


def counts() -> dict[int, int]:
    return dict(Profile.objects.values_list("pk", "invitations_count"))


def votes() -> list[tuple[int, int]]:
    return list(Activation.objects.values_list("invitee_id", "inviter_id"))


def test_activation_shows_in_both_profiles(alice: SignedInUser, bob: SignedInUser) -> None:
    answer = bob.activate(alice.code)

    assert answer.status_code == 200
    assert answer.json() == bob.me()
    assert answer.json()["activated_invite"] == alice.code
    assert alice.me()["invitations"] == ["9991110002"]
    assert alice.me()["invitations_count"] == 1
    assert votes() == [(bob.profile.pk, alice.profile.pk)]


def spellings(code: str) -> list[str]:
    return [code.lower(), f" {code[:3]} {code[3:]} ", f"{code[:3]}-{code[3:]}", "-".join(code), code.swapcase()]


@pytest.mark.parametrize("spelling", range(5))
def test_code_is_accepted_in_any_usual_spelling(alice: SignedInUser, bob: SignedInUser, spelling: int) -> None:
    answer = bob.activate(spellings(alice.code)[spelling])

    assert answer.status_code == 200
    assert answer.json()["activated_invite"] == alice.code


def test_form_is_accepted_like_json(alice: SignedInUser, bob: SignedInUser) -> None:
    answer = bob.api.post(
        ME, f"activated_invite={alice.code.lower()}", content_type="application/x-www-form-urlencoded"
    )

    assert answer.status_code == 200
    assert votes() == [(bob.profile.pk, alice.profile.pk)]


def test_two_users_may_activate_each_others_codes(alice: SignedInUser, bob: SignedInUser) -> None:
    answers = [bob.activate(alice.code), alice.activate(bob.code)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert set(counts().values()) == {1}


def test_own_code_is_refused(alice: SignedInUser) -> None:
    answer = alice.activate(alice.code.lower())

    assert answer.status_code == 409
    assert answer.json()["code"] == "own_invite_code"
    assert votes() == []
    assert set(counts().values()) == {0}
    assert not FailedActivation.objects.exists()


@pytest.mark.parametrize("again", ["the same", "another", "own", "unknown"])
def test_second_activation_is_refused_whatever_the_code(
    alice: SignedInUser, bob: SignedInUser, charlie: SignedInUser, again: str
) -> None:
    bob.activate(alice.code)
    codes = {"the same": alice.code, "another": charlie.code, "own": bob.code, "unknown": nobodys_code()}

    answer = bob.activate(codes[again])

    assert answer.status_code == 409
    assert answer.json()["code"] == "already_activated"
    assert answer.json()["activated_invite"] == alice.code
    assert votes() == [(bob.profile.pk, alice.profile.pk)]
    assert sum(counts().values()) == 1
    assert not FailedActivation.objects.exists()


def test_unknown_code_is_not_found(alice: SignedInUser) -> None:
    answer = alice.activate(nobodys_code())

    assert answer.status_code == 404
    assert answer.json()["code"] == "invite_code_not_found"
    assert votes() == []
    assert FailedActivation.objects.filter(user_id=alice.profile.pk).count() == 1


def disabled(phone: str) -> Profile:
    profile = registered(phone)
    accounts.disable(profile.user)
    return profile


@pytest.mark.parametrize("owner", ["unverified", "disabled"])
def test_codes_of_hidden_users_are_not_found(alice: SignedInUser, owner: str) -> None:
    profile = registered("9991110007", verified_at=None) if owner == "unverified" else disabled("9991110007")

    refused = alice.activate(profile.invite_code)
    unknown = alice.activate(nobodys_code())

    assert refused.status_code == 404
    assert {**refused.json(), "request_id": ""} == {**unknown.json(), "request_id": ""}
    assert votes() == []


def test_code_works_again_once_its_owner_is_enabled(alice: SignedInUser) -> None:
    profile = disabled("9991110007")
    accounts.enable(profile.user)

    answer = alice.activate(profile.invite_code)

    assert answer.status_code == 200


@pytest.mark.parametrize(
    "typed",
    [
        *("", "A", "AAAAA", "AAAAAAA", "A" * 201, "AAAAA0", "AAAAAO", "AAAAA1", "AAAAAI", "AAAAAL", "AAA_AA", "AAAAA;"),
        *("%4AAAAA", "AAAAÀA", "ÄÄÄÄÄÄ", "АААААО", "ßAAAA", "ﬀAAA", "ıAAAAA", "😀😀😀😀😀😀"),
    ],
)
def test_malformed_code_is_invalid_and_counts_no_failure(alice: SignedInUser, typed: str) -> None:
    answer = alice.activate(typed)

    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid"
    assert [error["field"] for error in answer.json()["errors"]] == ["activated_invite"]
    assert not FailedActivation.objects.exists()


@pytest.mark.parametrize("value", [None, 123456, 1.5, True, [], ["AAAAAA"], {}, {"a": "AAAAAA"}])
def test_value_that_is_not_a_string_is_invalid(alice: SignedInUser, value: Any) -> None:
    answer = alice.api.post(ME, {"activated_invite": value})

    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid"
    assert answer.json()["errors"][0]["field"] == "activated_invite"
    assert not FailedActivation.objects.exists()


def test_activation_needs_a_token(alice: SignedInUser) -> None:
    answer = client().post(ME, {"activated_invite": alice.code})

    assert answer.status_code == 401
    assert votes() == []


def test_invite_codes_use_the_alphabet_and_differ() -> None:
    codes = {invite_codes.generate() for _ in range(1000)}

    assert len(codes) > 990
    assert all(invite_codes.normalise(code) == code for code in codes)
    assert set("".join(codes)) == set(invite_codes.ALPHABET)
    assert not set("01OIL") & set(invite_codes.ALPHABET)
