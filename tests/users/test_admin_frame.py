"""What stands around the admin's pages: the header and its search, exports, and what an operator did last."""

import re
from datetime import timedelta

import pytest
from django.test import Client

from tests.support.accounts import SignedInUser
from tests.support.operators import at_work, helper, operator, page_of
from users.models import SmsDelivery, User
from users.queries import database_now

pytestmark = pytest.mark.django_db
SEARCH = '<form class="header-search" action="/admin/users/user/">'


@pytest.fixture
def boss(db: None) -> Client:
    return at_work(operator(is_superuser=True))


def words(page: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())


def export(browser: Client, path: str) -> str:
    """What the export of this list says."""
    return words(browser.get(path).text.partition('class="export"')[2].partition("</form>")[0].partition(">")[2])


def test_every_page_has_the_search(boss: Client, alice: SignedInUser) -> None:
    for path in (
        "/admin/users/smsdelivery/",
        page_of(alice.profile.pk),
        "/admin/no-such-page/",
        "/admin/password_change/",
    ):
        assert SEARCH in boss.get(path).text, path
    home = boss.get("/admin/").text
    assert SEARCH not in home and 'class="find"' in home  # the larger one
    assert SEARCH not in helper("view_device").get("/admin/users/device/").text


def test_password_page_has_the_links_of_all_pages(boss: Client) -> None:
    assert 'href="/admin/second-factor/">Second factor</a>' in boss.get("/admin/password_change/").text


def test_words_of_django_that_read_better(boss: Client) -> None:
    page = boss.get("/admin/users/user/").text

    assert '<a href="/admin/">Overview</a>' in page and ">Home<" not in page
    assert re.search(r"<summary>\s*status\s*</summary>", page)


def test_export_says_which_rows_and_how_many(boss: Client, alice: SignedInUser, bob: SignedInUser) -> None:
    User.objects.filter(pk=alice.profile.pk).update(is_active=False)
    week = f"{database_now() - timedelta(days=7):%Y-%m-%d}"

    assert (
        export(boss, "/admin/users/user/") == "Export this list CSV · 3 rows XLSX · 3 rows"
        " The file has full phone numbers. Each export is recorded in the history."
    )
    assert export(boss, "/admin/users/user/?standing=disabled").startswith(
        "Export this list · Status: disabled CSV · 1 row"
    )
    assert "Search: 0001" in export(boss, "/admin/users/user/?q=0001")
    dated = export(boss, f"/admin/profiles/profile/?created_at__gte={week} 00:00:00%2B00:00")
    assert f"Created: from {week} CSV · 3 rows" in dated
    russian = boss.get("/admin/users/user/", headers={"accept-language": "ru"}).text
    assert "CSV · 3 строки" in russian
    assert export(helper("view_user"), "/admin/users/user/").endswith("Phone numbers are masked.")


def test_home_says_what_the_operator_did_last(boss: Client, alice: SignedInUser) -> None:
    assert "You have done nothing yet." in boss.get("/admin/").text
    assert "Вы пока ничего не делали." in boss.get("/admin/", headers={"accept-language": "ru"}).text
    boss.post(page_of(alice.profile.pk, "disable"), {"reason": "Ticket 12."})

    done = words(boss.get("/admin/").text.partition('id="recent-actions-module"')[2].partition("</section>")[0])

    assert f"{database_now():%Y-%m-%d}" in done and "Disabled the user. Reason: Ticket 12." in done


def test_unknown_outcome_of_an_sms_is_neither_good_nor_bad(boss: Client, alice: SignedInUser) -> None:
    alice.profile.user.login_codes.update(used_at=None)
    for values in ({"state": "sent"}, {"state": "failed", "open_tries": {"1 webhook": 1}}):
        SmsDelivery.objects.update(gateway="1 webhook", finished_at=database_now(), **values)
        assert '<ul class="messagelist"><li class="info">' in boss.get(page_of(alice.profile.pk)).text.replace("\n", "")


def test_full_phone_can_be_copied_and_says_that_it_is_recorded(boss: Client, alice: SignedInUser) -> None:
    page = boss.post(page_of(alice.profile.pk, "phone")).text

    assert 'data-copy="#phone"' in page and f'id="phone">+7{alice.phone}<' in page
    assert "This view is recorded in the history of the user." in page


def test_password_form_of_an_operator_speaks_of_this_admin(boss: Client) -> None:
    page = boss.get(page_of(operator("9991119996").pk, "password"), headers={"accept-language": "ru"}).text

    assert "Без пароля оператор не сможет войти в администрирование." in page and "LDAP" not in page
