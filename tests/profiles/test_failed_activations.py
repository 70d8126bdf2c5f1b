"""Wrong invite codes are limited: ten an hour and thirty a day."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from profiles import activation
from profiles.models import Activation, FailedActivation, Profile
from tests.support.accounts import SignedInUser, registered
from tests.support.many_users import nobodys_code
from users.models import User

pytestmark = pytest.mark.django_db

NOON = datetime(2030, 1, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def fail(profile: Profile, now: datetime) -> None:
    with pytest.raises(activation.InviteCodeNotFound):
        activation.activate(profile.pk, nobodys_code(), now=now)


def refused(profile: Profile, code: str, now: datetime) -> int:
    """The `Retry-After` of a refusal, in seconds."""
    with pytest.raises(activation.TooManyFailedActivations) as refusal:
        activation.activate(profile.pk, code, now=now)
    return refusal.value.retry_after


def test_eleventh_wrong_code_of_an_hour_is_refused(alice: SignedInUser) -> None:
    answers = [alice.activate(nobodys_code()) for _ in range(11)]

    assert [answer.status_code for answer in answers] == [404] * 10 + [429]
    assert answers[10].json()["code"] == "too_many_requests"
    assert 3590 <= answers[10].json()["retry_after"] <= 3600
    assert answers[10]["Retry-After"] == str(answers[10].json()["retry_after"])
    assert FailedActivation.objects.filter(user_id=alice.profile.pk).count() == 10


def test_right_code_is_refused_too_while_guessing_is(alice: SignedInUser, bob: SignedInUser) -> None:
    for _ in range(10):
        bob.activate(nobodys_code())

    answer = bob.activate(alice.code)

    assert answer.status_code == 429
    assert not Activation.objects.exists()


def test_own_code_is_refused_alike_while_guessing_is_refused(alice: SignedInUser) -> None:
    for _ in range(10):
        alice.activate(nobodys_code())

    assert alice.activate(alice.code).status_code == 429


def test_user_who_has_voted_is_told_so_despite_failed_activations(alice: SignedInUser, bob: SignedInUser) -> None:
    for _ in range(10):
        bob.activate(nobodys_code())
    Activation.objects.create(invitee_id=bob.profile.pk, inviter_id=alice.profile.pk)

    assert bob.activate(nobodys_code()).json()["code"] == "already_activated"


def test_malformed_code_is_not_counted(alice: SignedInUser) -> None:
    answers = [alice.activate("O") for _ in range(12)]

    assert {answer.status_code for answer in answers} == {400}
    assert not FailedActivation.objects.exists()


def test_failed_activations_are_counted_for_each_user(alice: SignedInUser, bob: SignedInUser) -> None:
    for _ in range(10):
        alice.activate(nobodys_code())

    assert bob.activate(nobodys_code()).status_code == 404


def test_limit_of_an_hour_is_a_sliding_window() -> None:
    profile, owner = registered("9991110001"), registered("9991110002")
    for n in range(10):
        fail(profile, NOON + n * MINUTE)

    early = refused(profile, owner.invite_code, NOON + HOUR - timedelta(seconds=90))
    almost = refused(profile, owner.invite_code, NOON + HOUR - timedelta(microseconds=1))
    fail(profile, NOON + HOUR)
    full_again = refused(profile, owner.invite_code, NOON + HOUR)
    activation.activate(profile.pk, owner.invite_code, now=NOON + HOUR + MINUTE)

    assert (early, almost, full_again) == (90, 1, 60)
    assert Activation.objects.get().inviter_id == owner.pk


def test_thirty_first_wrong_code_of_a_day_is_refused() -> None:
    profile, owner = registered("9991110001"), registered("9991110002")
    for n in range(30):
        fail(profile, NOON + n * 20 * MINUTE)

    wait = refused(profile, owner.invite_code, NOON + 20 * HOUR)
    fail(profile, NOON + 24 * HOUR)

    assert wait == 4 * 3600
    assert FailedActivation.objects.count() == 31


def test_retry_after_covers_both_limits() -> None:
    profile, owner = registered("9991110001"), registered("9991110002")
    now = NOON
    for n in range(30):
        now = NOON + (n // 10) * 2 * HOUR + (n % 10) * MINUTE
        fail(profile, now)

    wait = refused(profile, owner.invite_code, now)
    activation.activate(profile.pk, owner.invite_code, now=now + timedelta(seconds=wait))

    assert now + timedelta(seconds=wait) == NOON + 24 * HOUR


@pytest.mark.parametrize(
    "gone",
    [{"is_active": False}, {"verified_at": None}, {"phone": None, "erased_at": NOON}],
    ids=["disabled", "unverified", "erased"],
)
def test_code_of_a_hidden_user_is_a_failed_activation(alice: SignedInUser, gone: dict[str, Any]) -> None:
    owner = registered("9991110002")
    User.objects.filter(pk=owner.pk).update(**gone)

    answer = alice.activate(owner.invite_code)

    assert (answer.status_code, answer.json()["code"]) == (404, "invite_code_not_found")
    assert FailedActivation.objects.filter(user_id=alice.profile.pk).count() == 1
    assert not Activation.objects.exists()
