"""What the page of an operator shows of log-ins to the admin."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from profiles import privacy
from tests.support.accounts import signed_in
from tests.support.authenticator import code, enrolled, enter, with_password, wrong_code
from tests.support.operators import at_work, helper, log_in, operator, page_of
from users import retention
from users.clock import HOUR
from users.models import OperatorLogin, User
from users.operators import logins
from users.operators.logins import Outcome

pytestmark = pytest.mark.django_db
FIREFOX = {"REMOTE_ADDR": "192.0.2.7", "HTTP_USER_AGENT": "Firefox/150.0"}


def outcomes() -> list[str]:
    return list(OperatorLogin.objects.order_by("pk").values_list("outcome", flat=True))


def rows(browser: Client, user: User) -> list[list[str]]:
    """The tables on the operator's page, of the newest and of earlier ones."""
    page = browser.get(page_of(user.pk)).content.decode()
    tables = page.partition('id="logins"')[2].partition('class="help"')[0]
    tables = re.sub(r"</?span[^>]*>", "", tables)
    return [found for row in tables.split("</tr>") if (found := re.findall(r"<td[^>]*>(.*?)</td>", row))]


def test_page_shows_time_address_client_and_outcome(boss: Client) -> None:
    user, _ = enrolled("9991119997")
    OperatorLogin.objects.all().delete()
    log_in("9991119997", "wrong", **FIREFOX)
    browser = with_password("9991119997", **FIREFOX)
    enter(browser, wrong_code())
    enter(browser, code())

    shown = rows(boss, user)

    assert [row[1] for row in shown] == ["logged in", "wrong second factor", "wrong password"]
    assert {(row[2], row[3]) for row in shown} == {("192.0.2.7", "Firefox")}
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", row[0]) for row in shown)


def test_password_without_a_code_is_shown(boss: Client) -> None:
    user, _ = enrolled("9991119997")
    with_password("9991119997", **FIREFOX)

    assert rows(boss, user)[0][1:] == ["password right, no code yet", "192.0.2.7", "Firefox"]


def test_operator_without_a_factor_has_log_ins_too(boss: Client) -> None:
    user = operator("9991119997")
    with_password("9991119997")

    assert rows(boss, user)[0][1] == "logged in"
    assert "The second factor is off." in boss.get(page_of(user.pk)).content.decode()


def test_locks_are_shown() -> None:
    operator()
    for number in range(7):
        log_in(password=f"wrong {number}")

    assert outcomes() == ["wrong_password"] * 5 + ["locked"] * 2


def test_operators_see_their_own_log_ins_and_superusers_all(boss: Client) -> None:
    mine = operator("9991119997", "view_user")
    other = operator("9991119996")
    with_password("9991119997")
    with_password("9991119996")
    browser = at_work(mine)

    assert rows(browser, mine)
    assert not rows(browser, other)
    assert rows(boss, other)


def test_page_of_a_member_has_no_log_ins(boss: Client) -> None:
    person = signed_in("9991110001").profile.user

    assert 'id="logins"' not in boss.get(page_of(person.pk)).content.decode()
    assert not person.operator_logins.exists()


def test_strangers_do_not_hide_log_ins_of_who_knew_the_password(boss: Client) -> None:
    user = operator("9991119997")
    for _ in range(25):
        logins.record(user, Outcome.OK, logins.Client("192.0.2.9", "192.0.2.9", ""))
    for number in range(300):
        logins.record(user, Outcome.WRONG_PASSWORD, logins.Client(None, f"10.0.0.{number % 250}", ""))

    shown = [row[1] for row in rows(boss, user)]

    assert shown.count("logged in") == shown.count("wrong password") == 20


def test_strangers_fill_no_table() -> None:
    operator()
    for number in range(30):
        log_in(password="wrong", REMOTE_ADDR=f"192.0.2.{number}")

    assert outcomes().count("wrong_password") == 20


def test_strangers_at_other_phones_are_not_recorded() -> None:
    signed_in("9991110001")
    for phone in ("9991110001", "9991110099", "admin", ""):
        log_in(phone, "wrong")

    assert outcomes() == []


def test_client_that_sends_odd_text_is_recorded() -> None:
    operator()
    with_password(HTTP_USER_AGENT="<script>\0\x1b[31m" + "x" * 5000)

    agent = OperatorLogin.objects.get().user_agent
    assert len(agent) == 200
    assert "\0" not in agent


def test_log_ins_are_kept_for_30_days() -> None:
    operator("9991119997")
    with_password("9991119997")
    now = timezone.now()

    retention.delete_expired(now + timedelta(days=29.9))
    assert OperatorLogin.objects.exists()

    retention.delete_expired(now + timedelta(days=30.1))
    assert not OperatorLogin.objects.exists()


def test_addresses_of_operators_are_not_shown_to_helpers() -> None:
    user = operator("9991119996")
    log_in("9991119996", **FIREFOX)

    page = helper("view_user", "change_user").get(page_of(user.pk)).content.decode()

    assert "192.0.2.7" not in page


def test_page_shows_five_log_ins_and_folds_the_others(boss: Client) -> None:
    user = operator("9991119997")
    agent = "Mozilla/5.0 (X11; Linux x86_64) Chrome/150.0 Safari/537.36"
    for _number in range(7):
        logins.record(user, Outcome.OK, logins.Client("192.0.2.9", "192.0.2.9", agent))

    page = boss.get(page_of(user.pk)).text.partition('id="logins"')[2].partition('class="help"')[0]
    shown, _, folded = page.partition("<details>")

    assert (shown.count(">Chrome, Linux<"), folded.count(">Chrome, Linux<")) == (5, 2)


def test_export_of_the_operator_has_the_log_ins() -> None:
    operator("9991119998")
    log_in(**FIREFOX)
    person = signed_in("9991119998")

    held: Any = json.loads(person.api.get("/api/v1/profiles/me/export").getvalue())

    (login,) = held["operator_logins"]
    assert (login["outcome"], login["address"], login["user_agent"]) == ("ok", "192.0.2.7", "Firefox/150.0")


def test_operator_logs_in_thirty_times_in_an_hour() -> None:
    user = operator()
    for _ in range(logins.LOGINS_AN_HOUR):
        logins.record(user, Outcome.OK, logins.Client("192.0.2.7", "192.0.2.7", ""))

    refused = log_in()

    assert refused.status_code == 200
    assert "You have logged in 30 times within an hour. Try again later." in refused.text
    assert not Session.objects.exists()
    OperatorLogin.objects.update(created_at=timezone.now() - HOUR)
    assert log_in().status_code == 302


def test_log_in_waits_fifteen_minutes_for_the_second_factor() -> None:
    enrolled("9991119997")
    browser = with_password("9991119997")

    assert browser.session.get_expiry_age() == 900
    enter(browser, code())
    assert browser.session.get_expiry_age() == 14 * 24 * 3600


def test_erasure_leaves_nothing_of_a_former_operator() -> None:
    user, _ = enrolled("9991119997")
    with_password("9991119997")
    user.set_unusable_password()
    user.is_staff = False
    user.save()

    privacy.erase_by_operator(user.pk)

    for model in (OperatorLogin, TOTPDevice, StaticDevice):
        assert not model.objects.exists()
