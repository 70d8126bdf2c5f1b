"""Wrong passwords that are sent to the admin's log-in all at once."""

import pytest
from axes.models import AccessAttempt
from django.test import Client

from tests.support.operators import log_in, operator
from users.admin import lockout

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def an_operator(db: None) -> None:
    operator()


def test_a_process_checks_one_password_at_a_time() -> None:
    """A hundred from one address held all threads of the service for 18 seconds."""
    browser = Client()
    with lockout.CHECKING:
        answer = log_in(browser=browser)

    assert (answer.status_code, answer["Retry-After"]) == (503, "2")
    assert [error.code for error in answer.context["form"].non_field_errors().as_data()] == ["busy"]
    assert "sessionid" not in browser.cookies
    assert not AccessAttempt.objects.exists()
    assert log_in(browser=browser).status_code == 302


def test_the_next_password_is_checked_after_a_wrong_one() -> None:
    assert [log_in(password=f"guess {number}").status_code for number in range(2)] == [200, 200]
    assert log_in().status_code == 302


def test_a_locked_log_in_takes_nobody_s_place() -> None:
    """Otherwise whoever is locked could keep all others from logging in."""
    for number in range(5):
        log_in(password=f"guess {number}")

    with lockout.CHECKING:
        assert log_in().status_code == 429
