"""Parallel uses of a pair of tokens and of the token before it, on real connections to a real PostgreSQL."""

from functools import partial
from typing import Any

import pytest

from tests.api.test_tokens import me, pass_time, refresh
from tests.support.accounts import signed_in
from tests.support.races import race
from users.models import Device

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 15


def lost_and_late(number: int = 0) -> tuple[str, dict[str, Any]]:
    """A refresh token whose response was lost more than ten seconds ago, and the pair of that response."""
    person = signed_in(f"99912300{number:02}")
    pair = refresh(person.refresh).json()
    pass_time(seconds=11)
    return person.refresh, pair


def statuses(answers: list[Any]) -> list[int]:
    assert [answer for answer in answers if isinstance(answer, Exception)] == []
    return [answer.status_code for answer in answers]


def test_late_retries_at_once_get_one_new_successor() -> None:
    token, lost = lost_and_late()

    answers = race([partial(refresh, token)] * 20)

    assert statuses(answers) == [200] * 20
    [successor] = {answer.json()["refresh"] for answer in answers}
    assert successor != lost["refresh"]
    assert Device.objects.get().superseded_jtis is not None and len(Device.objects.get().superseded_jtis or []) == 1
    assert refresh(successor).status_code == 200


@pytest.mark.parametrize("use", ["token", "refresh"])
def test_late_retry_and_a_use_of_its_successor_never_both_succeed(use: str) -> None:
    for number in range(ROUNDS):
        token, stolen = lost_and_late(number)
        steal = partial(me, stolen["token"]) if use == "token" else partial(refresh, stolen["refresh"])

        answers = race([partial(refresh, token), steal])

        assert sorted(statuses(answers)) == [200, 401]
        assert Device.objects.filter(ended_at=None).count() == 0


def test_first_uses_at_once_are_all_served() -> None:
    person = signed_in()
    pair = refresh(person.refresh).json()

    answers = race([partial(me, pair["token"])] * 20)

    assert statuses(answers) == [200] * 20
    assert Device.objects.get().unused_jti is None


def test_first_use_during_the_exchange_of_its_own_pair_is_served() -> None:
    """A client with many requests at once may refresh before the others are answered."""
    person = signed_in()
    token = person.refresh
    for _ in range(ROUNDS):
        pair = refresh(token).json()

        used, rotated = race([partial(me, pair["token"]), partial(refresh, pair["refresh"])])

        assert statuses([used, rotated]) == [200, 200]
        token = rotated.json()["refresh"]
    assert Device.objects.get().superseded_jtis is None
