"""Votes in parallel with the end of voting: votes under way, threads, two processes."""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import OperationalError, connection

from profiles import activation, privacy, results, voting
from profiles.models import Activation, Profile, Receipt, VotingPeriod
from tests.profiles.test_activation_races import assert_counts_are_exact
from tests.support.accounts import registered
from tests.support.backups import another_session, database_variables
from tests.support.many_users import crowd
from tests.support.operators import helper
from tests.support.races import race
from users.queries import database_now

pytestmark = pytest.mark.django_db(transaction=True)

_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


def wait_until(session: psycopg.Connection, number: int) -> None:
    """Return when as many sessions wait for a lock."""
    deadline = time.monotonic() + 30
    while session.execute(_WAITING).fetchone() != (number,):
        assert time.monotonic() < deadline
        session.rollback()  # the next look is at the activity of that time
    session.rollback()


def test_vote_under_way_counts_and_one_behind_the_change_does_not() -> None:
    early, late, popular, other = (registered(f"999111000{number}") for number in range(4))
    past = database_now()

    with another_session() as held, another_session() as watching, ThreadPoolExecutor(3) as pool:
        held.execute("SELECT FROM profiles_profile WHERE user_id = %s FOR UPDATE", [popular.pk])

        def started(number: int, *call: Any) -> Any:
            """The call in a thread of its own, when it waits as the last of this number."""
            running = pool.submit(race, [partial(*call)])
            wait_until(watching, number)
            return running

        given = started(1, activation.activate, early.pk, popular.invite_code)
        changed = started(2, voting.change, None, past)
        refused = started(3, activation.activate, late.pk, other.invite_code)
        held.rollback()

        assert given.result() == [None]
        assert changed.result()[0].closes_at == past
        assert isinstance(refused.result()[0], voting.VotingClosed)
    assert Activation.objects.get().invitee_id == early.pk


@pytest.fixture
def published_here(transactional_db: None) -> Iterator[None]:
    """A test that publishes results: Django empties the tables after it, which their triggers would refuse."""
    yield
    with connection.cursor() as cursor:
        for table in ("profiles_votingperiod", "profiles_result", "profiles_receipt"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            cursor.execute(f"TRUNCATE {table}")
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


@pytest.mark.usefixtures("published_here")
def test_votes_do_not_wait_for_results_and_one_of_two_operators_publishes_them() -> None:
    voter, late, inviter = (registered(f"999111000{number}") for number in range(3))
    activation.activate(voter.pk, inviter.invite_code)
    voting.change(None, database_now())

    with another_session() as held, another_session() as watching, ThreadPoolExecutor(2) as pool:
        held.execute("SELECT FROM profiles_activation FOR UPDATE")
        publishing = [pool.submit(race, [results.publish])]
        wait_until(watching, 1)
        publishing.append(pool.submit(race, [results.publish]))
        wait_until(watching, 2)
        with pytest.raises(voting.VotingClosed):
            activation.activate(late.pk, inviter.invite_code)
        held.rollback()

        outcomes = [type(one.result()[0]) for one in publishing]

    assert outcomes == [VotingPeriod, voting.ResultsPublished]
    assert Receipt.objects.count() == 1


@pytest.mark.usefixtures("published_here")
def test_results_have_every_accepted_vote_if_the_clock_is_set_back_while_they_are_made() -> None:
    voter, late, inviter = (registered(f"999111000{number}") for number in range(3))
    activation.activate(voter.pk, inviter.invite_code)
    closes_at = voting.change(None, database_now()).closes_at
    assert closes_at

    with another_session() as held, another_session() as watching, ThreadPoolExecutor(1) as pool:
        held.execute("SELECT FROM profiles_activation FOR UPDATE")
        publishing = pool.submit(race, [results.publish])
        wait_until(watching, 1)
        activation.activate(late.pk, inviter.invite_code, now=closes_at - timedelta(microseconds=1))
        held.rollback()

        assert isinstance(publishing.result()[0], results.StillOpen)

    assert not Receipt.objects.exists()
    assert results.publish().results_published_at and Receipt.objects.count() == 2


def test_erasure_does_not_wait_while_results_are_published() -> None:
    voter, inviter = registered("9991110001"), registered("9991110002")
    activation.activate(voter.pk, inviter.invite_code)

    with another_session() as publishing:
        publishing.execute("SELECT FROM profiles_activation FOR NO KEY UPDATE")
        began = time.monotonic()
        with pytest.raises(OperationalError):
            privacy.erase_by_operator(voter.pk)
        assert time.monotonic() - began < 1  # lock_timeout is two seconds
        publishing.rollback()

    assert privacy.erase_by_operator(voter.pk)
    assert_counts_are_exact()


def test_form_of_the_period_does_not_wait_while_results_are_published() -> None:
    """Each that waited would hold a thread, and behind others for so long that the database is taken for silent."""
    browser, page = helper("view_votingperiod", "change_votingperiod"), "/admin/profiles/votingperiod/1/change/"
    voting.change(None, database_now())

    with another_session() as publishing:
        publishing.execute("SELECT FROM profiles_votingperiod FOR UPDATE")
        began = time.monotonic()
        told = browser.post(page, {"reason": "Sooner."}, follow=True).text
        assert time.monotonic() - began < 1  # lock_timeout is two seconds
        publishing.rollback()

    assert "Nothing was changed" in told


@pytest.mark.long
def test_two_processes_vote_until_the_closing_instant() -> None:
    inviter = registered("9991110001")
    crowd(200)
    voters = [str(pk) for pk in Profile.objects.exclude(pk=inviter.pk).values_list("pk", flat=True)]
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.support.vote_until_closed", inviter.invite_code, *some],
            cwd=settings.BASE_DIR,
            env={**os.environ, **database_variables(), "DJANGO_SETTINGS_MODULE": "inviting_app.settings"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for some in (voters[::2], voters[1::2])
    ]
    for process in processes:
        assert process.stdout and process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    while Activation.objects.count() < 20:
        assert all(process.poll() is None for process in processes)
    closes_at = database_now() + timedelta(milliseconds=20)
    voting.change(None, closes_at)
    exact_from = max(closes_at, database_now())  # votes that the change waited for count by the period before
    outcomes = Counter(line for process in processes for line in process.communicate()[0].split())

    assert outcomes["counted"] + outcomes["closed"] == 200
    assert min(outcomes["counted"] - 20, outcomes["closed"]) > 0
    assert Activation.objects.count() == outcomes["counted"]
    assert not Activation.objects.filter(created_at__gte=exact_from).exists()
    assert_counts_are_exact()
