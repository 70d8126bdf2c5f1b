"""Votes are counted exactly while operators and users change the same user in parallel."""

from collections.abc import Callable
from functools import partial

import pytest

from profiles import activation, privacy
from profiles.models import Activation, Profile
from tests.profiles.test_activation_races import assert_counts_are_exact, crowd, erasure, vote
from tests.support.accounts import registered
from tests.support.races import race
from users import accounts
from users.login.tokens import TokenRevoked

pytestmark = pytest.mark.django_db(transaction=True)


def release(voter: Profile) -> partial[int | None]:
    return partial(activation.release, voter.pk)


def test_deletions_during_activations_are_counted_exactly() -> None:
    celebrity = registered("9991110001")
    voters = crowd(24)
    for voter in voters[:12]:
        activation.activate(voter.pk, celebrity.invite_code)

    results = race([*map(release, voters[:12]), *(vote(voter, celebrity) for voter in voters[12:])])

    assert results == [celebrity.pk] * 12 + [None] * 12
    assert Profile.objects.get(pk=celebrity.pk).invitations_count == 12
    assert_counts_are_exact()


def test_repeated_activation_and_deletion_leave_one_vote_or_none() -> None:
    voter = registered("9991110001")
    inviters = crowd(10)

    results = race([call for inviter in inviters for call in (vote(voter, inviter), release(voter))])

    given, taken = results[::2].count(None), sum(one is not None for one in results[1::2])
    assert given - taken == Activation.objects.count() <= 1
    assert_counts_are_exact()


def test_vote_deleted_twice_in_parallel_is_counted_once() -> None:
    voter, inviter = registered("9991110001"), registered("9991110002")
    activation.activate(voter.pk, inviter.invite_code)

    results = race([release(voter)] * 5)

    assert sorted(results, key=str) == [inviter.pk, None, None, None, None]
    assert_counts_are_exact()


def test_parallel_erasure_and_deletion_count_a_vote_once() -> None:
    celebrity = registered("9991110001")
    voters = crowd(8)
    for voter in voters:
        activation.activate(voter.pk, celebrity.invite_code)
    by_operator = [partial(privacy.erase_by_operator, voter.pk) for voter in voters]

    race([call for n, voter in enumerate(voters) for call in (release(voter), by_operator[n], erasure(voter))])

    assert not Activation.objects.exists()
    assert not Profile.objects.filter(pk__in=[one.pk for one in voters], user__phone__isnull=False).exists()
    assert Profile.objects.get(pk=celebrity.pk).invitations_count == 0


def test_replacing_a_code_during_activations_loses_no_vote() -> None:
    celebrity = registered("9991110001")
    replace = partial(activation.replace_invite_code, celebrity.pk)

    results = race([*(vote(voter, celebrity) for voter in crowd(20)), replace])

    assert results[-1] == celebrity.invite_code
    assert Profile.objects.get(pk=celebrity.pk).invitations_count == results[:20].count(None)
    assert_counts_are_exact()


def test_operators_and_users_do_not_deadlock() -> None:
    everybody = crowd(6)
    moves: list[Callable[[], object]] = []
    for one, other in zip(everybody, [*everybody[1:], everybody[0]], strict=True):
        moves += [vote(one, other), vote(other, one), release(one), partial(activation.replace_invite_code, one.pk)]
    moves += [partial(privacy.erase_by_operator, one.pk) for one in everybody[:2]]
    moves += [partial(accounts.disable, one.user) for one in everybody[2:4]]

    results = race(moves)

    refused = (activation.InviteCodeNotFound, activation.AlreadyActivated, TokenRevoked)
    assert [repr(one) for one in results if isinstance(one, Exception) and not isinstance(one, refused)] == []
    assert_counts_are_exact()
