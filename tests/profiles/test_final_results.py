"""Published results never change: PostgreSQL refuses what began before they were published, too."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import psycopg
import pytest
from django.db import OperationalError, connection, transaction

from profiles import activation, results, voting
from profiles.models import Activation, Profile, Result
from tests.profiles.test_voting_races import published_here, wait_until
from tests.support.accounts import registered
from tests.support.backups import another_session
from tests.support.races import race
from users.queries import database_now

__all__ = ["published_here"]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("published_here", "closed_voting")]

FORGERIES = [
    "INSERT INTO profiles_receipt (invite_code, receipt) VALUES ('ZZZZZZ', sha256(''))",
    "INSERT INTO profiles_result (id, place, invite_code, votes) VALUES (99, 1, 'ZZZZZZ', 99)",
]
REOPENING = "UPDATE profiles_votingperiod SET results_published_at = NULL, closes_at = NULL"


@pytest.fixture
def closed_voting(transactional_db: None) -> None:
    """A vote was given, and voting is over."""
    voter, inviter = (registered(f"999111000{number}") for number in range(2))
    activation.activate(voter.pk, inviter.invite_code)
    voting.change(None, database_now())


@pytest.fixture
def impatient(transactional_db: None) -> Iterator[None]:
    """Statements of this session wait for a lock for a moment only."""
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '20ms'")
    yield
    connection.close()


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("forgery", FORGERIES)
def test_results_are_not_published_while_a_forger_has_not_committed(forgery: str) -> None:
    with another_session() as forger:
        forger.execute(forgery)

        with pytest.raises(OperationalError):
            results.publish()
        forger.rollback()
    assert results.publish().results_published_at


@pytest.mark.parametrize("forgery", [*FORGERIES, REOPENING])
def test_transaction_that_saw_no_results_cannot_change_them(forgery: str) -> None:
    with another_session() as forger:
        forger.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        forger.execute("SELECT FROM profiles_votingperiod")
        published = results.publish()

        with pytest.raises(psycopg.Error):
            forger.execute(forgery)
    assert voting.period().results_published_at == published.results_published_at


@pytest.mark.parametrize("forgery", [*FORGERIES, REOPENING])
def test_change_that_waits_for_the_publication_is_refused(forgery: str) -> None:
    with another_session() as forger, another_session() as watching, ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            results.publish()
            waiting = pool.submit(forger.execute, forgery)
            wait_until(watching, 1)

        with pytest.raises(psycopg.errors.RestrictViolation):
            waiting.result()
    assert voting.period().results_published_at


@pytest.mark.parametrize("forgery", FORGERIES)
def test_without_a_voting_period_there_are_no_results(forgery: str) -> None:
    with another_session() as forger:
        forger.execute("DELETE FROM profiles_votingperiod")

        with pytest.raises(psycopg.errors.RestrictViolation):
            forger.execute(forgery)


@pytest.mark.parametrize("change", ["UPDATE profiles_result SET votes = 0", "DELETE FROM profiles_receipt"])
def test_without_a_voting_period_no_line_is_changed(change: str) -> None:
    with another_session() as forger:
        for forgery in FORGERIES:
            forger.execute(forgery)
        forger.execute("DELETE FROM profiles_votingperiod")

        with pytest.raises(psycopg.errors.RestrictViolation):
            forger.execute(change)


# It waits for the advisory lock with this number after the triggers of a statement have looked.
LATE_REOPENING = """
INSERT INTO profiles_votingperiod (id, results_period, results_sha256)
SELECT 1, '', '' FROM (SELECT pg_advisory_xact_lock(77)) AS waiting
    ON CONFLICT (id) DO UPDATE SET results_published_at = NULL, closes_at = NULL
"""


def test_statement_from_before_there_was_a_period_cannot_reopen_it() -> None:
    with another_session() as forger, another_session() as holder, another_session() as watching:
        forger.execute("DELETE FROM profiles_votingperiod")
        forger.commit()
        holder.execute("SELECT pg_advisory_xact_lock(77)")
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(forger.execute, LATE_REOPENING)
            wait_until(watching, 1)
            voting.change(None, database_now())
            published = results.publish()
            holder.rollback()

            with pytest.raises(psycopg.errors.RestrictViolation):
                waiting.result()
    assert voting.period().results_published_at == published.results_published_at


@pytest.mark.parametrize("forgery", FORGERIES)
def test_lines_of_no_vote_that_were_stored_before_are_not_published(forgery: str) -> None:
    shown, leading = results.preview(voting.period())
    with connection.cursor() as cursor:
        cursor.execute(forgery)
        cursor.execute("UPDATE profiles_activation SET created_at = now() + interval '1 day', receipt = sha256('')")

    with pytest.raises(results.NotPublished):
        results.published()
    results.publish()

    assert (shown, [line["votes"] for line in leading]) == (1, [1])
    assert not results.published().exists()  # the only vote is late now
    assert "ZZZZZZ" not in "".join(results.file()[0])
    assert Activation.objects.get().receipt is None


def test_published_codes_are_not_replaced_meanwhile() -> None:
    """Nor does an operator wait for the publication, which takes a minute: each that waits would hold a thread."""
    inviter = Profile.objects.get(invitations_count=1)

    with another_session() as held, another_session() as watching, ThreadPoolExecutor(2) as pool:
        held.execute("SELECT FROM profiles_activation FOR UPDATE")
        publishing = pool.submit(race, [results.publish])
        wait_until(watching, 1)
        replacing = pool.submit(race, [partial(activation.replace_invite_code, inviter.pk)])
        [refused] = replacing.result(timeout=10)
        held.rollback()

        assert isinstance(refused, OperationalError)
        [published] = publishing.result()
        assert published.results_published_at

    inviter.refresh_from_db()
    assert activation.replace_invite_code(inviter.pk) is None
    assert Result.objects.get().invite_code == inviter.invite_code
