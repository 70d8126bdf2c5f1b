"""What operators type into the search of a list to find a user."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from tests.support.accounts import SignedInUser, registered
from tests.support.operators import SEES_LISTS, at_work, operator
from tests.users.test_phone_searches import LISTS, use_up
from users.admin import search
from users.models import User

pytestmark = pytest.mark.django_db

# What finds a user: a text of the user's own, for each kind of text that a list takes.
WAYS: list[Callable[[SignedInUser], str]] = [
    lambda user: f"8 ({user.phone[:3]}) {user.phone[3:]}",
    lambda user: user.phone[-4:],
    lambda user: f"+7***{user.phone[-4:]}",
    lambda user: str(user.profile.pk),
    lambda user: f"User {user.profile.pk}",
    lambda user: f" #{user.profile.pk} ",
    lambda user: f"{user.code[:3].lower()} {user.code[3:]}",
]


def rows(browser: Client, path: str, text: str) -> list[Any]:
    return list(browser.get(path, {"q": text}).context["cl"].result_list)


@pytest.mark.parametrize("path", LISTS)
def test_every_list_finds_a_user_by_each_kind_of_text(
    clerk: Client, alice: SignedInUser, bob: SignedInUser, path: str
) -> None:
    bob.activate(alice.code)
    everything = rows(clerk, path, "")

    for way in WAYS:
        found = rows(clerk, path, way(bob))
        assert len(found) == 1 <= len(everything), way(bob)


def test_digits_that_begin_with_zero_are_no_id(alice: SignedInUser) -> None:
    """They are the last ones of another user's phone."""
    pk = alice.profile.pk

    assert pk in search.find(f"{pk}") and pk not in search.find(f"0{pk}")


def test_users_are_found_by_the_name_that_pages_give_them(clerk: Client, alice: SignedInUser) -> None:
    person = alice.profile.pk
    alice.api.delete("/api/v1/profiles/me")
    for language in ("en", "ru"):
        with translation.override(language):
            name = str(User.objects.get(pk=person))
        found = clerk.get("/admin/users/user/", {"q": name}, headers={"accept-language": language})
        assert [user.pk for user in found.context["cl"].result_list] == [person]


@pytest.mark.parametrize(
    "text", ["0000", "***0001", "+7*0001x", "user", "#", "٣" * 30, "1" * 5000, "99999999999999999999"]
)
def test_other_texts_find_nobody_and_the_page_says_so(clerk: Client, alice: SignedInUser, text: str) -> None:
    page = clerk.get("/admin/users/user/", {"q": text})

    assert page.status_code == 200 and not page.context["cl"].result_count
    assert re.search("Nobody is found by this text|This is not a mobile phone number", page.text)


def test_last_digits_are_logged_and_limited_and_tell_no_more_than_masks(
    clerk: Client, alice: SignedInUser, log: Any
) -> None:
    same_digits = registered("9997770001").user

    found = rows(clerk, "/admin/users/user/", "0001")

    assert {str(user) for user in found} == {"+7***0001"} and same_digits in found
    assert re.search(r"operator \d+ searched users.user for the phone \*\*\*0001: limited", log.getvalue())
    use_up()
    assert clerk.get("/admin/users/user/", {"q": "0002"}).status_code == 302
    chief = at_work(operator("9991119996", *SEES_LISTS, "view_phone"))
    assert chief.get("/admin/users/user/", {"q": "0002"}).status_code == 200


def test_only_a_search_says_how_many_it_found_and_only_below_the_limit(
    clerk: Client, alice: SignedInUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def says(**query: str) -> bool:
        return "Show all" in clerk.get("/admin/users/user/", query).text

    assert [says(), says(standing="operator"), says(q="0000"), says(q=alice.phone[-4:])] == [False, False, True, True]

    monkeypatch.setattr("users.admin.lists.COUNTED_ROWS", 1)
    assert not says(q=alice.phone[-4:])
