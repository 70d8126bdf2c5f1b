"""Guessing at the second factor is bounded and locks nobody else out."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db.models import F
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from tests.support.authenticator import SECRET, code, enrolled, enter, is_inside, later, with_password, wrong_code
from tests.support.operators import operator
from tests.support.races import race
from users.models import OperatorLogin, User
from users.operators import second_factor
from users.operators.logins import Client, Outcome
from users.queries import database_now

pytestmark = pytest.mark.django_db
HERE = {"REMOTE_ADDR": "192.0.2.1"}
ELSEWHERE = {"REMOTE_ADDR": "192.0.2.2"}


@pytest.fixture
def owner(db: None) -> User:
    return enrolled()[0]


def source(number: int) -> Client:
    address = f"10.{number // 65536}.{number // 256 % 256}.{number % 256}"
    return Client(address, address, "Guesser/1.0")


def guess(user: User, client: Client, text: str | None = None) -> str:
    try:
        second_factor.verify(user, text or wrong_code(), client)
    except (second_factor.WrongCode, second_factor.Locked) as error:
        return type(error).__name__
    return "right"


def compared() -> int:
    return OperatorLogin.objects.filter(outcome=Outcome.WRONG_CODE).count()


def wait(**time: float) -> None:
    OperatorLogin.objects.update(created_at=F("created_at") - timedelta(**time))


def known(user: User, client: Client) -> None:
    """The operator has logged in from there."""
    later(user)
    second_factor.verify(user, code(), client)
    later(user)
    browser = with_password(REMOTE_ADDR=client.network)
    enter(browser, code())
    assert is_inside(browser)
    later(user)


def test_five_wrong_codes_lock_the_operator_at_that_address(owner: User) -> None:
    browser = with_password(**HERE)

    answers = [enter(browser, wrong_code(number)).status_code for number in range(6)]

    assert answers == [200] * 5 + [429]
    locked = enter(browser, code())
    assert locked.status_code == 429
    assert "Too many wrong codes" in locked.content.decode()
    assert not is_inside(browser)


def test_correct_password_does_not_reset_the_count(owner: User) -> None:
    for number in range(5):
        enter(with_password(**HERE), wrong_code(number))

    enter(browser := with_password(**HERE), code())

    assert not is_inside(browser)


def test_operator_gets_in_from_elsewhere_and_after_half_an_hour(owner: User) -> None:
    for number in range(8):
        enter(with_password(**HERE), wrong_code(number))

    enter(browser := with_password(**ELSEWHERE), code())
    assert is_inside(browser)

    wait(minutes=30.1)
    later(owner)
    enter(browser := with_password(**HERE), code())
    assert is_inside(browser)


def test_recovery_code_is_accepted_during_a_lock() -> None:
    _, codes = enrolled()
    for number in range(8):
        enter(with_password(**HERE), wrong_code(number))

    enter(browser := with_password(**HERE), codes[3])

    assert is_inside(browser)


def test_day_has_few_guesses_however_many_addresses(owner: User) -> None:
    results = [guess(owner, source(number)) for number in range(120)]

    assert results.count("WrongCode") == compared() == second_factor.UNKNOWN_A_DAY
    assert set(results[100:]) == {"Locked"}
    assert guess(owner, source(999), code()) == "Locked"


@pytest.mark.long
def test_owner_gets_in_from_a_known_network_while_strangers_guess(owner: User) -> None:
    home = source(7)
    known(owner, home)
    for number in range(100, 230):
        guess(owner, source(number))

    assert guess(owner, source(999), code()) == "Locked"
    assert guess(owner, home, code()) == "right"


@pytest.mark.long
def test_known_networks_have_a_limit_too(owner: User) -> None:
    homes = [source(number) for number in range(60)]
    OperatorLogin.objects.bulk_create(
        OperatorLogin(user=owner, outcome=Outcome.OK, network=one.network, created_at=database_now()) for one in homes
    )

    results = [guess(owner, home) for home in homes for _ in range(5)]

    assert results.count("WrongCode") == second_factor.KNOWN_A_DAY
    assert OperatorLogin.objects.filter(outcome=Outcome.WRONG_CODE, is_known=False).count() == 0


@pytest.mark.long
def test_network_that_becomes_known_gives_strangers_no_new_guesses(owner: User) -> None:
    for number in range(100):
        guess(owner, source(number))
    known_then = source(5)
    OperatorLogin.objects.create(user=owner, outcome=Outcome.OK, network=known_then.network, created_at=database_now())

    assert guess(owner, source(999)) == "Locked"


def test_bound_of_a_day_is_below_one_in_a_thousand() -> None:
    guesses = second_factor.UNKNOWN_A_DAY + second_factor.KNOWN_A_DAY

    assert guesses * 3 / 10**6 <= 1e-3


@pytest.mark.long
def test_guesses_of_a_day_come_back_slowly(owner: User) -> None:
    for number in range(100):
        guess(owner, source(number))
    wait(hours=23.9)
    assert guess(owner, source(999)) == "Locked"

    wait(hours=0.2)
    assert guess(owner, source(999)) == "WrongCode"


def test_password_of_before_the_second_factor_makes_no_network_known() -> None:
    thief = source(66)
    user, _ = enrolled()
    before = TOTPDevice.objects.get(user=user).created_at
    assert before
    OperatorLogin.objects.create(
        user=user, outcome=Outcome.OK, network=thief.network, created_at=before - timedelta(seconds=1)
    )

    guess(user, thief)

    assert not OperatorLogin.objects.get(outcome=Outcome.WRONG_CODE).is_known


def test_wrong_recovery_codes_are_not_stored_without_end(owner: User) -> None:
    for _ in range(50):
        guess(owner, source(1), "aaaa-bbbb-cccc-dddd")

    assert compared() == 20


@pytest.mark.long
def test_limits_of_operators_are_apart(owner: User) -> None:
    other, _ = enrolled("9991119997")
    for number in range(120):
        guess(owner, source(number))

    assert guess(other, source(1), code()) == "right"


@pytest.mark.django_db(transaction=True)
def test_parallel_guesses_do_not_exceed_the_limit() -> None:
    owner, _ = enrolled()
    one = source(1)

    results = race([partial(guess, owner, one, wrong_code(number)) for number in range(24)])

    assert results.count("WrongCode") == compared() == 5
    assert results.count("Locked") == 19


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
def test_parallel_guesses_from_many_networks_do_not_exceed_the_limit() -> None:
    owner, _ = enrolled()
    for number in range(90):
        guess(owner, source(number))

    results = race([partial(guess, owner, source(number)) for number in range(200, 224)])

    assert results.count("WrongCode") == 10
    assert compared() == second_factor.UNKNOWN_A_DAY


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["authenticator", "recovery"])
def test_one_code_opens_one_of_many_parallel_log_ins(kind: str) -> None:
    owner, codes = enrolled()
    text = code() if kind == "authenticator" else codes[0]

    results = race([partial(guess, owner, source(number), text) for number in range(16)])

    assert results.count("right") == 1
    assert second_factor.recovery_codes_left(owner) == (10 if kind == "authenticator" else 9)


@pytest.mark.django_db(transaction=True)
def test_parallel_enrolments_make_one_device() -> None:
    user = operator()

    results: list[Any] = race([partial(second_factor.enrol, user, SECRET, code()) for _ in range(8)])

    assert sum(isinstance(result, tuple) for result in results) == 1
    assert TOTPDevice.objects.count() == StaticDevice.objects.count() == 1
    assert second_factor.recovery_codes_left(user) == 10
