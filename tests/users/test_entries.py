"""Operators do not fill the admin's history, which is never deleted."""

from urllib.parse import urlencode

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.test import Client
from django.utils import timezone

from tests.support.accounts import SignedInUser
from tests.support.authenticator import PAGE, set_up, with_password
from tests.support.operators import PASSWORD, helper, operator, page_of
from users.clock import HOUR
from users.models import User
from users.operators import entries

pytestmark = pytest.mark.django_db
TOLD = "You have changed or viewed more than 2 objects within an hour. Try again later."


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries, "ENTRIES_AN_HOUR", 2)


def make_entries(user: User) -> None:
    LogEntry.objects.bulk_create(LogEntry(user=user, action_flag=CHANGE) for _ in range(2))


def disable(browser: Client, user: SignedInUser, reason: str = "Ticket 12.") -> str:
    return browser.post(page_of(user.profile.pk, "disable"), {"reason": reason}, follow=True).text


def test_operator_changes_nothing_for_an_hour_after_too_many_entries(
    boss: Client, alice: SignedInUser, bob: SignedInUser
) -> None:
    make_entries(User.objects.get(is_superuser=True))

    assert TOLD in disable(boss, alice)
    assert TOLD in boss.post("/admin/users/user/export/", follow=True).text
    assert LogEntry.objects.count() == 2 and User.objects.get(pk=alice.profile.pk).is_active

    assert TOLD not in disable(helper("view_user", "change_user"), bob), "another operator"
    LogEntry.objects.update(action_time=timezone.now() - HOUR)
    disable(boss, alice)
    assert not User.objects.get(pk=alice.profile.pk).is_active


def test_new_password_and_log_out_are_possible_then(boss: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries, "NEW_PASSWORDS_AN_HOUR", 1)
    user = User.objects.get(is_superuser=True)
    for _ in range(20):  # an action on many objects makes more than the limit
        make_entries(user)

    for old, new in (PASSWORD, "the second of three"), ("the second of three", "the last of three"):
        form = {"old_password": old, "new_password1": new, "new_password2": new}
        told = boss.post("/admin/password_change/", form, follow=True).text
    boss.post("/admin/logout/")

    user.refresh_from_db()
    assert user.check_password("the second of three")
    assert "You have set 1 new passwords within an hour. Try again later." in told
    assert boss.get("/admin/").status_code == 302


def test_what_operators_write_counts_as_no_new_password(
    boss: Client, alice: SignedInUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entries, "NEW_PASSWORDS_AN_HOUR", 1)
    monkeypatch.setattr(entries, "ENTRIES_AN_HOUR", 9)
    disable(boss, alice, "Changed their own password.")
    quoted = urlencode({"standing": '"told": "Changed their own password."'})
    boss.post(f"/admin/users/user/export/?{quoted}")
    assert LogEntry.objects.filter(change_message__contains='"Changed their own password."').exists()
    form = {"old_password": PASSWORD, "new_password1": "the second of two", "new_password2": "the second of two"}

    boss.post("/admin/password_change/", form)

    assert User.objects.get(is_superuser=True).check_password("the second of two")


def test_second_factor_is_not_changed_then() -> None:
    user = operator()
    browser = with_password()
    make_entries(user)

    assert TOLD in browser.post(PAGE, {"code": "123456"}, follow=True).text
    LogEntry.objects.update(action_time=timezone.now() - HOUR)
    assert set_up(browser)


def test_api_shows_no_more_full_phones_then(staff: SignedInUser, alice: SignedInUser) -> None:
    paths = ["/api/v1/profiles", f"/api/v1/profiles/{alice.profile.pk}"] * 2

    answers = [staff.api.get(path) for path in paths]

    assert [answer.status_code for answer in answers] == [200, 200, 429, 429]
    assert LogEntry.objects.count() == 2
    for refused in answers[2:]:
        assert refused.json()["code"] == "too_many_requests"
        assert 3590 < int(refused["Retry-After"]) <= 3600


def test_address_does_not_tell_who_has_no_permission_which_users_there_are(alice: SignedInUser) -> None:
    curious = helper()

    for number in (alice.profile.pk, 999_999_999):
        for page in ("disable", "diagnosis", "phone"):
            assert curious.post(page_of(number, page)).status_code == 403
