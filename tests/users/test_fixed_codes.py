"""Signing in with a test number: a fixed code, no SMS, and few guesses."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.exceptions import ImproperlyConfigured

from profiles import privacy, signup
from tests.support.login_steps import ADDRESS, answer, ask, at, challenge, draw_other_codes, refused, set_code
from tests.support.settings import read
from users import accounts, checks
from users.login import networks, signin, test_numbers
from users.login.sms_limits import count_site
from users.models import Challenge, LoginCode, NetworkTotals, SiteTotals, SmsDelivery, User

NUMBER, OTHER = "+79990000001", "+79990000002"

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unreachable_gateway")]


@pytest.fixture(autouse=True)
def numbers(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.SMS_TEST_NUMBERS = {NUMBER: "4071", OTHER: "8265"}
    draw_other_codes(monkeypatch, "4071", "8265")


def signed_up(seconds: float = 0, **given: Any) -> Any:
    return ask(seconds, phone=NUMBER, **given)


def test_test_number_signs_in_with_its_code_and_gets_no_sms() -> None:
    asked = signed_up()

    signed_in = answer(asked, 1, "4071")

    assert (asked.code_length, asked.expires_in, asked.sent, asked.code) == (4, 300, True, None)
    assert signed_in.created
    assert not SmsDelivery.objects.exists()
    user = User.objects.get(phone=NUMBER)
    assert user.is_test and user.verified_at == at(1)


def test_demo_mode_shows_the_fixed_code(settings: Any) -> None:
    settings.DEMO = True

    assert signed_up().code == "4071"


def test_code_of_another_number_or_of_the_nonce_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("users.login.codes.derive", lambda nonce, length: "5555")
    asked = signed_up()

    for typed in ("8265", "5555", "4072"):
        with pytest.raises(signin.InvalidCode):
            answer(asked, 1, typed)
    with pytest.raises(signin.InvalidCode):  # no attempt is left
        answer(asked, 1, "4071")


def test_code_without_the_challenge_is_enough_with_the_phone() -> None:
    signed_up()

    assert signin.sign_in("4071", phone=NUMBER, address=ADDRESS, now=at(1)).created


def test_live_challenge_is_kept_and_another_client_gets_its_own() -> None:
    first = signed_up()

    again, other = signed_up(20, challenge_id=first.challenge_id), signed_up(20, challenge_id="x")

    assert (again.challenge_id, again.sent, again.resend_in) == (first.challenge_id, False, 280)
    assert other.challenge_id != first.challenge_id
    assert answer(first, 21, "4071")
    with pytest.raises(signin.InvalidCode):  # the code of the same number was used
        answer(other, 22, "4071")


def test_challenge_of_another_number_is_not_kept() -> None:
    first = signed_up()

    assert ask(phone=OTHER, challenge_id=first.challenge_id).challenge_id != first.challenge_id


def test_number_that_is_guessed_at_is_refused_for_hours() -> None:
    guesses = 0
    for number in range(9):
        try:
            asked = signed_up(number * 600, address=f"198.51.100.{number}")
        except test_numbers.TooManyRequests as error:
            assert error.retry_after == 3600
            break
        for digits in ("0000", "0001", "0002"):
            guesses += 1
            with pytest.raises(signin.InvalidCode):
                answer(asked, number * 600 + 1, digits)

    assert guesses == test_numbers.DAY + 3
    assert ask(9 * 600, phone=OTHER).sent, "the other number has its own limit"
    assert signed_up(30 * 3600).sent


def test_limits_of_a_month_and_of_the_network_hold() -> None:
    asked = signed_up()
    set_code(asked.challenge_id, wrong=test_numbers.MONTH + 1, created_at=at(-9 * 86400), expires_at=at(-9 * 86400))
    Challenge.objects.update(created_at=at(-9 * 86400))
    assert refused(phone=NUMBER) == 3600

    many = [Challenge(login_code=challenge(asked.challenge_id).login_code, address=ADDRESS, created_at=at(0))] * 60
    LoginCode.objects.update(wrong=0)
    for one in many:
        Challenge(login_code=one.login_code, address=ADDRESS, created_at=at(0)).save()
    assert refused(phone=NUMBER) > 3000


def test_sign_ins_are_not_limited() -> None:
    for number in range(30):
        assert answer(signed_up(number), number, "4071")


def test_test_numbers_count_for_no_total() -> None:
    for phone, typed in ((NUMBER, "4071"), (OTHER, "8265"), ("+79991110001", "")):
        answer(ask(phone=phone), 1, typed)

    count_site(at(60))

    assert SiteTotals.objects.get().people_a_day == pytest.approx(1 / 7)
    assert [counts.verified_phones for counts in NetworkTotals.objects.all()] == [1]


@pytest.mark.parametrize("values", [{"verified_at": at(0)}, {"is_staff": True}, {"is_superuser": True}])
def test_number_of_an_ordinary_user_stays_ordinary(settings: Any, values: dict[str, Any]) -> None:
    settings.SMS_TEST_NUMBERS = {}
    asked = signed_up()
    User.objects.update(**values)
    settings.SMS_TEST_NUMBERS = {NUMBER: "4071"}

    with pytest.raises(signin.InvalidCode):
        answer(asked, 1, "4071")
    again = signed_up(3600)

    assert test_numbers.refused() == ["+7***0001"]
    assert not User.objects.get().is_test
    assert answer(again, 3601)
    assert SmsDelivery.objects.count() == 2


def test_number_of_a_former_operator_stays_ordinary(settings: Any) -> None:
    settings.SMS_TEST_NUMBERS = {}
    former = signup.make_operator(NUMBER, "a password of a former operator")
    accounts.set_role(former, is_staff=False, is_superuser=False)
    settings.SMS_TEST_NUMBERS = {NUMBER: "4071"}

    signed_up()

    assert test_numbers.refused() == ["+7***0001"]
    assert not User.objects.get().is_test
    assert LogEntry.objects.filter(user=former).exists()


def test_user_who_never_entered_a_code_makes_way(settings: Any) -> None:
    settings.SMS_TEST_NUMBERS = {}
    before = signed_up()
    settings.SMS_TEST_NUMBERS = {NUMBER: "4071"}

    assert test_numbers.refused() == []
    assert answer(signed_up(1), 1, "4071").created
    assert [user.is_test for user in User.objects.all()] == [True]
    with pytest.raises(signin.InvalidCode):
        answer(before, 2, "4071")


def test_removed_number_is_disabled_and_its_code_ends_at_once(settings: Any) -> None:
    answer(signed_up(), 0, "4071")
    asked = signed_up(1)
    settings.SMS_TEST_NUMBERS = {OTHER: "8265"}
    user = User.objects.get()

    with pytest.raises(signin.InvalidCode):
        answer(asked, 2, "4071")
    with pytest.raises(signin.AccountDisabled):  # the owner of the number does not get the test user
        answer(signed_up(3), 4)
    test_numbers.disable_removed()

    user.refresh_from_db()
    assert not user.is_active
    assert not user.devices.filter(ended_at=None).exists()
    settings.SMS_TEST_NUMBERS = {NUMBER: "4071"}
    assert accounts.enable(user)
    assert answer(signed_up(5), 5, "4071")
    test_numbers.disable_removed()
    user.refresh_from_db()
    assert user.is_active


def test_numbers_that_cannot_be_typed_are_found(settings: Any) -> None:
    assert checks.check_test_numbers(None) == []

    settings.SMS_TEST_NUMBERS = {"+12025550101": "4071", "+79990000003": "1111"}

    (found,) = checks.check_test_numbers(None)
    assert found.id == "users.E003" and "+1***0101" in found.msg and "4071" not in found.msg


def test_erasure_does_not_reset_the_limit_of_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "CHALLENGES", 3)
    for seconds in (0, 60, 120):
        answer(signed_up(seconds), seconds + 1, "4071")
        assert privacy.erase_by_operator(User.objects.get(phone=NUMBER).pk)

    assert refused(180, phone=NUMBER) >= 60


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("79990000001:4071", "item 1 must begin with a phone"),
        ("+79990000001:4071,+7999000000x:8265", "item 2 must begin with a phone"),
        ("+79990000001:407", "item 1 must end with a colon and a code"),
        ("+79990000001", "item 1 must end with a colon and a code"),
        ("+79990000001:40719", "item 1 must end with a colon and a code"),
        ("+79990000001:٤٠٧١", "item 1 must end with a colon and a code"),
        ("+79990000001:4071, +79990000001:8265", "item 2 has the phone of an earlier item"),
        (",".join(f"+7999000{number:04}:4071" for number in range(11)), "must have at most 10 phones"),
    ],
)
def test_bad_value_stops_the_start_without_its_codes(monkeypatch: pytest.MonkeyPatch, value: str, said: str) -> None:
    with pytest.raises(ImproperlyConfigured) as stopped:
        read(monkeypatch, SMS_TEST_NUMBERS=value)

    line = str(stopped.value)
    assert line.startswith(f"inviting_app cannot start. SMS_TEST_NUMBERS: {said}")
    assert not {"4071", "40719", "407,", "8265", "٤٠٧١"} & set(line.split())


def test_good_value_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    given = read(monkeypatch, SMS_TEST_NUMBERS=" +79990000001:0000 , +79990000002:8265")

    assert given["SMS_TEST_NUMBERS"] == {NUMBER: "0000", OTHER: "8265"}
