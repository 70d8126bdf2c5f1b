"""GET /api/v1/profiles/me/invitations lists every invitee once, in pages."""

from datetime import timedelta
from typing import Any

import pytest

from profiles import activation
from tests.support.accounts import SignedInUser, registered
from tests.support.many_users import NOON, crowd, phones, walk
from users import accounts

pytestmark = pytest.mark.django_db

PATH = "/api/v1/profiles/me/invitations"


def test_list_without_votes_is_one_empty_page(alice: SignedInUser) -> None:
    answer = alice.api.get(PATH)

    assert answer.status_code == 200
    assert answer.json() == {
        "next": None,
        "previous": None,
        "next_cursor": None,
        "previous_cursor": None,
        "results": [],
    }


def test_newest_vote_comes_first_with_its_time(alice: SignedInUser) -> None:
    for n in range(3):
        activation.activate(registered(f"999300000{n}").pk, alice.code, now=NOON + timedelta(hours=n))

    rows = alice.api.get(PATH).json()["results"]

    assert rows == [
        {"phone": "9993000002", "activated_at": "2030-01-02T14:00:00Z"},
        {"phone": "9993000001", "activated_at": "2030-01-02T13:00:00Z"},
        {"phone": "9993000000", "activated_at": "2030-01-02T12:00:00Z"},
    ]


def test_votes_of_the_same_moment_are_listed_once_each(alice: SignedInUser) -> None:
    everybody = crowd(170, alice.profile)

    pages = walk(alice, PATH)

    assert [len(page) for page in pages] == [50, 50, 50, 20]
    assert phones(pages) == everybody[::-1]


def test_previous_links_show_the_same_pages(alice: SignedInUser) -> None:
    crowd(120, alice.profile)
    forwards = walk(alice, PATH)
    second = alice.api.get(PATH).json()["next"]
    last = alice.api.get(second).json()["next"]

    backwards = walk(alice, last, "previous")

    assert backwards == forwards[::-1]


@pytest.mark.parametrize(("size", "pages"), [(50, 1), (51, 2), (100, 2)])
def test_next_link_never_leads_to_an_empty_page(alice: SignedInUser, size: int, pages: int) -> None:
    crowd(size, alice.profile)

    assert len(walk(alice, PATH)) == pages


def test_votes_for_others_and_by_disabled_users_are_not_shown(
    alice: SignedInUser, bob: SignedInUser, charlie: SignedInUser
) -> None:
    bob.activate(alice.code)
    alice.activate(bob.code)
    charlie.activate(alice.code)
    accounts.disable(charlie.profile.user)

    assert phones(walk(alice, PATH)) == ["9991110002"]


def test_new_vote_does_not_shift_the_pages(alice: SignedInUser) -> None:
    everybody = crowd(60, alice.profile)
    first = alice.api.get(PATH).json()
    activation.activate(registered("9994000000").pk, alice.code, now=NOON + timedelta(days=1))

    second = alice.api.get(first["next"]).json()

    assert phones([first["results"], second["results"]]) == everybody[::-1]


def test_page_takes_two_statements_for_any_number_of_votes(alice: SignedInUser, django_assert_num_queries: Any) -> None:
    crowd(120, alice.profile)
    link = alice.api.get(PATH).json()["next"]

    with django_assert_num_queries(2):
        answer = alice.api.get(link)

    assert len(answer.json()["results"]) == 50


def test_link_in_the_profile_leads_to_the_older_votes(alice: SignedInUser) -> None:
    everybody = crowd(75, alice.profile)
    me = alice.me()

    rest = walk(alice, me["invitations_next"])

    assert me["invitations"] + phones(rest) == everybody[::-1]


def test_cursors_show_the_same_pages_as_the_urls(alice: SignedInUser) -> None:
    crowd(120, alice.profile)
    pages = [alice.api.get(PATH).json()]
    while cursor := pages[-1]["next_cursor"]:
        pages.append(alice.api.get(PATH, {"cursor": cursor}).json())

    assert [page["results"] for page in pages] == walk(alice, PATH)
    assert all(page["next"].endswith(f"{PATH}?cursor={page['next_cursor']}") for page in pages[:2])
    back = alice.api.get(PATH, {"cursor": pages[2]["previous_cursor"]}).json()
    assert back["results"] == pages[1]["results"]
    assert [pages[0]["previous_cursor"], pages[2]["next_cursor"]] == [None, None]
