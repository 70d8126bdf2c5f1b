"""How long a locked log-in of the admin still lasts, as the form and `Retry-After` say."""

import pytest
from axes.models import AccessAttempt
from django.core.management import call_command
from django.db import connection

from tests.support.operators import log_in, operator
from tests.users.test_admin_lockout import HERE, guess, wait
from users.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def victim(db: None) -> User:
    return operator()


@pytest.mark.parametrize(
    ("waited", "english", "russian"),
    [(0, "30 minutes.", "30 минут."), (8.5, "22 minutes.", "22 минуты."), (29.2, "1 minute.", "1 минуту.")],
)
def test_form_of_a_locked_log_in_says_how_many_minutes_are_left(waited: float, english: str, russian: str) -> None:
    guess()
    wait(waited)

    texts = [
        log_in(**HERE, HTTP_ACCEPT_LANGUAGE=language).context["form"].non_field_errors() for language in ("en", "ru")
    ]

    assert texts == [
        [f"Too many wrong passwords. Try again in {english}"],
        [f"Слишком много неверных паролей. Повторите через {russian}"],
    ]


def test_the_last_of_two_locks_is_told() -> None:
    guess()
    wait(20)
    AccessAttempt.objects.create(username="another", ip_address=HERE["REMOTE_ADDR"], failures_since_start=50)

    assert 1700 < int(log_in(**HERE)["Retry-After"]) <= 1800


@pytest.mark.parametrize("reset", [["axes_reset"], ["axes_reset_ip", HERE["REMOTE_ADDR"]]])
def test_locks_are_removed_that_are_more_than_one_statement_can_delete(reset: list[str]) -> None:
    columns = "username, user_agent, ip_address, http_accept, path_info, get_data, post_data, failures_since_start"
    values = f"n::text, '', '{HERE['REMOTE_ADDR']}', '', '', '', '', 5"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO axes_accessattempt (attempt_time, {columns})"
            f" SELECT now(), {values} FROM generate_series(1, 66000) AS n"
        )
        cursor.execute("ANALYZE axes_accessattempt")  # as autovacuum does: otherwise it takes twenty seconds
    guess()

    call_command(*reset, verbosity=0)

    assert not AccessAttempt.objects.exists()
    assert log_in(**HERE).status_code == 302
