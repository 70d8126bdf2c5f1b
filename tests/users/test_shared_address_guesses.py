"""Whoever shares the network address of a client can answer its challenge by `phone`: such guesses stay counted."""

from ipaddress import ip_network
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.support.login_steps import ADDRESS, PHONE, answer, ask, at, challenge, stranger, wrong
from users import login_queries, network_queries
from users.login import codes
from users.login.challenges import ChallengeIssued
from users.login.signin import InvalidCode
from users.models import Challenge, LoginCode, NetworkTotals

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unreachable_gateway")]

BY_PHONE = {"challenge_id": "", "phone": PHONE, "address": ADDRESS}


def guess(asked: ChallengeIssued, seconds: float, **how: Any) -> None:
    with pytest.raises(InvalidCode):
        answer(asked, seconds, wrong(asked.challenge_id), **how)


def test_guesses_by_phone_at_a_clients_challenge_lead_to_long_codes() -> None:
    """In each of its sign-ins the client would leave two attempts to strangers, who could guess without end."""
    guesses = 0
    for minute in range(0, 100, 11):
        asked = ask(60 * minute)
        if asked.code_length == codes.LONG:
            break
        for _ in range(2):
            guess(asked, 60 * minute + 1, **BY_PHONE)
            guesses += 1
        assert answer(asked, 60 * minute + 2).tokens

    assert asked.code_length == codes.LONG
    assert guesses <= 6


def test_success_removes_only_the_guesses_that_showed_the_challenge() -> None:
    asked = ask()
    guess(asked, 1)
    guess(asked, 2, **BY_PHONE)

    answer(asked, 3)

    assert LoginCode.objects.get().wrong == 1


def test_success_by_phone_removes_no_guess_and_leaves_no_attempt_to_who_holds_the_challenge() -> None:
    asked = ask()  # of a stranger, behind the same address as the owner, who sends the phone only
    guess(asked, 1)

    answer(asked, 2, **BY_PHONE)

    assert LoginCode.objects.get().wrong == 1
    assert login_queries.consume_attempt(asked.challenge_id, 4, at(3), at(10) - at(0)) is None


def test_guesses_by_phone_count_for_the_network_after_a_success() -> None:
    asked = ask()
    guess(asked, 1, **BY_PHONE)
    answer(asked, 2)
    counts = {"sends": [9], "challenges": [9], "of_phone": 9, "phone": PHONE, "recount": at(60) - at(0)}

    (live,) = network_queries.live_counts([ip_network(ADDRESS)], at(3), through=at(-1), **counts)
    network_queries.store_totals(at(2 * 3600))

    assert live.recent_weight == NetworkTotals.objects.get().short_weight == 1


def test_telling_who_else_requested_the_code_reads_few_rows() -> None:
    asked = ask()
    stranger(1)
    code = challenge(asked.challenge_id).login_code
    Challenge.objects.bulk_create(
        Challenge(login_code=code, address=f"198.51.{n // 250}.{n % 250}", created_at=at(2)) for n in range(1000)
    )

    with CaptureQueriesContext(connection) as captured:
        assert answer(asked, 3).requested_by_others

    about_others = [query["sql"] for query in captured if '"users_challenge"."address"' in query["sql"]]
    assert about_others
    assert "LIMIT 1" in about_others[-1]
