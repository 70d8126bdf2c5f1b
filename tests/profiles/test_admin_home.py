"""The home page of the admin: the numbers of today and of the last days."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from profiles import daily_counts, voting
from profiles.admin import home
from profiles.models import Activation, DailyStats, Profile
from tests.support.accounts import SignedInUser, registered
from tests.support.operators import at_work, operator
from users.clock import DAY
from users.models import Device, LoginCode, SmsDelivery
from users.queries import database_now

pytestmark = pytest.mark.django_db

NOW = datetime(2030, 3, 10, 15, tzinfo=UTC)
MIDNIGHT = NOW.replace(hour=0)
SECOND = timedelta(seconds=1)


def read(browser: Client) -> str:
    return browser.get("/admin/").text


def cells(html: str, heading: str) -> list[str]:
    """The numbers of a column of the tables, today's first."""
    table = next(one for one in html.split("<table>") if f">{heading}</th>" in one)
    column = re.findall(r'<th scope="col">(.*?)</th>', table).index(heading) - 1
    return [re.findall(r'<data value="(\d+)">', row)[column] for row in table.split("<tr>")[2:]]


def test_numbers_of_today_are_on_the_home_page(alice: SignedInUser, bob: SignedInUser) -> None:
    alice.activate(bob.code)
    SmsDelivery.objects.update(state="sent", finished_at=database_now())

    page = at_work(operator("9991119998", "view_user")).get("/admin/").content.decode()

    assert {name: cells(page, name)[0] for name in ("New numbers", "Votes", "SMS sent", "Codes verified")} == {
        "New numbers": "3", "Votes": "1", "SMS sent": "2", "Codes verified": "2",
    }  # fmt: skip
    assert len(cells(page, "New numbers")) == daily_counts.SHOWN
    assert not re.findall(r"<script(?![^>]* src=)|<style| style=", page), "against the policy"


def test_code_that_demo_mode_writes_to_the_log_is_no_sms(alice: SignedInUser) -> None:
    SmsDelivery.objects.update(state="sent", gateway="demo", finished_at=database_now())

    assert daily_counts.last(database_now())[-1].sms_sent == 0


def test_numbers_need_the_permission_to_see_users() -> None:
    page = at_work(operator("9991119998", "view_device")).get("/admin/").content.decode()

    assert "Devices" in page
    assert "New numbers" not in page


def test_home_page_links_to_the_site(alice: SignedInUser) -> None:
    page = at_work(operator(is_superuser=True)).get("/admin/", headers={"accept-language": "ru"}).text

    assert '<a href="/">Открыть сайт</a>' in page


def test_menu_has_one_order_in_every_language() -> None:
    browser = at_work(operator(is_superuser=True))

    pages = [browser.get("/admin/", headers={"accept-language": language}) for language in ("en", "ru")]

    for page in pages:
        labels = [app["app_label"] for app in page.context["app_list"]]
        assert labels == ["users", "profiles", "auth", "procrastinate"]


def made(model: Any, at: datetime, **values: Any) -> None:
    row = model.objects.latest("pk")
    model.objects.filter(pk=row.pk).update(created_at=at, **values)


@pytest.mark.parametrize(
    ("at", "which"), [(MIDNIGHT - SECOND, -2), (MIDNIGHT, -1), (NOW, -1), (MIDNIGHT - 29 * DAY, 0)]
)
def test_events_count_for_their_day(alice: SignedInUser, bob: SignedInUser, at: datetime, which: int) -> None:
    alice.activate(bob.code)
    Profile.objects.update(created_at=at - 90 * DAY)
    made(Profile, at)
    made(Activation, at)
    LoginCode.objects.update(created_at=at - 90 * DAY)
    made(LoginCode, at - daily_counts.LONGEST_LIFE, used_at=at)
    made(SmsDelivery, at - daily_counts.LONGEST_LIFE, finished_at=at, state="sent")

    found = daily_counts.last(NOW)

    counts = [(day.sign_ups, day.activations, day.sms_sent, day.codes_used) for day in found]
    assert counts.pop(which) == (1, 1, 1, 1)
    assert set(counts) == {(0, 0, 0, 0)}
    assert [found[0].day, found[-1].day] == [(NOW - 29 * DAY).date(), NOW.date()]


def test_day_begins_at_midnight_of_the_service(settings: Any, alice: SignedInUser) -> None:
    settings.TIME_ZONE = "Asia/Vladivostok"  # ten hours ahead: there it is already the next day
    made(Profile, NOW)

    today = daily_counts.last(NOW)[-1]

    assert (today.day, today.sign_ups) == ((NOW + DAY).date(), 1)


def test_finished_days_are_stored_once_and_kept_longer_than_their_rows(alice: SignedInUser) -> None:
    made(LoginCode, NOW - DAY, used_at=NOW - DAY)

    daily_counts.store(NOW)
    LoginCode.objects.all().delete()
    Device.objects.all().delete()
    daily_counts.store(NOW + SECOND)

    assert DailyStats.objects.count() == daily_counts.SHOWN - 1
    assert [day.codes_used for day in daily_counts.last(NOW)[-2:]] == [1, 0]


def test_large_tables_are_estimated(monkeypatch: pytest.MonkeyPatch, alice: SignedInUser, bob: SignedInUser) -> None:
    registered("9991110009", verified_at=None)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE users_user")
    monkeypatch.setattr(home, "COUNTED", 1)

    page = Client.get(at_work(operator(is_superuser=True)), "/admin/").context

    people, active, _ = page["totals"]
    assert (people["number"], people["is_estimate"]) == (3, True)
    assert (active["number"], active["is_estimate"]) == (2, True)


def test_outcomes_of_the_last_sms_are_shown_to_those_who_may_see_sms(
    alice: SignedInUser, bob: SignedInUser, charlie: SignedInUser
) -> None:
    SmsDelivery.objects.update(state="sent", gateway="1 twilio")
    SmsDelivery.objects.filter(login_code__user=alice.profile.user).update(gateway="demo")  # no SMS
    newest = SmsDelivery.objects.latest("pk")
    SmsDelivery.objects.filter(pk=newest.pk).update(undelivered="blocked")

    page = at_work(operator("9991119998", "view_user", "view_smsdelivery")).get("/admin/").text

    assert re.findall('<i class="(.*?)"', page) == ["", "bad"]
    assert "<h2>The last 2 SMS, newest on the right</h2>" in page
    assert "Sent, no receipt: 1" in page
    assert "not delivered: the recipient blocks SMS" in page
    assert "Sent, no receipt" not in at_work(operator("9991119997", "view_user")).get("/admin/").text


def test_home_says_whether_users_can_vote() -> None:
    now, browser = database_now(), at_work(operator("9991119998", "view_user", "view_votingperiod"))
    said = []
    for opens, closes in ((None, None), (None, now + DAY), (now + DAY, None), (None, now - DAY)):
        voting.change(opens, closes)
        said += re.findall('<p class="voting"><span class="outcome ([^<]*)</span> <a href="(.*)">Voting', read(browser))

    assert [one.partition(" 20")[0] for one, _link in said] == [
        'good">Voting is open.', 'good">Voting is open until', '">Voting begins at', '">Voting has ended.',
    ]  # fmt: skip
    assert {link for _one, link in said} == {"/admin/profiles/votingperiod/1/change/"}
    assert 'class="voting"' not in read(at_work(operator("9991119997", "view_user")))


def test_home_begins_with_a_search_for_a_user_and_has_the_menu(alice: SignedInUser) -> None:
    browser = at_work(operator("9991119998", "view_user"))

    page = browser.get("/admin/").text
    found = browser.get("/admin/users/user/", {"q": alice.phone[-4:]}).text

    assert 'action="/admin/users/user/"' in page.partition("What needs attention")[0]
    assert page.count('href="/admin/users/user/"') == 2, "the menu and that of phones"
    assert f"+7***{alice.phone[-4:]}" in found
    assert "Find a user" not in at_work(operator("9991119997", "view_device")).get("/admin/").text
