"""A refresh token that is presented again: a lost response, or a theft."""

import uuid
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.api.test_tokens import forged, is_401, logout, me, pass_time, refresh
from tests.support.accounts import SignedInUser, client
from tests.support.forged_tokens import claims
from tests.support.login_steps import right
from users.models import Device

pytestmark = pytest.mark.django_db
PROFILE = "/api/v1/profiles/me"


def refreshed(token: str) -> dict[str, Any]:
    answer = refresh(token)
    assert answer.status_code == 200, answer.content
    return answer.json()


def ended(*pairs: dict[str, Any]) -> bool:
    """Whether session and trust have ended, and these pairs with them."""
    for pair in pairs:
        is_401(me(pair["token"]), "token_revoked")
        is_401(refresh(pair["refresh"]), "token_revoked")
    device = Device.objects.get()
    return device.ended_at is not None and device.trust_hash is device.trusted_until is None


def test_access_token_and_refresh_token_of_a_pair_have_one_id(alice: SignedInUser) -> None:
    pair = refreshed(alice.refresh)

    assert claims(alice.token)["jti"] == claims(alice.refresh)["jti"]
    assert claims(pair["token"])["jti"] == claims(pair["refresh"])["jti"] == Device.objects.get().refresh_jti.hex


def test_previous_token_gets_the_same_successor_for_ten_seconds(alice: SignedInUser) -> None:
    first = refreshed(alice.refresh)
    assert me(first["token"]).status_code == 200
    pass_time(seconds=9)

    again = refreshed(alice.refresh)

    assert claims(again["refresh"])["jti"] == claims(first["refresh"])["jti"]
    assert me(again["token"]).status_code == me(first["token"]).status_code == 200
    assert refresh(again["refresh"]).status_code == 200


def test_successor_is_exactly_the_same(alice: SignedInUser) -> None:
    assert refreshed(alice.refresh)["refresh"] == refreshed(alice.refresh)["refresh"]


def test_lost_response_is_made_good_days_later(alice: SignedInUser) -> None:
    lost = refreshed(alice.refresh)
    pass_time(days=20)

    pair = refreshed(alice.refresh)

    assert pair["refresh"] != lost["refresh"]
    assert me(pair["token"]).status_code == 200
    assert refreshed(alice.refresh)["refresh"] == pair["refresh"]  # for ten seconds again
    assert refresh(pair["refresh"]).status_code == 200
    assert Device.objects.get().trust_hash is not None


def test_many_lost_responses_in_a_row_are_made_good(alice: SignedInUser) -> None:
    lost = []
    for _ in range(100):
        lost.append(refreshed(alice.refresh)["refresh"])
        pass_time(seconds=11)

    pair = refreshed(alice.refresh)

    assert len({*lost, pair["refresh"]}) == 101
    assert me(pair["token"]).status_code == 200
    assert len(Device.objects.get().superseded_jtis) == 60  # access tokens of earlier pairs have expired


@pytest.mark.parametrize("use", ["token", "refresh"])
@pytest.mark.parametrize("lost_later", [0, 1, 3])
def test_unused_pair_is_reuse_once_another_has_taken_its_place(alice: SignedInUser, use: str, lost_later: int) -> None:
    stolen = refreshed(alice.refresh)
    for _ in range(lost_later + 1):
        pass_time(seconds=11)
        pair = refreshed(alice.refresh)
    if not lost_later:
        assert me(pair["token"]).status_code == 200

    answer = me(stolen["token"]) if use == "token" else refresh(stolen["refresh"])

    is_401(answer, "token_revoked")
    assert ended(pair, stolen)


def test_superseded_access_token_is_found_at_any_operation_and_changes_nothing(
    alice: SignedInUser, bob: SignedInUser
) -> None:
    stolen = refreshed(alice.refresh)
    pass_time(seconds=11)
    pair = refreshed(alice.refresh)
    thief = client(HTTP_AUTHORIZATION=f"Bearer {stolen['token']}")

    is_401(thief.post(PROFILE, {"activated_invite": bob.code}), "token_revoked")

    assert bob.me()["invitations_count"] == 0
    is_401(me(pair["token"]), "token_revoked")


@pytest.mark.parametrize("method, path", [("get", PROFILE), ("head", PROFILE), ("get", "/api/v1/devices")])
def test_reuse_after_the_successor_was_used_ends_session_and_trust(alice: SignedInUser, method: str, path: str) -> None:
    pair = refreshed(alice.refresh)
    used = getattr(client(HTTP_AUTHORIZATION=f"Bearer {pair['token']}"), method)(path)
    assert used.status_code == 200
    pass_time(seconds=11)

    is_401(refresh(alice.refresh), "token_revoked")

    assert ended(pair)


def test_token_before_the_previous_one_is_reuse_at_once(alice: SignedInUser) -> None:
    pair = refreshed(refreshed(alice.refresh)["refresh"])

    is_401(refresh(alice.refresh), "token_revoked")

    assert ended(pair)


def test_earlier_access_tokens_stay_valid_until_they_expire(alice: SignedInUser) -> None:
    """Other requests of the client may be on their way with them."""
    first = refreshed(alice.refresh)
    second = refreshed(first["refresh"])
    refreshed(second["refresh"])

    assert [me(token).status_code for token in (alice.token, first["token"], second["token"])] == [200] * 3


def test_earlier_access_token_does_not_use_the_newest_pair(alice: SignedInUser) -> None:
    refreshed(alice.refresh)
    assert me(alice.token).status_code == 200
    pass_time(seconds=11)

    assert refresh(alice.refresh).status_code == 200


def test_only_the_first_use_of_a_pair_is_written(alice: SignedInUser) -> None:
    pair = refreshed(alice.refresh)

    def statements(token: str, path: str = PROFILE) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client(HTTP_AUTHORIZATION=f"Bearer {token}").get(path).status_code == 200
        return len(queries)

    assert statements(alice.token) == 1
    assert [statements(pair["token"]) for _ in range(3)] == [2, 1, 1]
    pair = refreshed(pair["refresh"])
    assert [statements(pair["token"], "/api/v1/devices") for _ in range(3)] == [3, 2, 2]


def test_refused_request_with_a_forged_pair_uses_nothing(alice: SignedInUser) -> None:
    pair = refreshed(alice.refresh)
    is_401(me(forged(pair["token"], key=b"x" * 32)), "token_invalid")
    is_401(me(forged(pair["token"], exp=1)), "token_expired")
    pass_time(seconds=11)

    assert refresh(alice.refresh).status_code == 200


def test_pairs_of_the_version_before_count_as_used(alice: SignedInUser) -> None:
    """It leaves the new columns as they are, and its access tokens have an id of their own."""
    pair = refreshed(alice.refresh)
    device = Device.objects.get()
    Device.objects.update(previous_jti=device.refresh_jti, refresh_jti=uuid.uuid4())  # it exchanges the token
    newest = {"token": forged(pair["token"], jti=uuid.uuid4().hex)}
    newest["refresh"] = forged(pair["refresh"], jti=Device.objects.get().refresh_jti.hex)

    assert me(newest["token"]).status_code == me(pair["token"]).status_code == 200
    assert claims(refreshed(pair["refresh"])["refresh"])["jti"] == claims(newest["refresh"])["jti"]
    pass_time(seconds=11)
    is_401(refresh(pair["refresh"]), "token_revoked")
    assert ended(newest)


def test_session_of_the_version_before_goes_on(alice: SignedInUser) -> None:
    token = forged(alice.token, jti=uuid.uuid4().hex)
    Device.objects.update(unused_jti=None, superseded_jtis=None)

    assert me(token).status_code == 200
    assert me(refreshed(alice.refresh)["token"]).status_code == 200
    assert me(token).status_code == 200


def test_reuse_of_an_earlier_session_leaves_the_newer_one_on_the_device_alone(alice: SignedInUser) -> None:
    stolen = refreshed(alice.refresh)
    asked = alice.api.post("/api/auth/signup", {"phone": alice.phone}).json()["challenge_id"]
    again = alice.api.post("/api/auth/login", {"code": right(asked), "challenge_id": asked}).json()
    assert Device.objects.count() == 1

    for token in (alice.refresh, stolen["refresh"]):
        is_401(refresh(token), "token_revoked")
    is_401(me(stolen["token"]), "token_revoked")

    assert me(again["token"]).status_code == refresh(again["refresh"]).status_code == 200
    assert Device.objects.get().trust_hash is not None


def test_lost_pair_still_signs_out(alice: SignedInUser) -> None:
    refreshed(alice.refresh)

    assert logout(alice.refresh).status_code == 204
    assert Device.objects.get().ended_at is not None
    assert Device.objects.get().trust_hash is not None
