"""The voting period: what it refuses, at which instant, and who may read and change it."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import IntegrityError, connection, transaction
from django.test import Client

from profiles import activation, voting
from profiles.models import Activation, FailedActivation, VotingPeriod
from tests.support.accounts import SignedInUser, client, registered
from tests.support.many_users import nobodys_code
from tests.support.operators import at_work, helper, logged, operator
from users.queries import database_now

pytestmark = pytest.mark.django_db

PAGE = "/admin/profiles/votingperiod/1/change/"
SECOND, INSTANT = timedelta(seconds=1), timedelta(microseconds=1)
NOON = datetime.fromisoformat("2030-03-01T12:00:00Z")


def counts(now: datetime) -> bool:
    """Whether a vote at this time counts."""
    voter, inviter = registered("9991110001"), registered("9991110002")
    with transaction.atomic():
        try:
            activation.activate(voter.pk, inviter.invite_code, now=now)
        except voting.VotingClosed:
            return False
        assert Activation.objects.get().created_at == now
        transaction.set_rollback(True)
    return True


@pytest.mark.parametrize(
    ("opens", "closes", "now", "expected"),
    [
        (None, None, NOON, True),
        (NOON, None, NOON - INSTANT, False),
        (NOON, None, NOON, True),
        (None, NOON, NOON - INSTANT, True),
        (None, NOON, NOON, False),
        (NOON, NOON + INSTANT, NOON, True),
        (NOON, NOON + INSTANT, NOON + INSTANT, False),
    ],
)
def test_period_is_exact(opens: Any, closes: Any, now: datetime, expected: bool) -> None:
    voting.change(opens, closes)

    assert counts(now) is expected


def test_activation_outside_the_period_is_refused_with_both_times(alice: SignedInUser, bob: SignedInUser) -> None:
    past = database_now() - SECOND
    voting.change(None, past)

    answers = [bob.activate(code) for code in (alice.code, bob.code, nobodys_code())]

    assert {answer.status_code for answer in answers} == {409}
    assert {answer.json()["code"] for answer in answers} == {"voting_closed"}
    told = answers[0].json()
    assert (told["opens_at"], datetime.fromisoformat(told["closes_at"])) == (None, past)
    assert not Activation.objects.exists() and not FailedActivation.objects.exists()
    assert bob.activate("").json()["code"] == "invalid"


def test_no_vote_is_accepted_after_the_results_by_a_clock_that_was_set_back(
    api: Any, alice: SignedInUser, bob: SignedInUser
) -> None:
    closes_at = database_now() + SECOND * 60
    published = {"results_published_at": closes_at + SECOND, "results_sha256": "0" * 64}
    VotingPeriod.objects.create(closes_at=closes_at, **published)

    assert bob.activate(alice.code).json()["code"] == "voting_closed"
    assert api.get("/api/v1/voting").json()["open"] is False
    assert not Activation.objects.exists()


def test_refusal_is_in_the_language_of_the_request(alice: SignedInUser, bob: SignedInUser) -> None:
    voting.change(database_now() + SECOND * 60, None)

    answer = bob.api.post(
        "/api/v1/profiles/me", {"activated_invite": alice.code}, headers={"Accept-Language": "ru"}
    ).json()

    assert answer["detail"] == "Сейчас голосование не идёт."


def test_anyone_reads_the_period(api: Any) -> None:
    before = api.get("/api/v1/voting")
    voting.change(NOON, NOON + SECOND)
    after = client(HTTP_AUTHORIZATION="Bearer stale").get("/api/v1/voting/")

    none = {"results_published_at": None, "results_sha256": None}
    assert before.json() == {"opens_at": None, "closes_at": None, "open": True, **none}
    assert after.status_code == 200
    times = {"opens_at": "2030-03-01T12:00:00Z", "closes_at": "2030-03-01T12:00:01Z"}
    assert after.json() == {**times, "open": False, **none}


@pytest.mark.parametrize(
    ("columns", "refused"),
    [
        ("(id) VALUES (2)", "profiles_votingperiod_one_row"),
        ("(opens_at, closes_at) VALUES (now(), now())", "profiles_votingperiod_closes_after_opening"),
        ("DEFAULT VALUES", "profiles_votingperiod_pkey"),
    ],
)
def test_database_refuses_other_periods(columns: str, refused: str) -> None:
    voting.change(None, None)

    with pytest.raises(IntegrityError, match=refused), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO profiles_votingperiod {columns}")


def form(**fields: str) -> dict[str, str]:
    return {"opens_at": "2030-03-01T12:00", "closes_at": "", "reason": "as announced", **fields}


def test_operator_changes_the_period_with_a_reason() -> None:
    browser = helper("view_votingperiod", "change_votingperiod")

    shown = browser.get("/admin/profiles/votingperiod/", follow=True)
    refused = browser.post(PAGE, form(reason=" ", closes_at="2030-03-02T12:00"))
    wrong = browser.post(PAGE, form(closes_at="2030-03-01T12:00"))
    unchanged = voting.period()
    done = browser.post(PAGE, form(), follow=True)

    assert "Voting is open." in (page := shown.content.decode())
    assert re.findall('type="datetime-local" name="(.+?)"', page) == ["opens_at", "closes_at"]
    assert refused.context["adminform"].form.errors.keys() == {"reason"}
    assert "No end is set yet." in refused.text
    assert "must end after it begins" in wrong.content.decode()
    assert unchanged.opens_at is None
    assert "Voting begins at 2030-03-01 12:00" in done.content.decode()
    assert (voting.period().opens_at, voting.period().closes_at) == (NOON, None)
    assert logged() == ["Voting opens: 2030-03-01 12:00:00; closes: —. Reason: as announced"]
    assert LogEntry.objects.get().get_edited_object() == VotingPeriod.objects.get()
    assert "as announced" in browser.get(PAGE.replace("change", "history")).content.decode()


def test_period_that_is_not_changed_is_not_in_the_history() -> None:
    browser = helper("view_votingperiod", "change_votingperiod")
    browser.post(PAGE, form())

    refused = browser.post(PAGE, form(reason="again"))

    assert "Nothing is changed" in refused.text
    assert len(logged()) == 1


def test_history_of_the_period_is_only_read() -> None:
    history = PAGE.replace("change", "history")

    assert helper("view_votingperiod", "change_votingperiod").post(history).status_code == 200
    assert not VotingPeriod.objects.exists()


@pytest.mark.parametrize("time", ["9999-12-31T23:59:59", "0001-01-01T00:00"])
def test_time_that_some_time_zone_does_not_have_is_refused(settings: Any, time: str) -> None:
    """In New York, the first would be stored as one of the year 10000, which neither the page nor a vote can read."""
    settings.TIME_ZONE = "America/New_York"
    browser = helper("view_votingperiod", "change_votingperiod")

    refused = browser.post(PAGE, form(opens_at="", closes_at=time))

    assert refused.context["adminform"].form.errors.keys() == {"closes_at"}
    assert voting.period().closes_at is None


@pytest.mark.parametrize(("permissions", "status"), [(("view_votingperiod",), 403), (("view_user",), 403), ((), 403)])
def test_others_do_not_change_the_period(permissions: tuple[str, ...], status: int) -> None:
    browser = at_work(operator("9991119997", *permissions))

    assert browser.post(PAGE, form()).status_code == status
    assert browser.get(PAGE).status_code == (200 if "view_votingperiod" in permissions else 403)
    assert Client().post(PAGE, form()).status_code == 302
    assert not VotingPeriod.objects.exists()
