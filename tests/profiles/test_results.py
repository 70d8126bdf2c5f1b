"""Publishing results: what is in them, what never changes, and what a voter can check with the file alone."""

import gc
import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from profiles import activation, privacy, results, results_queries, voting
from profiles.models import Activation, Profile, Receipt, Result, VotingPeriod
from tests.support.accounts import SignedInUser, registered
from tests.support.checker import checked
from tests.support.many_users import crowd
from tests.support.operators import at_work, helper, logged, operator
from users import accounts, deadline
from users.queries import database_now

pytestmark = pytest.mark.django_db

VOTING, RESULTS, FILE = "/api/v1/voting", "/api/v1/results", "/api/v1/results/file"
PUBLISH = "/admin/profiles/votingperiod/publish/"


def close_and_publish() -> VotingPeriod:
    voting.change(None, database_now())
    return results.publish()


def downloaded(api: Any) -> bytes:
    return b"".join(api.get(FILE).streaming_content)


def test_there_are_no_results_before_they_are_published(api: Any) -> None:
    voting.change(None, database_now() + timedelta(hours=1))

    for path in (RESULTS, FILE):
        assert api.get(path).status_code == 404
        assert api.get(path).json()["code"] == "not_found"
    with pytest.raises(results.StillOpen):
        results.publish()
    assert api.get(VOTING).json()["results_published_at"] is api.get(VOTING).json()["results_sha256"] is None


@pytest.mark.parametrize("path", [FILE, "/api/v1/profiles/me/export"])
def test_large_responses_that_take_long_leave_threads_for_others(alice: SignedInUser, settings: Any, path: str) -> None:
    gc.collect()  # responses of other tests, which nobody read, leave their places
    close_and_publish()
    begun = [alice.api.get(path) for _ in range(settings.WEB_THREADS // 2)]

    refused = alice.api.get(path)
    read = [b"".join(one.streaming_content) for one in begun]

    assert (refused.status_code, refused.json()["code"], refused["Retry-After"]) == (503, "unavailable", "5")
    assert set(read) == {b"".join(alice.api.get(path).streaming_content)}


def test_results_are_pages_of_all_codes_with_votes(api: Any) -> None:
    first, second, third = (registered(f"999111000{number}") for number in range(3))
    crowd(60)
    voters = list(Profile.objects.exclude(pk__in=[first.pk, second.pk, third.pk]).order_by("pk"))
    for voter, inviter in zip(voters, [first, first, second, third, *voters[:53]], strict=False):
        activation.activate(voter.pk, inviter.invite_code)

    close_and_publish()
    page = api.get(RESULTS).json()
    following = api.get(page["next"]).json()
    listed = page["results"] + following["results"]

    assert following["next"] is None and api.get(following["previous"]).json()["results"] == page["results"]
    assert (len(listed), sum(row["votes"] for row in listed)) == (56, 57)
    assert listed[0] == {"place": 1, "invite_code": first.invite_code, "votes": 2}
    assert {row["place"] for row in listed[1:]} == {2}
    assert [row["invite_code"] for row in listed[1:]] == sorted(row["invite_code"] for row in listed[1:])
    assert api.get(f"{RESULTS}?cursor=x").json()["errors"][0]["field"] == "cursor"


def test_voter_finds_their_vote_with_file_and_checker_alone(
    api: Any, alice: SignedInUser, bob: SignedInUser, tmp_path: Path
) -> None:
    bob.activate(alice.code)
    nonce = bob.me()["receipt_nonce"]
    before = bob.me()["receipt"]
    published = close_and_publish()

    content = downloaded(api)
    told = api.get(VOTING).json()
    found = checked(tmp_path, content, told["results_sha256"], nonce, "+79991110002", alice.code)
    stranger = checked(tmp_path, content, told["results_sha256"], nonce, "+79991110001", alice.code)
    exchanged = checked(tmp_path, content, "0" * 64, nonce, "+79991110002", alice.code)

    assert before is None and alice.me()["receipt_nonce"] is None
    assert bob.me()["receipt"] in content.decode() and bob.me()["receipt_nonce"] == nonce
    assert told["results_sha256"] == hashlib.sha256(content).hexdigest() == published.results_sha256
    assert content.decode().splitlines()[0] == f"period,../{told['closes_at']}"
    assert (found.returncode, found.stderr) == (0, "")
    assert f"Your vote is counted for {alice.code}." in found.stdout
    assert told["results_sha256"] in found.stdout and f"     1. {alice.code} 1" in found.stdout
    assert stranger.returncode == 1 and "not counted" in stranger.stderr
    assert exchanged.returncode == 1 and "not the one given" in exchanged.stderr


def test_votes_outside_the_period_are_not_in_the_results(alice: SignedInUser, bob: SignedInUser) -> None:
    now = database_now()
    activation.activate(registered("9991110003").pk, alice.code)
    voting.change(database_now(), None)
    bob.activate(alice.code)
    voting.change(voting.period().opens_at, database_now())

    results.publish()

    assert Result.objects.values_list("place", "votes").get() == (1, 1)
    assert Activation.objects.filter(created_at__gte=now, receipt=None).count() == 1


def test_votes_of_disabled_users_and_for_erased_ones_count(alice: SignedInUser, bob: SignedInUser) -> None:
    bob.activate(alice.code)
    alice.activate(bob.code)
    code = alice.code
    accounts.disable(bob.profile.user)
    privacy.erase_by_operator(alice.profile.pk)

    close_and_publish()

    assert list(Result.objects.values_list("invite_code", "votes")) == [(code, 1)]


def test_old_votes_get_a_nonce_when_results_are_published(alice: SignedInUser, bob: SignedInUser) -> None:
    bob.activate(alice.code)
    Activation.objects.update(nonce=None)

    close_and_publish()

    assert len(bytes(Activation.objects.get().nonce or b"")) == 16
    assert Receipt.objects.count() == 1


def test_nonces_differ_and_receipts_do_not_refer_to_voters() -> None:
    inviter = registered("9991110001")
    crowd(20, inviter, database_now())

    close_and_publish()

    nonces = {bytes(nonce) for nonce in Activation.objects.values_list("nonce", flat=True)}
    assert (len(nonces), Receipt.objects.count()) == (20, 20)
    assert {field.name for field in Receipt._meta.get_fields()} == {"pk", "invite_code", "receipt"}


def test_releases_and_erasures_do_not_change_published_results(
    api: Any, alice: SignedInUser, bob: SignedInUser
) -> None:
    carol = registered("9991110003")
    bob.activate(alice.code)
    activation.activate(carol.pk, alice.code)
    close_and_publish()
    before = downloaded(api), api.get(RESULTS).content

    activation.release(bob.profile.pk)
    privacy.erase_by_operator(carol.pk)
    privacy.erase_by_operator(alice.profile.pk)

    assert (downloaded(api), api.get(RESULTS).content) == before
    assert (bob.me()["receipt_nonce"], bob.me()["receipt"]) == (None, None)
    assert not Activation.objects.exists()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE profiles_result SET votes = votes + 1",
        "INSERT INTO profiles_result (place, invite_code, votes) VALUES (1, 'AAAAAA', 1)",
        "DELETE FROM profiles_receipt",
        "INSERT INTO profiles_receipt (invite_code, receipt) VALUES ('AAAAAA', '')",
        "UPDATE profiles_votingperiod SET results_published_at = NULL",
        "TRUNCATE profiles_receipt, profiles_result",
        "UPDATE profiles_votingperiod SET closes_at = now() + interval '1 day'",
        "DELETE FROM profiles_votingperiod",
    ],
)
def test_database_refuses_changes_of_published_results(statement: str) -> None:
    close_and_publish()

    with pytest.raises(IntegrityError, match="never change"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_nothing_is_published_twice_or_opened_again() -> None:
    close_and_publish()

    with pytest.raises(voting.ResultsPublished):
        results.publish()
    with pytest.raises(voting.ResultsPublished):
        voting.change(None, None)


def test_superuser_publishes_in_the_admin_with_a_reason(alice: SignedInUser, bob: SignedInUser) -> None:
    bob.activate(alice.code)
    browser = at_work(operator(is_superuser=True))
    early = browser.post(PUBLISH, {"reason": "as announced", "sure": "on"}, follow=True).content.decode()
    assert "No end is set yet." in browser.get(PUBLISH).text
    closes_at = database_now() + timedelta(hours=1)
    voting.change(None, closes_at)
    waiting = browser.get(PUBLISH).text
    voting.change(None, database_now())

    unsure = browser.post(PUBLISH, {"reason": "as announced"})
    done = browser.post(PUBLISH, {"reason": "as announced", "sure": "on"}, follow=True).content.decode()
    again = browser.post(PUBLISH, {"reason": "as announced", "sure": "on"}, follow=True).content.decode()

    assert f"when voting has ended: {closes_at:%F %T}, UTC." in waiting and 'name="reason"' not in waiting
    assert 'name="reason"' not in browser.get(PUBLISH).text
    assert "when voting has ended" in early and unsure.status_code == 200
    sha256 = voting.period().results_sha256
    assert "The results are published." in done and sha256 in done and 'name="_save"' not in done
    assert "cannot change any more" in again
    assert logged() == [f"Published the results. SHA-256 of the file: {sha256}. Reason: as announced"]
    listed = browser.get("/admin/profiles/result/").content.decode()
    exported = b"".join(browser.post("/admin/profiles/result/export/", {"format": "csv"}).streaming_content).decode()
    assert alice.code in listed and f"1,{alice.code},1" in exported


def test_others_do_not_publish() -> None:
    voting.change(None, database_now())
    browser = helper("view_votingperiod", "change_votingperiod", "view_result")

    assert browser.get(PUBLISH).status_code == browser.post(PUBLISH, {"reason": "x", "sure": "on"}).status_code == 403
    assert voting.period().results_published_at is None


def test_publishing_may_take_longer_than_other_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    def store(*period: Any) -> int:
        limits.append(deadline.seconds())
        return 0

    limits: list[float | None] = []
    monkeypatch.setattr(results_queries, "store", store)
    voting.change(None, database_now())
    browser = at_work(operator(is_superuser=True))

    with deadline.within(deadline.SECONDS):
        browser.post(PUBLISH, {"reason": "as announced", "sure": "on"})

    assert limits == [None]
