"""Parallel sign-ups, log-ins and refreshes, on real connections to a real PostgreSQL."""

from collections import Counter
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from profiles.models import Profile
from tests.support.accounts import client, signed_in
from tests.support.login_steps import challenge, right, wrong
from tests.support.races import race
from users.login import network_places
from users.models import Challenge, Device, LoginCode, SmsDelivery, User

pytestmark = pytest.mark.django_db(transaction=True)
PHONE = "9991234567"


@pytest.fixture(autouse=True)
def as_many_threads_as_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clients come from one address, for which a process of the service leaves only some of its few threads."""
    monkeypatch.setattr(network_places, "MOST_OF_A_NETWORK", 30)


def signup(**body: Any) -> Any:
    return client().post("/api/auth/signup", {"phone": PHONE, **body})


def login(code: str, challenge_id: str) -> Any:
    return client().post("/api/auth/login", {"code": code, "challenge_id": challenge_id})


def refresh(token: str) -> Any:
    return client().post("/api/auth/refresh", {"refresh": token})


def statuses(answers: list[Any]) -> Counter[int]:
    assert [answer for answer in answers if isinstance(answer, Exception)] == []
    return Counter(answer.status_code for answer in answers)


def test_thirty_sign_ups_of_one_new_phone_create_one_row_each() -> None:
    answers = race([signup] * 30)

    assert statuses(answers) == {200: 30}
    assert User.objects.count() == Profile.objects.count() == 1
    code = LoginCode.objects.get()
    assert (code.closed_at, code.challenges) == (None, 30)
    assert len({answer.json()["challenge_id"] for answer in answers}) == Challenge.objects.count() == 30
    assert len({answer.json()["code"] for answer in answers}) == 1
    assert sum(answer.json()["sent"] for answer in answers) == 1
    assert SmsDelivery.objects.count() == 1


def test_signups_when_no_code_is_open_open_one_code() -> None:
    signup()
    SmsDelivery.objects.update(created_at=timezone.now() - timedelta(hours=1))
    LoginCode.objects.update(open_until=timezone.now())

    answers = race([signup] * 10)

    assert statuses(answers) == {200: 10}
    assert LoginCode.objects.filter(closed_at=None).count() == 1
    assert SmsDelivery.objects.count() == 2


def test_parallel_requests_of_one_browser_share_one_challenge() -> None:
    held = signup().json()["challenge_id"]

    answers = race([partial(signup, challenge_id=held)] * 10)

    assert {answer.json()["challenge_id"] for answer in answers} == {held}
    assert Challenge.objects.count() == 1


def test_three_of_many_parallel_guesses_are_compared() -> None:
    asked = signup().json()["challenge_id"]

    answers = race([partial(login, wrong(asked), asked)] * 20)

    assert statuses(answers) == {400: 20}
    compared = [answer.json()["attempts_left"] for answer in answers if "attempts_left" in answer.json()]
    assert sorted(compared) == [0, 1, 2]
    assert (challenge(asked).attempts, challenge(asked).login_code.wrong) == (3, 3)
    assert login(right(asked), asked).status_code == 400


def test_parallel_guesses_on_many_challenges_are_all_counted() -> None:
    asked = [signup().json()["challenge_id"] for _ in range(5)]
    mistaken = wrong(asked[0])

    race([partial(login, mistaken, public_id) for public_id in asked * 4])

    assert set(Challenge.objects.values_list("attempts", flat=True)) == {3}
    assert LoginCode.objects.get().wrong == 15


def test_thirty_parallel_correct_codes_open_one_session() -> None:
    asked = [signup().json()["challenge_id"] for _ in range(30)]
    code = right(asked[0])

    answers = race([partial(login, code, public_id) for public_id in asked])

    assert statuses(answers) == {200: 1, 400: 29}
    assert Device.objects.count() == 1
    assert LoginCode.objects.get().used_at is not None


def test_parallel_answers_to_one_challenge_open_one_session() -> None:
    asked = signup().json()
    answers = race([partial(login, asked["code"], asked["challenge_id"])] * 10)

    assert statuses(answers) == {200: 3, 400: 7}  # three attempts
    assert len({answer.json()["refresh"] for answer in answers if answer.status_code == 200}) == 1
    assert Device.objects.count() == 1
    assert LoginCode.objects.get().wrong == 0


def test_double_taps_get_one_session_each() -> None:
    for number in range(20):
        asked = client().post("/api/auth/signup", {"phone": f"99912300{number:02}"}).json()

        taps = race([partial(login, asked["code"], asked["challenge_id"])] * 2)

        assert statuses(taps) == {200: 2}
        first, second = (tap.json() for tap in taps)
        assert (first["refresh"], first["device_token"]) == (second["refresh"], second["device_token"])
        assert first["created"] is second["created"] is True
    assert Device.objects.count() == 20


def test_correct_codes_of_two_tracks_reuse_a_known_device_once() -> None:
    person = signed_in(PHONE)
    known, unknown = signup(device_token=person.device_token).json(), signup().json()

    answers = race([partial(login, asked["code"], asked["challenge_id"]) for asked in (known, unknown)])

    assert statuses(answers) == {200: 2}
    assert Device.objects.count() == 2
    assert answers[0].json()["device_token"] == person.device_token != answers[1].json()["device_token"]


def test_parallel_refreshes_of_one_token_get_one_successor() -> None:
    person = signed_in(PHONE)

    answers = race([partial(refresh, person.refresh)] * 20)

    assert statuses(answers) == {200: 20}
    [successor] = {answer.json()["refresh"] for answer in answers}
    assert refresh(successor).status_code == 200
    assert Device.objects.get().ended_at is None


def test_no_refreshed_token_outlives_its_revoked_device() -> None:
    person = signed_in(PHONE)
    for _ in range(8):
        other = another_device()
        device_id = Device.objects.latest("pk").pk

        ended, *refreshed = race(
            [
                partial(person.api.delete, f"/api/v1/devices/{device_id}"),
                *[partial(refresh, other["refresh"])] * 4,
            ]
        )

        assert ended.status_code == 204
        assert set(statuses(refreshed)) <= {200, 401}
        tokens = [answer.json() for answer in refreshed if answer.status_code == 200]
        assert {refresh(pair["refresh"]).status_code for pair in [other, *tokens]} == {401}
        device = Device.objects.get(pk=device_id)
        assert device.ended_at is not None
        assert device.trust_hash is None


def test_parallel_logout_and_refresh_end_the_session_and_keep_the_device_known() -> None:
    person = signed_in(PHONE)

    def logout() -> Any:
        return client().post("/api/auth/logout", {"refresh": person.refresh})

    answers = race([logout, *[partial(refresh, person.refresh)] * 5])

    assert answers[0].status_code == 204
    assert set(statuses(answers[1:])) <= {200, 401}
    device = Device.objects.get()
    assert device.ended_at is not None
    assert device.trust_hash is not None


def another_device() -> dict[str, Any]:
    asked = signup().json()
    return login(asked["code"], asked["challenge_id"]).json()
