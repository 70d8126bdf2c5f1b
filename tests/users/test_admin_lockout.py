"""Locks against guessing operators' passwords."""

from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib.auth import authenticate
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.support.accounts import signed_in
from tests.support.operators import PASSWORD, log_in, operator
from users import retention
from users.models import User

pytestmark = pytest.mark.django_db
HERE = {"REMOTE_ADDR": "192.0.2.1"}
ELSEWHERE = {"REMOTE_ADDR": "192.0.2.2"}
OTHER = "9991119997"


@pytest.fixture(autouse=True)
def victim(db: None) -> User:
    return operator()


def guess(times: int = 5, phone: str = "9991119998", **meta: Any) -> list[int]:
    return [log_in(phone, f"guess {number}", **{**HERE, **meta}).status_code for number in range(times)]


def wait(minutes: float) -> None:
    for attempt in AccessAttempt.objects.all():
        AccessAttempt.objects.filter(pk=attempt.pk).update(
            attempt_time=attempt.attempt_time - timedelta(minutes=minutes)
        )


def test_five_wrong_passwords_lock_the_log_in() -> None:
    assert guess() == [200, 200, 200, 200, 429]

    browser = Client()
    answer = log_in(browser=browser, **HERE)

    assert answer.status_code == 429
    assert 0 < int(answer["Retry-After"]) <= 1800
    assert 'id="login-form"' in answer.content.decode()
    assert answer.context["form"].non_field_errors().as_data()[0].code == "locked_out"
    assert "sessionid" not in browser.cookies


def test_nobody_is_locked_out_from_elsewhere() -> None:
    guess(20, **ELSEWHERE)

    assert log_in(**HERE).status_code == 302


def test_other_operators_at_the_same_address_are_not_locked() -> None:
    operator(OTHER)
    guess(20)

    assert log_in(OTHER, **HERE).status_code == 302


def test_spellings_of_a_phone_share_their_attempts() -> None:
    for spelling in ("9991119998", "+79991119998", "8 (999) 111-99-98", "+7 999 111 99 98"):
        guess(1, spelling)

    assert guess(1, "８９９９１１１９９９８") == [429]


def test_names_that_are_not_phones_are_counted_too() -> None:
    assert guess(6, "admin")[-1] == 429


def test_wrong_passwords_with_a_long_user_agent_are_counted_too() -> None:
    assert guess(HTTP_USER_AGENT="x" * 300) == [200, 200, 200, 200, 429]


def test_fifty_wrong_passwords_for_any_phones_lock_an_address() -> None:
    for number in range(49):
        AccessAttempt.objects.create(username=f"{number}", ip_address=HERE["REMOTE_ADDR"], failures_since_start=1)
    assert log_in(browser=Client(), **HERE).status_code == 302

    answers = guess(2, "9990000001")

    assert answers[-1] == 429
    assert log_in(**HERE).status_code == 429
    assert log_in(**ELSEWHERE).status_code == 302


def test_ipv6_network_counts_as_one_address() -> None:
    for number in range(5):
        guess(1, REMOTE_ADDR=f"2001:db8::{number}")

    assert log_in(REMOTE_ADDR="2001:db8::ffff").status_code == 429
    assert log_in(REMOTE_ADDR="2001:db8:0:1::1").status_code == 302


def test_lock_ends_after_half_an_hour() -> None:
    guess()

    wait(29)
    assert log_in(**HERE).status_code == 429

    wait(1.1)
    assert log_in(**HERE).status_code == 302


def test_guesses_during_a_lock_do_not_prolong_it() -> None:
    guess()
    wait(20)

    guess(5)

    assert AccessAttempt.objects.get().failures_since_start == 5
    assert int(log_in(**HERE)["Retry-After"]) <= 600


def test_correct_password_resets_the_count_of_its_phone_only() -> None:
    operator(OTHER)
    guess(4)
    guess(4, OTHER)

    log_in(**HERE)

    assert guess(4) == [200] * 4
    assert guess(1, OTHER) == [429]


def test_forged_forwarded_address_gives_no_new_attempts(settings: Any) -> None:
    for number in range(5):
        guess(1, HTTP_X_FORWARDED_FOR=f"198.51.100.{number}")
    assert log_in(**HERE).status_code == 429

    settings.TRUSTED_PROXIES = 1
    for number in range(5):
        guess(1, HTTP_X_FORWARDED_FOR=f"203.0.113.{number}, 198.51.100.9")
    assert log_in(HTTP_X_FORWARDED_FOR="198.51.100.9", **HERE).status_code == 429
    assert log_in(HTTP_X_FORWARDED_FOR="198.51.100.10", **HERE).status_code == 302


def test_clients_without_an_address_count_as_one() -> None:
    assert guess(5, REMOTE_ADDR="")[-1] == 429
    assert log_in(**HERE).status_code == 302


def test_no_typed_value_is_stored_and_no_phone_is_logged(caplog: Any) -> None:
    search = "?next=/admin/users/user/%3Fq%3D9990001122"
    for number in range(5):
        log_in(password=f"secret {number}", query=search, **HERE)
    log_in("a password in the wrong field", "guess", **HERE)

    rows = list(AccessAttempt.objects.values())
    kept, logged = str(rows), caplog.text
    assert len(rows) == 2
    for text in ("1119998", "9990001122", "secret", "wrong field"):
        assert text not in kept
        assert text not in logged
    assert "Locking out +7***9998 from 192.0.2.1" in logged


def test_log_in_and_log_out_are_not_recorded() -> None:
    browser = Client()
    guess(1)
    log_in(browser=browser, **HERE)
    browser.post("/admin/logout/")

    assert not AccessLog.objects.exists()
    assert not AccessFailureLog.objects.exists()
    assert not AccessAttempt.objects.exists()


@pytest.mark.parametrize("name", ["\0", "9991119998\0", "\ud800", "9" * 41, "9" * 50_000, "", " ", "'; --", "𝟗" * 40])
@pytest.mark.parametrize("password", [PASSWORD, "\0", "x" * 15_000])
def test_odd_names_and_passwords_are_refused_without_an_error(name: str, password: str) -> None:
    body = f"username={name}&password={password}".encode("utf-8", "surrogatepass")

    answer = Client().post("/admin/login/", body, content_type="application/x-www-form-urlencoded")

    assert answer.status_code == 200


def test_name_that_the_database_cannot_store_is_counted() -> None:
    request = RequestFactory().post("/admin/login/", **HERE)

    assert authenticate(request, username="\ud800", password=PASSWORD) is None
    assert AccessAttempt.objects.count() == 1


def test_sign_in_by_code_is_not_affected() -> None:
    guess(20, REMOTE_ADDR="127.0.0.1")

    with CaptureQueriesContext(connection) as queries:
        person = signed_in("9991119998")
        assert person.me()["phone"] == "9991119998"

    assert not [query["sql"] for query in queries if "axes" in query["sql"]]


@pytest.mark.long
@pytest.mark.parametrize(("password", "status", "left"), [("guess", 200, 1), (PASSWORD, 302, 0)])
def test_log_in_works_after_very_many_failures(password: str, status: int, left: int) -> None:
    # More rows than one statement can have parameters.
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO axes_accessattempt (user_agent, ip_address, username, http_accept, path_info, attempt_time,"
            " get_data, post_data, failures_since_start) SELECT '', '192.0.2.1', n, '', '', now() - interval '1 hour',"
            " '', '', 1 FROM generate_series(1, 66000) AS n"
        )

    assert log_in(password=password).status_code == status
    assert AccessAttempt.objects.count() == left


def test_failures_are_kept_for_30_days_at_most() -> None:
    guess(1)
    now = timezone.now()

    retention.delete_expired(now + timedelta(days=29.9))
    assert AccessAttempt.objects.exists()

    retention.delete_expired(now + timedelta(days=30.1))
    assert not AccessAttempt.objects.exists()


def test_stored_attempt_has_no_phone_of_a_header() -> None:
    guess(1, HTTP_USER_AGENT="Agent +79991234567", HTTP_ACCEPT="text/x-79991234567")

    stored = AccessAttempt.objects.get()
    assert "1234567" not in f"{stored.user_agent} {stored.http_accept} {stored.path_info}"
    assert stored.user_agent.startswith("Agent")


@pytest.mark.parametrize(
    ("step", "most"),
    [
        ("2001:db8::{:x}", 5),
        ("2001:db8:0:{:x}::", 10),
        pytest.param("2001:db8:0:{:x}00::", 20, marks=pytest.mark.long),
    ],
)
def test_wider_ipv6_networks_have_limits_of_their_own(step: str, most: int) -> None:
    answers = [guess(1, REMOTE_ADDR=step.format(number))[0] for number in range(1, most + 2)]

    assert answers[: most - 1] == [200] * (most - 1)
    assert answers[most] == 429
    assert guess(1, REMOTE_ADDR="2001:db8:1::1") == [200]
