"""Sign-up over HTTP: a phone gets a challenge and an SMS."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from profiles.models import Profile
from tests.support.accounts import SignedInUser, client, signed_in
from tests.support.login_steps import challenge, right
from users.models import Challenge, LoginCode, SmsDelivery, User

pytestmark = pytest.mark.django_db
FIELDS = {"challenge_id", "code_length", "expires_in", "sent", "sent_at", "resend_in"}


@pytest.fixture
def gateway(settings: Any) -> None:
    """A configured gateway. No worker runs, so no SMS is sent."""
    settings.DEMO, settings.SMS_GATEWAYS = False, ["webhook+http://127.0.0.1:9/"]


def signup(phone: Any = "9991234567", api: Any = None, **body: Any) -> Any:
    text = json.dumps({"phone": phone, **body})  # ASCII, so that any character passes
    return (api or client()).post("/api/auth/signup", text, content_type="application/json")


def test_new_phone_gets_a_user_a_profile_a_challenge_and_an_sms(gateway: None) -> None:
    answer = signup()

    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == FIELDS
    assert (body["code_length"], body["expires_in"], body["sent"], body["resend_in"]) == (4, 300, True, 30)
    user = User.objects.get(phone="+79991234567")
    assert user.verified_at is None
    assert Profile.objects.filter(user=user).count() == 1
    assert challenge(body["challenge_id"]).login_code.user_id == user.pk
    assert challenge(body["challenge_id"]).address == "127.0.0.1"
    delivery = SmsDelivery.objects.get()
    assert (delivery.state, delivery.address, delivery.country) == ("queued", "+7***4567", "RU")
    assert (delivery.request_id, delivery.next_try_at) == (answer["X-Request-ID"], delivery.created_at)


def test_code_is_in_the_response_in_demo_mode_only(settings: Any) -> None:
    shown = signup().json()
    settings.DEMO = False
    hidden = signup().json()

    assert shown["code"] == right(shown["challenge_id"])
    assert "code" not in hidden


def test_code_is_in_every_response_of_demo_mode_even_if_nothing_is_sent() -> None:
    first, second = signup().json(), signup().json()

    assert second["sent"] is False
    assert second["code"] == first["code"]


@pytest.mark.parametrize("disabled", [False, True])
def test_known_and_unknown_phones_get_the_same_response(alice: SignedInUser, gateway: None, disabled: bool) -> None:
    User.objects.update(is_active=not disabled)

    known, unknown = signup(alice.phone), signup("9997654321")

    assert known.status_code == unknown.status_code == 200
    differing = {"challenge_id", "sent_at"}
    kept = [{name: value for name, value in a.json().items() if name not in differing} for a in (known, unknown)]
    assert kept[0] == kept[1]
    assert set(known.json()) == set(unknown.json()) == FIELDS
    assert set(known.headers) == set(unknown.headers)


def test_http_only_cookie_remembers_the_newest_challenge() -> None:
    answer = signup()

    cookie = answer.cookies["challenge"]
    assert cookie.value == answer.json()["challenge_id"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["max-age"]) == (
        True,
        "Strict",
        "/api/auth",
        300,
    )


def test_same_browser_keeps_its_challenge_and_another_gets_its_own() -> None:
    browser = client()
    first, again, other = signup(api=browser).json(), signup(api=browser).json(), signup().json()

    assert first["challenge_id"] == again["challenge_id"] != other["challenge_id"]
    assert LoginCode.objects.get().challenges == Challenge.objects.count() == 2
    assert SmsDelivery.objects.count() == 1


def test_client_without_cookies_keeps_its_challenge_by_sending_its_id() -> None:
    first = signup().json()
    again = signup(challenge_id=first["challenge_id"], device_token=None).json()

    assert again["challenge_id"] == first["challenge_id"]
    assert Challenge.objects.count() == 1


def test_address_with_too_many_sms_gets_429_for_known_and_unknown_phones(alice: SignedInUser, gateway: None) -> None:
    for number in range(10):
        assert signup(f"999765432{number}").status_code == 200
    SmsDelivery.objects.update(created_at=timezone.now() - timedelta(hours=1) + timedelta(seconds=30))

    answers = [signup(phone) for phone in (alice.phone, "9990000000")]

    for answer in answers:
        assert answer.status_code == 429
        assert answer.json()["code"] == "too_many_requests"
        assert answer.headers["Retry-After"] == str(answer.json()["retry_after"])
        assert 25 <= answer.json()["retry_after"] <= 30
    assert set(answers[0].json()) == set(answers[1].json())


@pytest.mark.parametrize(
    ("phone", "code"),
    [
        ("123", "invalid_phone"),
        ("4951234567", "invalid_phone"),  # a landline
        ("call me", "invalid_phone"),
        ("+1 201 555 0123", "region_not_allowed"),
        ("", "invalid"),
        (None, "invalid"),
        (True, "invalid"),
        (["9991234567"], "invalid"),
        ({"phone": "9991234567"}, "invalid"),
        ("9" * 10_000, "invalid"),
        ("999123\x004567", "invalid"),
    ],
)
def test_bad_phone_is_refused_and_stores_nothing(phone: Any, code: str) -> None:
    answer = signup(phone)

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert not User.objects.exists()


@pytest.mark.parametrize("field", ["device_token", "challenge_id"])
@pytest.mark.parametrize("value", [7, [], "x" * 65, "\x00", "\ud800"])
def test_malformed_field_is_named(field: str, value: Any) -> None:
    answer = signup(**{field: value})

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert not User.objects.exists()


@pytest.mark.parametrize("cookie", [r'"\000"', r'"\377"', "x" * 5000, "é", ""])
def test_invalid_cookie_does_not_matter(cookie: str) -> None:
    signup()

    answer = client().post("/api/auth/signup", {"phone": "9991234567"}, HTTP_COOKIE=f"challenge={cookie}")

    assert answer.status_code == 200


def test_foreign_authorization_header_does_not_matter() -> None:
    api = client()
    api.credentials(HTTP_AUTHORIZATION="Bearer someone.elses.token")

    assert signup(api=api).status_code == 200


def test_language_of_the_request_is_stored_for_the_sms() -> None:
    client().post("/api/auth/signup", {"phone": "9991234567"}, HTTP_ACCEPT_LANGUAGE="ru")

    assert LoginCode.objects.get().language == "ru"


@pytest.mark.django_db(transaction=True)
def test_signup_of_a_new_phone_takes_few_statements(django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(7):
        assert signup().status_code == 200


@pytest.mark.django_db(transaction=True)
def test_signup_of_a_known_device_takes_few_statements(django_assert_max_num_queries: Any) -> None:
    person = signed_in()
    for stale in (False, True):
        browser = client()
        held = signup(api=browser, device_token=person.device_token).json()
        LoginCode.objects.update(closed_at=None, used_at=None, **({"open_until": timezone.now()} if stale else {}))
        SmsDelivery.objects.update(created_at=timezone.now() - timedelta(hours=2))

        with django_assert_max_num_queries(9):
            answer = signup(api=browser, device_token=person.device_token)

        assert answer.json()["sent"] is True
        assert (answer.json()["challenge_id"] == held["challenge_id"]) is not stale
