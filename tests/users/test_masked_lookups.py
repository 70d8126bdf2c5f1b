"""Operators who see masked phones find no full number by parts, conditions, orders and addresses of lists."""

import re

import pytest
from django.test import Client

from tests.support.accounts import SignedInUser, registered
from tests.users.test_phone_searches import LISTS, search

pytestmark = pytest.mark.django_db


# Shorter ones are ids, and four digits are the last ones, which masks show.
@pytest.mark.parametrize("cut", [pytest.param(5, marks=pytest.mark.long), 6, pytest.param(9, marks=pytest.mark.long)])
def test_part_of_a_phone_finds_nothing(clerk: Client, alice: SignedInUser, cut: int) -> None:
    for part in (
        alice.phone[:cut],
        alice.phone[-cut:],
        f"+7{alice.phone[:cut]}",
        f"{alice.phone[:cut]}*",
        "%",
        "_" * 10,
    ):
        for path in LISTS:
            assert search(clerk, path, part).context["cl"].result_count == 0, (path, part)


@pytest.mark.parametrize("lookup", ["", "__startswith", "__regex", "__gt"])
@pytest.mark.parametrize("path", LISTS)
def test_addresses_of_lists_take_no_condition_on_phones(
    clerk: Client, alice: SignedInUser, path: str, lookup: str
) -> None:
    fields = ("phone", "user__phone", "login_code__user__phone", "invitee__user__phone", "device__user__phone")

    for field in fields:
        for suffix in ("", "export/"):
            query = {f"{field}{lookup}": f"+7{alice.phone[:4]}"}
            send = clerk.post if suffix else clerk.get
            answer = send(f"{path}{suffix}", query_params=query)
            assert answer.status_code in (302, 400, 404), (field, suffix)


@pytest.mark.parametrize("path", LISTS)
def test_lists_are_in_no_order_of_phones(clerk: Client, path: str) -> None:
    registered("9991110009")
    registered("9991110003")
    registered("9991110006")

    usual = clerk.get(path).context["cl"].queryset.query.order_by
    for column in range(1, 9):
        order = clerk.get(path, {"o": str(column)}).context["cl"].queryset.query.order_by
        assert not any("phone" in str(name) for name in order)
    assert not any("phone" in str(name) for name in usual)


def test_users_page_has_no_address_by_phone(clerk: Client, alice: SignedInUser) -> None:
    for query in ("_to_field=phone", "_to_field=phone&_popup=1"):
        answer = clerk.get(f"/admin/users/user/%2B7{alice.phone}/change/?{query}")
        assert answer.status_code == 400
        assert clerk.get(f"/admin/users/user/?{query}").status_code in (302, 400)


def test_diagnosis_tells_no_part_of_the_number(clerk: Client, alice: SignedInUser) -> None:
    page = clerk.get(f"/admin/users/user/{alice.profile.pk}/diagnosis/").content.decode()

    # Not the times and the addresses with ids, which may have these digits by chance.
    assert "999" not in re.sub(r"[0-9:. -]{19,}|/[0-9]+/", "", page.partition('id="content"')[2])
