"""Log-in over HTTP: a code starts a session."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from api.serializers import LoginRequest
from tests.support.accounts import SignedInUser, client, signed_in
from tests.support.login_steps import challenge, right, set_code, wrong
from users import accounts
from users.models import Challenge, Device, LoginCode, User

pytestmark = pytest.mark.django_db
PHONE = "9991234567"


def signup(phone: str = PHONE, api: Any = None, **body: Any) -> str:
    """The challenge id of a new sign-up."""
    return (api or client()).post("/api/auth/signup", {"phone": phone, **body}).json()["challenge_id"]


def login(code: Any, api: Any = None, **body: Any) -> Any:
    return (api or client()).post(
        "/api/auth/login", json.dumps({"code": code, **body}), content_type="application/json"
    )


def refused(answer: Any, **members: Any) -> None:
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_code")
    assert {name: answer.json()[name] for name in members} == members
    assert Device.objects.count() == 0


def test_correct_code_starts_a_session_and_verifies_the_user() -> None:
    asked = signup()

    answer = login(right(asked), challenge_id=asked)

    assert answer.status_code == 200
    assert set(answer.json()) == {"token", "refresh", "expires_in", "device_token", "created", "requested_by_others"}
    assert (answer.json()["expires_in"], answer.json()["created"]) == (600, True)
    user = User.objects.get()
    code = LoginCode.objects.get()
    assert user.verified_at == user.last_login == code.used_at == code.closed_at == code.expires_at
    assert code.wrong == 0
    assert Device.objects.get().user == user


@pytest.mark.parametrize("blank", ["", "  ", None])
def test_blank_optional_field_is_a_missing_one(blank: str | None) -> None:
    sent = LoginRequest(data={"code": "1234", "challenge_id": blank, "phone": blank})

    assert sent.is_valid()
    assert sent.validated_data == {"code": "1234"}


def test_second_sign_in_creates_no_user() -> None:
    signed_in(PHONE)
    asked = signup()

    assert login(right(asked), challenge_id=asked).json()["created"] is False
    assert User.objects.count() == 1


def test_browser_sends_the_code_alone_and_its_cookie_is_cleared() -> None:
    browser = client()
    asked = signup(api=browser)

    answer = login(right(asked), browser)

    assert answer.status_code == 200
    assert answer.cookies["challenge"]["max-age"] == 0
    assert answer.cookies["challenge"]["path"] == "/api/auth"


def test_challenge_in_the_body_takes_precedence_over_the_cookie() -> None:
    browser = client()
    signup("9990000000", browser)
    asked = signup()

    assert login(right(asked), browser, challenge_id=asked, phone="9990000000").status_code == 200
    assert User.objects.get(phone=f"+7{PHONE}").verified_at


def test_cookie_of_another_phone_is_not_used() -> None:
    browser = client()
    other = signup("9990000000", browser)
    asked = signup()

    assert login(right(asked), browser, phone=PHONE).status_code == 200
    assert challenge(other).attempts == 0


def test_phone_finds_the_newest_live_challenge_of_the_same_address() -> None:
    asked = [signup() for _ in range(4)]
    Challenge.objects.filter(public_id=asked[3]).update(attempts=3)
    Challenge.objects.filter(public_id=asked[2]).update(address="192.0.2.7")

    answer = login(wrong(asked[0]), phone="8 (999) 123-45-67")

    refused(answer, attempts_left=2)
    assert [challenge(public_id).attempts for public_id in asked] == [0, 1, 0, 3]


def test_phone_from_another_address_finds_nothing() -> None:
    asked = signup()

    refused(login(right(asked), client(REMOTE_ADDR="192.0.2.7"), phone=PHONE))
    assert challenge(asked).attempts == 0


def test_correct_code_is_refused_after_three_wrong_ones() -> None:
    asked = signup()

    for left in (2, 1, 0):
        refused(login(wrong(asked), challenge_id=asked), attempts_left=left)
    spent = login(right(asked), challenge_id=asked)

    refused(spent)
    assert "attempts_left" not in spent.json()
    assert (challenge(asked).attempts, challenge(asked).login_code.wrong) == (3, 3)


def test_stranger_cannot_consume_the_owners_attempts() -> None:
    owners, strangers = signup(), signup()

    for _ in range(5):
        login(wrong(strangers), challenge_id=strangers)

    assert login(right(owners), challenge_id=owners).status_code == 200
    assert LoginCode.objects.get().wrong == 3


def test_wrong_expired_used_exhausted_and_unknown_codes_get_the_same_response() -> None:
    used, expired, spent, mistaken = (signup(f"999000000{n}") for n in range(4))
    code_of = {public_id: right(public_id) for public_id in (used, expired, spent)}
    login(code_of[used], challenge_id=used)
    set_code(used, used_at=timezone.now() - timedelta(seconds=11))
    set_code(expired, expires_at=timezone.now())
    Challenge.objects.filter(public_id=spent).update(attempts=3)

    answers = [
        login(wrong(mistaken), challenge_id=mistaken),
        *(login(code, challenge_id=public_id) for public_id, code in code_of.items()),
        login("1234", challenge_id="unknown"),
        login("1234", phone="9995555555"),
        login("1234"),
    ]

    assert {answer.status_code for answer in answers} == {400}
    ours = {"request_id", "attempts_left"}
    bodies = [{name: value for name, value in a.json().items() if name not in ours} for a in answers]
    assert all(body == bodies[0] for body in bodies)
    assert [a.json().get("attempts_left") for a in answers] == [2, None, None, None, None, None, None]
    assert challenge(expired).attempts == 0


def test_correct_code_works_once_and_ends_all_codes_of_its_track() -> None:
    known = signed_in(PHONE)
    first, second = signup(), signup()
    for_device = signup(device_token=known.device_token)
    code = right(first)

    assert login(code, challenge_id=first).status_code == 200
    later = timezone.now() + timedelta(minutes=5)
    set_code(first, expires_at=later, used_at=timezone.now() - timedelta(seconds=11))
    for public_id in (first, second):
        assert login(code, challenge_id=public_id).json()["code"] == "invalid_code"
    assert (challenge(first).attempts, challenge(second).attempts) == (1, 0)
    assert login(right(for_device), challenge_id=for_device).status_code == 200


def test_disabled_user_is_told_so_only_after_the_correct_code(alice: SignedInUser) -> None:
    accounts.disable(User.objects.get())
    asked = signup(alice.phone)

    mistaken = login(wrong(asked), challenge_id=asked)
    told = login(right(asked), challenge_id=asked)
    again = login(right(asked), challenge_id=asked)

    assert (mistaken.status_code, mistaken.json()["code"]) == (400, "invalid_code")
    assert (told.status_code, told.json()["code"]) == (403, "account_disabled")
    assert (again.status_code, again.json()["code"]) == (400, "invalid_code")
    assert not Device.objects.filter(ended_at=None).exists()


@pytest.mark.parametrize("cookie", [r'"\000"', r'"\377"', "x" * 5000, "é"])
def test_invalid_cookie_does_not_matter(cookie: str) -> None:
    asked = signup()
    body = json.dumps({"code": right(asked), "phone": PHONE})

    assert (
        client()
        .post("/api/auth/login", body, content_type="application/json", HTTP_COOKIE=f"challenge={cookie}")
        .status_code
        == 200
    )


def test_foreign_authorization_header_does_not_matter() -> None:
    asked = signup()
    api = client()
    api.credentials(HTTP_AUTHORIZATION="Bearer someone.elses.token")

    assert login(right(asked), api, challenge_id=asked).status_code == 200


def test_phone_alone_does_not_find_a_challenge_of_a_known_device(settings: Any) -> None:
    """A stranger behind the same address could guess at it."""
    person = signed_in()
    asked = client().post("/api/auth/signup", {"phone": person.phone, "device_token": person.device_token}).json()
    stranger = client()

    refused = stranger.post("/api/auth/login", {"phone": person.phone, "code": wrong(asked["challenge_id"])})

    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_code")
    assert "attempts_left" not in refused.json()
    assert challenge(asked["challenge_id"]).attempts == 0


def test_phone_alone_finds_the_challenge_with_codes_of_that_length(settings: Any) -> None:
    settings.DEMO, settings.SMS_GATEWAYS = False, ["webhook+http://127.0.0.1:9/"]
    short = signup()
    set_code(short, closed_at=timezone.now())

    assert challenge(signup()).login_code.length == 10
    assert login(right(short), phone=PHONE).status_code == 200


def test_request_from_another_site_sets_no_cookie(settings: Any) -> None:
    settings.CORS_ALLOWED_ORIGINS = ["https://client.example.org"]
    asked = client().post("/api/auth/signup", {"phone": "9991234567"}).json()
    body = {"code": asked["code"], "challenge_id": asked["challenge_id"]}

    headers = {"Sec-Fetch-Site": "cross-site", "Origin": "https://client.example.org"}
    answer = client().post("/api/auth/login", body, headers=headers)

    assert answer.status_code == 200
    assert not {name: morsel for name, morsel in answer.cookies.items() if morsel.value}
