"""The admin's page of a user: votes, devices, SMS, and cycles of votes."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from profiles import activation, queries
from profiles.models import Profile
from tests.support.accounts import SignedInUser, registered
from tests.support.admin_actions import act
from tests.support.many_users import crowd
from tests.support.operators import at_work, helper, operator, page_of
from users.admin import user_state
from users.models import Device, SmsDelivery, User

pytestmark = pytest.mark.django_db
SEES_ALL = ("view_user", "view_profile", "view_activation", "view_device", "view_smsdelivery")
SECTIONS = ["Invite code and vote", "SMS deliveries", "Devices", "Votes for this user"]
MUTUAL = "Mutual votes"


@pytest.fixture
def support(db: None) -> Client:
    return helper(*SEES_ALL)


def sections(browser: Client, person: int, query: str = "") -> dict[str, str]:
    """What the page shows under each heading, as HTML."""
    page = browser.get(f"{page_of(person)}{query}").content.decode()
    return dict(re.findall(r'<div class="module"[^>]*>\s*<h2>(.+?)</h2>(.*?)</div>', page, re.DOTALL))


def rows(section: str) -> list[list[str]]:
    """The cells of its table, as HTML."""
    return [
        cells
        for row in re.findall("<tr>(.*?)</tr>", section, re.DOTALL)
        if (cells := re.findall("<td[^>]*>(.*?)</td>", row))
    ]


def text(html: str) -> str:
    return re.sub("<[^>]*>", "", html)


def ring_of(size: int) -> list[int]:
    """Users who form a cycle: each activated the code of the next, and the last that of the first."""
    members = [registered(f"99940000{n:02}") for n in range(size)]
    for n, member in enumerate(members):
        activation.activate(member.pk, members[(n + 1) % size].invite_code)
    return [member.pk for member in members]


def test_page_shows_votes_devices_and_sms(
    support: Client, alice: SignedInUser, bob: SignedInUser, charlie: SignedInUser
) -> None:
    alice.activate(bob.code)
    bob.activate(charlie.code)
    delivery = SmsDelivery.objects.get(login_code__user=bob.profile.user)

    found = sections(support, bob.profile.pk)

    assert list(found) == SECTIONS
    first = {title: rows(section)[0] for title, section in found.items()}
    assert [text(cell) for cell in first["Invite code and vote"]][:2] == [bob.code, "1"]
    assert text(first["Invite code and vote"][2]).startswith(f"{charlie.code}, +7***0003, 20")
    assert page_of(charlie.profile.pk) in first["Invite code and vote"][2]
    assert [text(cell) for cell in first["Votes for this user"]][:2] == ["+7***0001", alice.code]
    assert page_of(alice.profile.pk) in first["Votes for this user"][0]
    assert f"/users/device/{Device.objects.get(user=bob.profile.user).pk}/" in first["Devices"][0]
    assert f"/users/smsdelivery/{delivery.pk}/" in first["SMS deliveries"][0]
    assert "The last code arrived and was used" in found["SMS deliveries"]  # in words
    del found["SMS deliveries"]
    assert not re.findall("warning|paginator|help", "".join(found.values()))


def test_page_says_why_the_user_is_disabled(support: Client, alice: SignedInUser) -> None:
    boss = at_work(operator(is_superuser=True))
    boss.post(page_of(alice.profile.pk, "disable"), {"reason": "Sells votes."})

    done = sections(support, alice.profile.pk)["Last actions of operators"]

    assert "+7***9998" in done and "Disabled the user. Reason: Sells votes." in done


def test_reason_that_quotes_a_sentence_of_the_history_is_not_taken_for_it(alice: SignedInUser) -> None:
    boss = at_work(operator(is_superuser=True))
    act(boss, "disable", alice.profile, reason="Sells votes.")
    act(boss, "new-code", alice.profile, reason="Disabled the user.")

    state = user_state.disabled(User.objects.get(pk=alice.profile.pk))

    assert state and state.reason == "Sells votes."


def test_sections_need_their_permissions(alice: SignedInUser) -> None:
    for permission, title in (("view_activation", "Votes for this user"), ("view_device", "Devices")):
        browser = at_work(operator(f"99911199{len(title)}", "view_user", permission))

        shown = sections(browser, alice.profile.pk)

        assert title in shown
        assert len(shown) == (2 if permission == "view_activation" else 1)


def test_profiles_tell_of_votes_only_who_may_see_them(alice: SignedInUser, bob: SignedInUser) -> None:
    activation.activate(alice.profile.pk, bob.code)
    path = "/admin/profiles/profile/"
    seen: list[Any] = []
    for number, permissions in enumerate((["view_profile"], ["view_profile", "view_activation"])):
        browser = at_work(operator(f"999111980{number}", *permissions))
        export = browser.post(f"{path}export/", {"format": "csv"})
        pages = [browser.get(path).text, browser.get(f"{path}{alice.profile.pk}/change/").text]
        pages.append(b"".join(export.streaming_content).decode())  # type: ignore[attr-defined]
        seen.append(["voted for" in page.lower() for page in pages])
        seen.append([page.count(bob.code) for page in pages])
        seen.append(["has_activated" in pages[0], browser.get(f"{path}?has_activated=1").status_code])

    assert seen == [[False] * 3, [1, 0, 1], [False, 302], [True] * 3, [2, 1, 2], [True, 200]]


def test_history_tells_only_who_may_see_votes_for_whom_one_was(alice: SignedInUser, bob: SignedInUser) -> None:
    activation.activate(alice.profile.pk, bob.code)
    act(helper("view_user", "change_user"), "release-vote", alice.profile)
    seen: list[Any] = []
    for number, permission in enumerate(("view_profile", "view_activation", "change_user")):
        browser = at_work(operator(f"999111980{number}", "view_user", permission))
        pages = [browser.get(page_of(alice.profile.pk, name)).text for name in ("change", "history")]
        seen.append(["Released the vote for" in page for page in pages])
        seen.append([f"for {bob.profile.user}" in page for page in pages])

    assert seen == [[True] * 2, [False] * 2] + [[True] * 2] * 4


def test_voters_are_paged_newest_first(support: Client) -> None:
    """Many votes have the same time. None is left out, and none is shown twice."""
    celebrity = registered("9991110001")
    phones = crowd(120, celebrity)
    pages, query = [], ""

    while query or not pages:
        shown = sections(support, celebrity.pk, query)["Votes for this user"]
        pages.append([text(row[0]) for row in rows(shown)])
        older = re.search('<a href="([^"]+)">Older votes', shown)
        query = older[1] if older else ""

    assert [len(page) for page in pages] == [50, 50, 20]
    assert [row for page in pages for row in page] == [f"+7***{phone[-4:]}" for phone in reversed(phones)]


@pytest.mark.parametrize("cursor", ["", "x", "1-", "9" * 18, "9" * 19, "1", "²", "%00"])
def test_foreign_cursor_is_no_error(support: Client, alice: SignedInUser, cursor: str) -> None:
    assert "Votes for this user" in sections(support, alice.profile.pk, f"?votes_before={cursor}")


def test_page_costs_the_same_for_a_popular_inviter(support: Client, alice: SignedInUser) -> None:
    crowd(60, alice.profile)
    counts = []

    for person in (User.objects.get(phone="+79993000001").pk, alice.profile.pk):
        with CaptureQueriesContext(connection) as queries:
            sections(support, person)
        counts.append(len(queries))

    assert counts[1] <= counts[0]


def test_only_newest_devices_are_shown_with_a_note(support: Client, alice: SignedInUser) -> None:
    first = Device.objects.get()
    Device.objects.bulk_create(
        Device(user=first.user, created_at=at, signed_in_at=at, refreshed_at=at, session_id=f"{n:032}",
               refresh_jti=first.refresh_jti, trust_nonce=b"")
        for n, at in enumerate([first.signed_in_at] * 50)
    )  # fmt: skip

    shown = sections(support, alice.profile.pk)["Devices"]

    assert len(rows(shown)) == 50
    assert "Only the newest 50 are shown." in shown


def test_mutual_votes_are_flagged(
    support: Client, alice: SignedInUser, bob: SignedInUser, charlie: SignedInUser
) -> None:
    alice.activate(bob.code)
    bob.activate(alice.code)
    charlie.activate(bob.code)

    shown = sections(support, alice.profile.pk)["Invite code and vote"]

    assert f"{MUTUAL}: +7***0001 → +7***0002 → +7***0001" in text(shown)
    assert "if one person has all these numbers, tell a superuser." in text(shown)
    boss = at_work(operator(is_superuser=True))
    assert "release their votes." in sections(boss, alice.profile.pk)["Invite code and vote"]
    assert page_of(bob.profile.pk) in shown
    assert "warning" not in sections(support, charlie.profile.pk)["Invite code and vote"]


def test_cycle_is_shown_for_each_member() -> None:
    members = ring_of(4)
    fan = registered("9991110001")
    activation.activate(fan.pk, Profile.objects.get(pk=members[0]).invite_code)

    assert queries.cycles_through([*members, fan.pk]) == {
        one: members[n:] + members[:n] for n, one in enumerate(members)
    }
    assert queries.cycles_through([fan.pk]) == queries.cycles_through([]) == {}


@pytest.mark.parametrize(
    ("size", "found"), [(queries.LONGEST_CYCLE, queries.LONGEST_CYCLE), (queries.LONGEST_CYCLE + 1, 0)]
)
def test_longer_cycles_are_not_searched(size: int, found: int) -> None:
    members = ring_of(size)

    assert len(queries.cycles_through(members)) == found


def test_list_of_profiles_flags_cycles_and_links_to_users(support: Client, alice: SignedInUser) -> None:
    members = ring_of(3)

    page = support.get("/admin/profiles/profile/").content.decode()

    assert page.count("Cycle of 3 votes") == 3
    assert all(page_of(person) in page for person in (*members, alice.profile.pk))


def test_profile_shows_its_cycle_and_links_to_the_user(support: Client) -> None:
    person, _other = ring_of(2)

    page = support.get(f"/admin/profiles/profile/{person}/change/").content.decode()

    assert MUTUAL in page
    assert page_of(person) in page


def test_users_are_ranked_by_votes(support: Client, alice: SignedInUser, bob: SignedInUser) -> None:
    alice.activate(bob.code)
    registered("9991110003")  # newer
    (address, words), *_ = support.get("/admin/users/user/").context["links"]

    profiles = support.get(address).context["cl"].result_list

    assert words == "Rank by votes"
    assert profiles[0].invite_code == bob.code
    assert not at_work(operator("9991119990", "view_user")).get("/admin/users/user/").context["links"]
