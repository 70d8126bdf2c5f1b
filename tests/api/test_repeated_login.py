"""A log-in that is sent again: a double tap, or a lost response."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from rest_framework.test import APIClient

from tests.api.test_tokens import me, refresh
from tests.support.accounts import SignedInUser, client
from tests.support.login_steps import challenge, right, wrong
from users import accounts
from users.models import Challenge, Device, LoginCode, User

pytestmark = pytest.mark.django_db
PHONE = "9991234567"


def signup(api: APIClient | None = None, **body: Any) -> str:
    """The challenge id of a new sign-up."""
    return (api or client()).post("/api/auth/signup", {"phone": PHONE, **body}).json()["challenge_id"]


def login(code: str, api: APIClient | None = None, **body: Any) -> Any:
    return (api or client()).post("/api/auth/login", {"code": code, **body})


def is_invalid_code(answer: Any, **members: Any) -> bool:
    body = answer.json()
    return (answer.status_code, body["code"], body.get("attempts_left")) == (
        400,
        "invalid_code",
        members.get("attempts_left"),
    )


def pass_time(seconds: float) -> None:
    ago = timedelta(seconds=seconds)
    LoginCode.objects.update(used_at=F("used_at") - ago, expires_at=F("expires_at") - ago)
    Device.objects.update(signed_in_at=F("signed_in_at") - ago, refreshed_at=F("refreshed_at") - ago)
    User.objects.update(verified_at=F("verified_at") - ago)


def test_repeated_login_gets_the_same_session() -> None:
    asked = signup()
    code = right(asked)
    first = login(code, challenge_id=asked).json()
    pass_time(9)

    again = login(code, challenge_id=asked)

    assert again.status_code == 200
    same = ("device_token", "created", "expires_in")
    assert {name: again.json()[name] for name in same} == {name: first[name] for name in same}
    assert again.json()["created"] is True
    assert again.cookies["device"].value == first["device_token"]
    assert me(first["token"]).status_code == me(again.json()["token"]).status_code == 200
    assert Device.objects.count() == 1
    assert (challenge(asked).attempts, challenge(asked).login_code.wrong) == (2, 0)


def test_repeated_login_gets_the_same_refresh_token_byte_for_byte() -> None:
    asked = signup()
    code = right(asked)

    answers = [login(code, challenge_id=asked).json() for _ in range(3)]

    assert len({answer["refresh"] for answer in answers}) == 1
    assert is_invalid_code(login(code, challenge_id=asked))  # no attempt is left
    assert challenge(asked).login_code.wrong == 0


def test_browser_repeats_with_its_cookie() -> None:
    browser = client()
    asked = signup(browser)
    code = right(asked)
    first = login(code, browser).json()
    browser.cookies["challenge"] = asked  # the response was lost, and its cookies with it

    assert login(code, browser, phone=PHONE).json()["refresh"] == first["refresh"]


def test_later_repetition_is_refused() -> None:
    asked = signup()
    code = right(asked)
    first = login(code, challenge_id=asked).json()
    pass_time(11)

    assert is_invalid_code(login(code, challenge_id=asked))

    assert challenge(asked).attempts == 1
    assert me(first["token"]).status_code == 200


def test_wrong_code_after_the_right_one_consumes_an_attempt_and_is_no_guess() -> None:
    asked = signup()
    code, mistaken = right(asked), wrong(asked)
    first = login(code, challenge_id=asked).json()

    assert is_invalid_code(login(mistaken, challenge_id=asked))
    assert login(code, challenge_id=asked).json()["refresh"] == first["refresh"]
    assert is_invalid_code(login(code, challenge_id=asked))

    assert (challenge(asked).attempts, challenge(asked).login_code.wrong) == (3, 0)


def test_answer_tells_of_requests_from_another_address_only() -> None:
    asked = signup()
    signup()
    code = right(asked)
    signup(client(REMOTE_ADDR="192.0.2.7"))

    first, second = (login(code, challenge_id=asked).json() for _ in range(2))

    assert first["requested_by_others"] is second["requested_by_others"] is True
    alone = signup()
    signup()
    assert login(right(alone), challenge_id=alone).json()["requested_by_others"] is False


def test_another_challenge_of_the_same_code_gets_nothing() -> None:
    asked, others = signup(), signup()
    code = right(asked)
    assert challenge(asked).login_code == challenge(others).login_code
    login(code, challenge_id=asked)

    assert is_invalid_code(login(code, challenge_id=others))
    assert challenge(others).attempts == 0


def test_phone_alone_does_not_repeat_a_login() -> None:
    asked = signup()
    code = right(asked)

    assert login(code, phone=PHONE).status_code == 200
    assert is_invalid_code(login(code, phone=PHONE))
    # Behind a shared address, a stranger may hold the challenge that the phone found.
    assert is_invalid_code(login(code, challenge_id=asked))


def test_rotated_session_is_not_repeated() -> None:
    asked = signup()
    code = right(asked)
    pair = refresh(login(code, challenge_id=asked).json()["refresh"]).json()

    assert is_invalid_code(login(code, challenge_id=asked))

    assert me(pair["token"]).status_code == refresh(pair["refresh"]).status_code == 200


@pytest.mark.parametrize("how", ["logout", "devices", "disabled", "disabled by SQL"])
def test_ended_session_is_not_repeated(how: str) -> None:
    asked = signup()
    code = right(asked)
    pair = login(code, challenge_id=asked).json()
    match how:
        case "logout":
            client().post("/api/auth/logout", {"refresh": pair["refresh"]})
        case "devices":
            client(HTTP_AUTHORIZATION=f"Bearer {pair['token']}").delete("/api/v1/devices")
        case "disabled":
            accounts.disable(User.objects.get())
        case _:
            User.objects.update(is_active=False)

    assert is_invalid_code(login(code, challenge_id=asked))

    assert not Device.objects.filter(ended_at=None, user__is_active=True).exists()


def test_newer_session_on_the_device_is_not_given_to_an_earlier_challenge(alice: SignedInUser) -> None:
    body = {"phone": alice.phone, "device_token": alice.device_token}
    codes = []
    for _ in range(2):
        asked = client().post("/api/auth/signup", body).json()["challenge_id"]
        codes.append({"code": right(asked), "challenge_id": asked})
        assert login(**codes[-1]).json()["device_token"] == alice.device_token
    assert Device.objects.count() == 1

    assert is_invalid_code(login(**codes[0]))
    assert login(**codes[1]).json()["device_token"] == alice.device_token


def test_repeated_login_of_a_known_user_is_not_created(alice: SignedInUser) -> None:
    asked = client().post("/api/auth/signup", {"phone": alice.phone}).json()["challenge_id"]
    code = right(asked)

    assert [login(code, challenge_id=asked).json()["created"] for _ in range(2)] == [False, False]


def test_challenge_of_the_version_before_is_not_repeated() -> None:
    """It does not store the session that a challenge opened."""
    asked = signup()
    code = right(asked)
    login(code, challenge_id=asked)
    Challenge.objects.update(session_id=None)

    assert is_invalid_code(login(code, challenge_id=asked))
    assert challenge(asked).attempts == 1
