"""The history of an object is in the language and the time zone of the operator who reads it, whoever wrote it."""

from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.test import Client
from django.utils import translation

from tests.support.accounts import SignedInUser
from tests.support.operators import at_work, helper, logged, operator

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss(db: None) -> Client:
    return at_work(operator(is_superuser=True))


def test_what_one_operator_did_is_read_in_the_language_of_another(boss: Client, alice: SignedInUser) -> None:
    page = f"/admin/users/user/{alice.profile.pk}"
    boss.post(f"{page}/disable/", {"reason": "Ticket 12."}, headers={"accept-language": "ru"})

    shown = boss.get(f"{page}/history/", headers={"accept-language": "ru"}).content.decode()

    assert "Пользователь отключён. Причина: Ticket 12." in shown
    with translation.override("en"):
        assert logged() == ["Disabled the user. Reason: Ticket 12."]


def test_names_of_fields_and_groups_are_translated(boss: Client, alice: SignedInUser) -> None:
    page = f"/admin/users/user/{alice.profile.pk}"
    boss.post(f"{page}/change/", {"is_staff": "on"}, headers={"accept-language": "ru"})

    shown = boss.get(f"{page}/history/", headers={"accept-language": "ru"}).content.decode()

    with translation.override("en"):
        assert logged() == ["Operator: yes."]
    assert "Оператор: да." in shown


def test_history_does_not_tell_who_has_no_permission_what_there_is(alice: SignedInUser) -> None:
    curious = helper()

    for number in (alice.profile.pk, 999_999_999):
        assert curious.get(f"/admin/users/user/{number}/history/").status_code == 403


def test_times_of_earlier_messages_are_in_the_zone_of_the_service(
    boss: Client, alice: SignedInUser, settings: Any
) -> None:
    settings.TIME_ZONE = "Europe/Moscow"
    old = "Voting opens: 2030-03-01T12:00:00+00:00; closes: —. Reason: as announced"
    LogEntry.objects.log_actions(alice.profile.pk, [alice.profile.user], CHANGE, old)

    assert logged() == ["Voting opens: 2030-03-01 15:00:00; closes: —. Reason: as announced"]


@pytest.mark.parametrize("time", ["2026-99-99T99:99:99+00:00", "0001-01-01T00:00:00+23:59"])
def test_filter_of_an_export_that_looks_like_a_time_leaves_the_home_page_readable(boss: Client, time: str) -> None:
    written = {"has_activated": time}
    exported: Any = boss.post("/admin/profiles/profile/export/", {"format": "csv"}, query_params=written)
    b"".join(exported.streaming_content)

    assert time in boss.get("/admin/").text


def test_history_begins_with_the_newest_entry(boss: Client, alice: SignedInUser) -> None:
    page = f"/admin/users/user/{alice.profile.pk}"
    boss.post(f"{page}/disable/", {"reason": "Ticket 12."})
    boss.post(f"{page}/enable/", {"reason": "Ticket 13."})

    shown = boss.get(f"{page}/history/").text

    assert 0 < shown.index("Ticket 13.") < shown.index("Ticket 12.")
