"""Parallel activations and erasures: real threads on a real PostgreSQL."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import transaction

from profiles import activation, privacy
from profiles.models import Activation, FailedActivation, Profile
from tests.support.accounts import client, registered
from tests.support.many_users import nobodys_code
from tests.support.races import race
from users.login import devices, tokens
from users.login.tokens import TokenRevoked
from users.models import Device
from users.queries import lock_user

pytestmark = pytest.mark.django_db(transaction=True)


def kinds(results: list[Any]) -> Counter[str]:
    return Counter(type(result).__name__ for result in results)


def crowd(size: int) -> list[Profile]:
    return [registered(f"99920000{n:02}") for n in range(size)]


def vote(voter: Profile, inviter: Profile) -> Callable[[], None]:
    return partial(activation.activate, voter.pk, inviter.invite_code)


def device_of(profile: Profile) -> Device:
    with transaction.atomic():
        user, now = lock_user(profile.pk)
        return devices.start_session(user, None, "", now)[0]


def erasure(profile: Profile) -> Callable[[], None]:
    return partial(privacy.erase, device_of(profile))


def assert_counts_are_exact() -> None:
    votes = Counter(Activation.objects.values_list("inviter_id", flat=True))
    counted = dict(Profile.objects.filter(invitations_count__gt=0).values_list("pk", "invitations_count"))
    assert counted == votes


def test_thirty_activations_by_one_user_are_one_vote() -> None:
    voter = registered("9991110001")
    inviters = crowd(30)

    results = race([vote(voter, inviter) for inviter in inviters])

    assert kinds(results) == {"NoneType": 1, "AlreadyActivated": 29}
    winner = inviters[results.index(None)]
    assert Activation.objects.get().inviter_id == winner.pk
    assert {error.activated_invite for error in results if error} == {winner.invite_code}
    assert_counts_are_exact()


def test_parallel_requests_of_one_user_are_one_vote() -> None:
    voter, inviter = registered("9991110001"), registered("9991110002")
    token = tokens.issue(device_of(voter)).token
    clients = [client(HTTP_AUTHORIZATION=f"Bearer {token}") for _ in range(10)]
    body = {"activated_invite": inviter.invite_code}

    answers = race([partial(each.post, "/api/v1/profiles/me", body) for each in clients])

    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 9}
    assert_counts_are_exact()


def test_popular_inviter_gets_all_votes_of_thirty_parallel_users() -> None:
    celebrity = registered("9991110001")

    results = race([vote(voter, celebrity) for voter in crowd(30)])

    assert kinds(results) == {"NoneType": 30}
    celebrity.refresh_from_db()
    assert celebrity.invitations_count == 30
    assert_counts_are_exact()


def test_mutual_activations_do_not_deadlock() -> None:
    everybody = crowd(24)
    pairs = list(zip(everybody[::2], everybody[1::2], strict=True))

    results = race([call for one, other in pairs for call in (vote(one, other), vote(other, one))])

    assert kinds(results) == {"NoneType": 24}
    assert set(Profile.objects.values_list("invitations_count", flat=True)) == {1}
    assert_counts_are_exact()


def test_cycle_of_activations_does_not_deadlock() -> None:
    ring = crowd(20)

    results = race([vote(ring[n], ring[n - 1]) for n in range(20)])

    assert kinds(results) == {"NoneType": 20}
    assert_counts_are_exact()


def test_parallel_failed_activations_are_counted_exactly() -> None:
    guesser = registered(
        "9991110001",
    )
    code = nobodys_code()

    results = race([partial(activation.activate, guesser.pk, code) for _ in range(24)])

    assert kinds(results) == {"InviteCodeNotFound": 10, "TooManyFailedActivations": 14}
    assert FailedActivation.objects.count() == 10
    assert all(error.retry_after > 0 for error in results if isinstance(error, activation.TooManyFailedActivations))


def test_erasure_during_an_activation_keeps_counts_exact() -> None:
    celebrity = registered("9991110001")
    voters = crowd(12)

    results = race([call for voter in voters for call in (vote(voter, celebrity), erasure(voter))])

    # Either the vote came first and was deleted, or the erasure came first.
    assert all(result is None or isinstance(result, TokenRevoked) for result in results)
    assert not Activation.objects.exists()
    assert_counts_are_exact()


def test_parallel_erasures_of_voters_delete_every_vote() -> None:
    celebrity = registered("9991110001")
    voters = crowd(20)
    for voter in voters:
        activation.activate(voter.pk, celebrity.invite_code)

    results = race([erasure(voter) for voter in voters])

    assert kinds(results) == {"NoneType": 20}
    celebrity.refresh_from_db()
    assert celebrity.invitations_count == 0
    assert not Activation.objects.exists()


def test_inviter_erased_during_activations_keeps_earlier_votes() -> None:
    celebrity = registered("9991110001")

    results = race([*(vote(voter, celebrity) for voter in crowd(20)), erasure(celebrity)])

    assert kinds(results[:20]).keys() <= {"NoneType", "InviteCodeNotFound"}
    celebrity.refresh_from_db()
    assert celebrity.invitations_count == kinds(results[:20])["NoneType"]
    assert_counts_are_exact()


def test_user_is_erased_once_by_parallel_requests() -> None:
    person, inviter = registered("9991110001"), registered("9991110002")
    activation.activate(person.pk, inviter.invite_code)

    results = race([erasure(person) for _ in range(5)])

    assert kinds(results) == {"NoneType": 1, "TokenRevoked": 4}
    person.user.refresh_from_db()
    assert person.user.phone is None
    assert_counts_are_exact()
