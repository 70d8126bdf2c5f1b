"""Operators who see masked phones find no full number by searching for candidates."""

import re
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from itertools import cycle
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.messages import get_messages
from django.db.models import F
from django.test import Client

from tests.support.accounts import SignedInUser
from tests.support.operators import SEES_LISTS, at_work, operator
from tests.support.races import race
from users import retention
from users.admin.lists import LargeTableAdmin
from users.models import PhoneSearch, User
from users.operators import phone_searches
from users.operators.phone_searches import PHONES_AN_HOUR
from users.queries import database_now

pytestmark = pytest.mark.django_db
REGISTERED = [admin.site.get_model_admin(model) for model in apps.get_models() if admin.site.is_registered(model)]
SEARCHED = [one for one in REGISTERED if isinstance(one, LargeTableAdmin) and one.search_fields]
LISTS = [f"/admin/{one.opts.app_label}/{one.opts.model_name}/" for one in SEARCHED]


@pytest.fixture
def chief(db: None) -> Client:
    """An operator who sees full phones."""
    return at_work(operator("9991119996", *SEES_LISTS, "view_phone"))


def phone(number: int) -> str:
    return f"999222{number:04}"


def use_up() -> None:
    operator_id = User.objects.get(phone="+79991119997").pk
    for number in range(PHONES_AN_HOUR):
        PhoneSearch.objects.create(operator_id=operator_id, phone_hash=bytes([number]), created_at=database_now())


def search(browser: Client, path: str, text: str) -> Any:
    return browser.get(path, {"q": text})


def export(browser: Client, path: str, text: str) -> Any:
    answer: Any = browser.post(f"{path}export/?q={text}", {"format": "csv"})
    if answer.streaming:
        b"".join(answer.streaming_content)  # unread, it would take the place of another one
    return answer


# Every request of the admin that searches for a full phone number, for a path of a list.
WAYS: list[tuple[Callable[[Client, str, str], Any], str]] = [
    *((search, path) for path in LISTS),
    *((export, path) for path in LISTS if re.search("user/|profile/|activation/", path)),
]


def test_lists_with_a_search_are_known() -> None:
    assert len(LISTS) == 6


@pytest.mark.parametrize(("way", "path"), WAYS)
def test_every_search_by_phone_is_logged_and_limited(
    clerk: Client, alice: SignedInUser, log: Any, way: Callable[..., Any], path: str
) -> None:
    found = way(clerk, path, alice.phone)
    assert found.status_code == 200
    operator_id = User.objects.get(phone="+79991119997").pk
    (line,) = re.findall("operator .*", log.getvalue())
    assert re.fullmatch(rf"operator {operator_id} searched [\w.]+ for the phone \+7\*\*\*0001: limited", line)
    PhoneSearch.objects.all().delete()
    use_up()

    refused = way(clerk, path, alice.phone)

    assert refused.status_code in (302, 403)
    assert "+7***0001" not in refused.content.decode()
    assert re.findall("operator .*", log.getvalue())[-1].endswith(": refused")
    assert alice.phone not in log.getvalue()


def test_limit_is_told_and_the_list_shown_without_the_search(clerk: Client, alice: SignedInUser) -> None:
    use_up()

    answer = search(clerk, "/admin/users/user/", alice.phone)

    assert answer["Location"] == "/admin/users/user/"
    (told,) = get_messages(answer.wsgi_request)
    assert told.message.startswith("You searched for 30 different phone numbers within an hour")
    assert "Try again in 60 minutes." in told.message
    page = clerk.get(answer["Location"]).content.decode()
    assert "+7***0001" in page


def test_thirty_different_phones_an_hour_in_all_lists_together(clerk: Client) -> None:
    results = [search(clerk, LISTS[number % len(LISTS)], phone(number)).status_code for number in range(33)]

    assert results == [200] * PHONES_AN_HOUR + [302] * 3


def test_same_phone_counts_once_in_any_spelling_and_list(clerk: Client, alice: SignedInUser) -> None:
    for path in LISTS:
        for text in (alice.phone, f"+7{alice.phone}", "8 (999) 111-00-01", "９９９１１１０００１"):
            assert search(clerk, path, text).status_code == 200

    assert PhoneSearch.objects.count() == 1


@pytest.mark.long
def test_phone_that_was_searched_is_found_again_at_the_limit(clerk: Client, alice: SignedInUser) -> None:
    for number in range(PHONES_AN_HOUR - 1):
        search(clerk, LISTS[0], phone(number))
    search(clerk, LISTS[0], alice.phone)

    assert search(clerk, LISTS[0], phone(999)).status_code == 302
    assert search(clerk, LISTS[0], alice.phone).status_code == 200


def test_limit_ends_after_an_hour(clerk: Client) -> None:
    use_up()
    PhoneSearch.objects.update(created_at=F("created_at") - timedelta(minutes=61))

    assert search(clerk, LISTS[0], phone(1)).status_code == 200


def test_searches_that_are_no_phones_are_not_counted(clerk: Client, alice: SignedInUser) -> None:
    use_up()

    for text in (alice.code, "1", "42", "name", "+1 202 555 0100"):
        assert search(clerk, "/admin/profiles/profile/", text).status_code == 200


@pytest.mark.long
def test_operators_who_see_phones_are_logged_and_not_limited(chief: Client, alice: SignedInUser, log: Any) -> None:
    for number, path in zip(range(PHONES_AN_HOUR + 5), cycle(LISTS), strict=False):
        assert search(chief, path, phone(number)).status_code == 200

    assert log.getvalue().count(": may see full phones") == PHONES_AN_HOUR + 5
    assert not PhoneSearch.objects.exists()


def test_api_counts_searches_of_staff_with_masked_phones(staff: SignedInUser, alice: SignedInUser) -> None:
    User.objects.filter(phone=f"+7{staff.phone}").update(is_superuser=False)
    answers = [staff.api.get("/api/v1/profiles", {"phone": phone(number)}) for number in range(PHONES_AN_HOUR + 1)]

    assert [answer.status_code for answer in answers] == [200] * PHONES_AN_HOUR + [429]
    refused = answers[-1]
    assert refused.json()["code"] == "too_many_requests"
    assert int(refused["Retry-After"]) == refused.json()["retry_after"] > 3500
    assert staff.api.get("/api/v1/profiles").status_code == 200
    assert staff.api.get("/api/v1/profiles", {"invite_code": alice.code}).json()["results"]


def test_api_and_admin_share_the_limit(staff: SignedInUser) -> None:
    user = User.objects.get(phone=f"+7{staff.phone}")
    User.objects.filter(pk=user.pk).update(is_superuser=True)
    for number in range(PHONES_AN_HOUR):
        PhoneSearch.objects.create(operator=user, phone_hash=bytes([number]), created_at=database_now())
    assert staff.api.get("/api/v1/profiles", {"phone": phone(1)}).status_code == 200

    User.objects.filter(pk=user.pk).update(is_superuser=False)
    assert staff.api.get("/api/v1/profiles", {"phone": phone(1)}).status_code == 429


def test_operators_have_limits_of_their_own(clerk: Client) -> None:
    use_up()
    other = at_work(operator("9991119995", *SEES_LISTS))

    assert search(other, LISTS[0], phone(1)).status_code == 200
    assert search(clerk, LISTS[0], phone(1)).status_code == 302


@pytest.mark.django_db(transaction=True)
def test_parallel_searches_do_not_exceed_the_limit() -> None:
    user = operator("9991119997", *SEES_LISTS)
    for number in range(PHONES_AN_HOUR - 5):
        PhoneSearch.objects.create(operator=user, phone_hash=bytes([number]), created_at=database_now())

    results = race([partial(phone_searches.check, user, f"+7{phone(number)}", "a test") for number in range(20)])

    assert results.count(None) == 5
    assert PhoneSearch.objects.count() == PHONES_AN_HOUR


def test_searches_are_kept_for_an_hour(clerk: Client) -> None:
    search(clerk, LISTS[0], phone(1))

    retention.delete_expired(database_now() + timedelta(minutes=59))
    assert PhoneSearch.objects.exists()

    retention.delete_expired(database_now() + timedelta(minutes=61))
    assert not PhoneSearch.objects.exists()
