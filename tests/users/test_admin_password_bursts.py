"""Passwords that are sent to the admin all at once, and old ones that are guessed."""

from collections.abc import Iterator
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.test import Client

from tests.support.operators import PASSWORD, at_work, log_in, operator
from users.admin import password_places
from users.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def an_operator(db: None) -> None:
    operator()


@pytest.fixture
def checking() -> Iterator[set[str]]:
    yield password_places.checking
    password_places.checking.clear()


@pytest.mark.parametrize(
    ("networks", "address"),
    [
        (["192.0.2.1"], "192.0.2.1"),
        (["2001:db8::"], "2001:db8:0:1::1"),  # of the same /48
        (["192.0.2.2", "192.0.2.3"], "192.0.2.1"),
    ],
)
def test_a_process_checks_one_password_of_a_network_and_two_of_all(
    checking: set[str], networks: list[str], address: str
) -> None:
    """A hundred from one address held all threads of the service for 18 seconds."""
    browser = Client(REMOTE_ADDR=address)
    checking.update(networks)

    answer = log_in(browser=browser)

    assert (answer.status_code, answer["Retry-After"]) == (503, "2")
    assert [error.code for error in answer.context["form"].non_field_errors().as_data()] == ["busy"]
    assert "sessionid" not in browser.cookies
    assert not AccessAttempt.objects.exists()
    checking.clear()
    assert log_in(browser=browser).status_code == 302


def test_one_network_keeps_no_other_from_logging_in(checking: set[str]) -> None:
    checking.add("192.0.2.2")

    assert log_in(REMOTE_ADDR="192.0.2.1").status_code == 302


def test_the_next_password_is_checked_after_a_wrong_one() -> None:
    assert [log_in(password=f"guess {number}").status_code for number in range(2)] == [200, 200]
    assert log_in().status_code == 302


def test_a_locked_log_in_takes_nobody_s_place(checking: set[str]) -> None:
    """Otherwise whoever is locked could keep all others from logging in."""
    for number in range(5):
        log_in(password=f"guess {number}")

    checking.update(["192.0.2.2", "192.0.2.3"])
    assert log_in().status_code == 429


@pytest.mark.parametrize("old", [PASSWORD, "guess"])
def test_a_process_checks_one_old_password_of_a_network(checking: set[str], old: str) -> None:
    """Ninety from an operator without rights kept everybody out for half a minute, as often as they were sent."""
    browser = at_work(operator("9991119997"))
    fields = {"old_password": old, "new_password1": "another long password", "new_password2": "another long password"}
    checking.add("127.0.0.1")

    answer = browser.post("/admin/password_change/", fields)

    assert (answer.status_code, answer["Retry-After"]) == (503, "2")
    assert [error.code for error in answer.context["form"].errors["old_password"].as_data()] == ["busy"]
    checking.clear()
    assert browser.post("/admin/password_change/", fields).status_code == (302 if old == PASSWORD else 200)
    assert not checking


def test_old_passwords_count_like_those_of_log_ins() -> None:
    """Whoever had an operator's session guessed at the password without limit, and nobody saw it."""
    user = operator("9991119997")
    thief, new = at_work(user), "a new password of my own"

    def change(old: str) -> Any:
        fields = {"old_password": old, "new_password1": new, "new_password2": new}
        return thief.post("/admin/password_change/", fields, REMOTE_ADDR="192.0.2.1")

    assert [change(f"guess {number}").status_code for number in range(5)] == [200, 200, 200, 200, 429]
    answer = change(PASSWORD)

    assert answer.status_code == 429
    assert answer.context["form"].errors.as_data()["old_password"][0].code == "locked_out"
    assert User.objects.get(pk=user.pk).check_password(PASSWORD)
    assert [one.outcome for one in user.operator_logins.order_by("pk")].count("wrong_password") == 5
    assert log_in("9991119997", REMOTE_ADDR="192.0.2.1").status_code == 429
    assert log_in("9991119997", REMOTE_ADDR="192.0.2.2").status_code == 302
