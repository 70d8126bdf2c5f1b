"""GET /api/v1/profiles: staff search users and list all of them in pages."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from api.streaming import File
from profiles import activation, queries
from profiles.models import Profile
from tests.support.accounts import SignedInUser, client, registered
from tests.support.many_users import NOON, crowd, phones, walk
from users import accounts
from users.large_responses import Busy
from users.models import User

pytestmark = pytest.mark.django_db

PATH = "/api/v1/profiles"
ORDERINGS = ["created_at", "-created_at", "invitations_count", "-invitations_count"]


def listed(staff: SignedInUser, **filters: Any) -> list[str]:
    answer = staff.api.get(PATH, filters)
    assert answer.status_code == 200, answer.json()
    return [row["phone"] for row in answer.json()["results"]]


def test_row_shows_the_own_vote_and_the_number_of_received_votes(
    staff: SignedInUser, alice: SignedInUser, bob: SignedInUser
) -> None:
    bob.activate(alice.code)

    rows = {row["phone"]: row for row in staff.api.get(PATH).json()["results"]}

    assert set(rows) == {alice.phone, bob.phone, staff.phone}
    assert rows[bob.phone]["activated_invite"] == alice.code
    assert rows[alice.phone]["invitations_count"] == 1
    assert set(rows[alice.phone]) == {
        *("user_id", "phone", "invite_code", "activated_invite", "activated_at", "invitations_count", "created_at")
    }


def test_one_profile_is_read_by_its_id(staff: SignedInUser, alice: SignedInUser) -> None:
    answer = staff.api.get(f"{PATH}/{alice.profile.pk}")

    assert answer.status_code == 200
    assert answer.json()["phone"] == alice.phone
    assert answer.json()["invite_code"] == alice.code


@pytest.mark.parametrize("number", ["0", "999999999", "9" * 30, "9" * 5000])
def test_unknown_id_is_not_found(staff: SignedInUser, number: str) -> None:
    answer = staff.api.get(f"{PATH}/{number}")

    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"


def test_hidden_users_are_not_listed(staff: SignedInUser) -> None:
    unverified = registered("9991110007", verified_at=None)
    disabled = registered("9991110008")
    accounts.disable(disabled.user)

    answers = [staff.api.get(f"{PATH}/{profile.pk}") for profile in (unverified, disabled)]

    assert listed(staff) == [staff.phone]
    assert [answer.status_code for answer in answers] == [404, 404]


@pytest.mark.parametrize("path", [PATH, f"{PATH}/1"])
def test_list_is_for_staff_only(alice: SignedInUser, path: str) -> None:
    answers = [alice.api.get(path), client().get(path)]

    assert [answer.status_code for answer in answers] == [403, 401]
    assert [answer.json()["code"] for answer in answers] == ["permission_denied", "not_authenticated"]


@pytest.mark.parametrize("spelling", ["9991110001", "+7 999 111-00-01", "8 (999) 111 00 01", "９９９１１１０００１"])
def test_phone_is_found_in_any_spelling(staff: SignedInUser, alice: SignedInUser, spelling: str) -> None:
    assert listed(staff, phone=spelling) == [alice.phone]


def test_invite_code_is_found_in_any_spelling(staff: SignedInUser, alice: SignedInUser) -> None:
    code = alice.code.lower()

    assert listed(staff, invite_code=f"{code[:3]}-{code[3:]}") == [alice.phone]


def test_list_is_filtered_by_having_voted(staff: SignedInUser, alice: SignedInUser, bob: SignedInUser) -> None:
    bob.activate(alice.code)

    assert listed(staff, has_activated="true") == [bob.phone]
    assert set(listed(staff, has_activated="false")) == {alice.phone, staff.phone}


def test_range_of_creation_includes_its_start_and_excludes_its_end(staff: SignedInUser) -> None:
    for n in range(3):
        Profile.objects.filter(pk=registered(f"999111000{n}").pk).update(created_at=NOON + timedelta(hours=n))
    hours = [(NOON + timedelta(hours=n)).isoformat() for n in range(3)]

    assert listed(staff, created_after=hours[1]) == ["9991110002", "9991110001"]
    assert listed(staff, created_after=hours[0], created_before=hours[1]) == ["9991110000"]
    assert listed(staff, created_before=timezone.now().isoformat()) == [staff.phone]


def test_filters_apply_to_the_next_page(staff: SignedInUser, alice: SignedInUser) -> None:
    voters = crowd(60, alice.profile)

    pages = walk(staff, f"{PATH}?has_activated=true&ordering=created_at")

    assert phones(pages) == voters


def test_users_with_most_votes_come_first(staff: SignedInUser, alice: SignedInUser, bob: SignedInUser) -> None:
    for n, code in enumerate([alice.code, alice.code, bob.code]):
        activation.activate(registered(f"999200000{n}").pk, code)

    assert listed(staff, ordering="-invitations_count")[:2] == [alice.phone, bob.phone]
    assert listed(staff, ordering="invitations_count")[-2:] == [bob.phone, alice.phone]


@pytest.mark.parametrize("ordering", ORDERINGS)
def test_pages_forwards_and_backwards_list_everybody_once(staff: SignedInUser, ordering: str) -> None:
    everybody = {*crowd(163), staff.phone}
    start = f"{PATH}?ordering={ordering}"

    there = walk(staff, start)
    last = start
    while following := staff.api.get(last).json()["next"]:
        last = following
    back = walk(staff, last, "previous")

    assert [len(page) for page in there] == [50, 50, 50, 14]
    assert len(phones(there)) == len(everybody)
    assert set(phones(there)) == everybody
    assert back == there[::-1]


@pytest.mark.parametrize(
    ("filters", "code", "field"),
    [
        ({"phone": "12"}, "invalid_phone", None),
        ({"phone": "+12015550123"}, "region_not_allowed", None),
        ({"phone": "\0"}, "invalid", "phone"),
        ({"phone": "9" * 41}, "invalid", "phone"),
        ({"invite_code": "A0"}, "invalid", "invite_code"),
        ({"invite_code": "\ud800".encode("utf-8", "surrogatepass")}, "invalid", "invite_code"),
        ({"has_activated": "perhaps"}, "invalid", "has_activated"),
        ({"created_after": "yesterday"}, "invalid", "created_after"),
        ({"created_after": "0001-01-01T00:00:00+14:00"}, "invalid", "created_after"),
        ({"created_before": "9999-12-31T23:59:59-14:00"}, "invalid", "created_before"),
        ({"ordering": "phone"}, "invalid", "ordering"),
        ({"ordering": ""}, "invalid", "ordering"),
    ],
)
def test_bad_filter_is_refused_by_name(
    staff: SignedInUser, filters: dict[str, Any], code: str, field: str | None
) -> None:
    answer = staff.api.get(PATH, filters)

    assert answer.status_code == 400
    assert answer.json()["code"] == code
    assert [error["field"] for error in answer.json().get("errors", [])] == ([field] if field else [])


def test_page_takes_four_statements_for_any_number_of_users(
    staff: SignedInUser, django_assert_num_queries: Any
) -> None:
    crowd(60)

    with django_assert_num_queries(4):  # one is the line in the log, and one counts those before
        staff.api.get(PATH)


def test_staff_without_the_permission_see_masked_phones(staff: SignedInUser, alice: SignedInUser) -> None:
    User.objects.filter(phone=f"+7{staff.phone}").update(is_superuser=False)

    assert set(listed(staff)) == {"+7***0001", "+7***9999"}
    assert staff.api.get(f"{PATH}/{alice.profile.pk}").json()["phone"] == "+7***0001"
    assert not LogEntry.objects.exists()


def test_full_phones_leave_a_line_in_the_log(staff: SignedInUser) -> None:
    listed(staff, phone=staff.phone)

    entry = LogEntry.objects.get()
    assert (entry.user.phone, entry.object_repr) == (f"+7{staff.phone}", PATH)
    assert staff.phone not in f"{entry.object_repr} {entry.change_message}"


def test_lists_that_take_long_leave_threads_for_others(
    staff: SignedInUser, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    search, lists, refused, files = queries.search, [], [], []

    def slow(*asked: Any, **filters: Any) -> Any:
        lists.append(asked)
        if (answer := staff.api.get(PATH)).status_code != 200:
            refused.append(answer)
        return search(*asked, **filters)

    with monkeypatch.context() as patch:
        patch.setattr(queries, "search", slow)
        assert staff.api.get(PATH).status_code == 200

    [answer] = refused
    assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (503, "unavailable", "5")
    assert staff.api.get(PATH).status_code == 200
    with suppress(Busy):  # as many files are sent meanwhile as may be
        while True:
            files.append(File([], content_type="text/csv"))
    for file in files:
        file.close()
    assert files
    assert len(lists) + len(files) < settings.WEB_THREADS
