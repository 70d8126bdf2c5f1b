"""Changes of phone in parallel with each other, and with what else ends or takes a number."""

from collections import Counter
from functools import partial
from typing import Any

import pytest

from profiles import privacy
from tests.support.accounts import SignedInUser, client, in_session
from tests.support.environment import THOROUGH
from tests.support.login_steps import ask, challenge, right, wrong
from tests.support.phone_changes import confirm, holder, requested
from tests.support.races import race
from users import accounts
from users.models import LoginCode, SmsDelivery, User

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 20 if THOROUGH else 1


def people(round_: int) -> tuple[SignedInUser, SignedInUser, str]:
    """Two signed-in users and a free number."""
    return in_session(f"999111{round_:03}1"), in_session(f"999111{round_:03}2"), f"999222{round_:03}3"


def told(answers: list[Any]) -> Counter[str]:
    """The problem codes of these responses; `ok` for a success."""
    assert [answer for answer in answers if isinstance(answer, Exception)] == []
    return Counter("ok" if answer.status_code < 300 else answer.json()["code"] for answer in answers)


def asked_by(person: SignedInUser, phone: str) -> str:
    """A challenge of this user's change."""
    return ask(phone=f"+7{phone}", changing_user_id=person.profile.pk, now=None).challenge_id


def test_double_taps_and_changes_of_two_users_to_one_number(settings: Any) -> None:
    settings.LOGIN_SEND_GAPS = [0]
    for round_ in range(ROUNDS):
        alice, bob, phone = people(round_)
        first, second = asked_by(alice, phone), asked_by(bob, phone)
        taps = [(alice, first), (alice, first), (bob, second), (bob, second)]

        answers = race([partial(confirm, person, asked, right(asked)) for person, asked in taps])

        assert told(answers) == {"ok": 2, "invalid_code": 2}
        winner, loser = (alice, bob) if answers[0].status_code == 200 else (bob, alice)
        assert (winner.me()["phone"], loser.me()["phone"]) == (phone, loser.phone)
        assert answers[0].content == answers[1].content or answers[2].content == answers[3].content
        assert SmsDelivery.objects.filter(notice_phone=f"+7{winner.phone}").count() == 1


def test_changes_to_each_others_numbers_are_refused_without_a_deadlock() -> None:
    for round_ in range(ROUNDS):
        alice, bob, _ = people(round_)
        asked = [(alice, asked_by(alice, bob.phone)), (bob, asked_by(bob, alice.phone))]

        assert told(race([partial(confirm, person, one, right(one)) for person, one in asked])) == {"phone_taken": 2}


@pytest.mark.long
def test_guesses_in_parallel_are_three() -> None:
    alice, _, phone = people(0)
    asked = requested(alice, phone)

    answers = race([partial(confirm, alice, asked, wrong(asked))] * 8)

    left = sorted(answer.json().get("attempts_left", -1) for answer in answers)
    assert left == [-1] * 5 + [0, 1, 2]
    assert challenge(asked).login_code.wrong == 3


def test_number_that_signs_in_meanwhile_has_one_user() -> None:
    for round_ in range(ROUNDS):
        alice, _, phone = people(round_)
        own, change = alice.profile.pk, asked_by(alice, phone)
        sign_in = ask(phone=f"+7{phone}", now=None).challenge_id
        body = {"code": right(sign_in), "challenge_id": sign_in}

        changed, entered = race(
            [partial(confirm, alice, change, right(change)), partial(client().post, "/api/auth/login", body)]
        )

        outcome = (changed.status_code, entered.status_code)
        assert outcome in {(200, 400), (409, 200)}, (changed.content, entered.content)
        owner = holder(phone)
        assert owner and owner.verified_at and (owner.pk == own) == (changed.status_code == 200)


def test_sign_ups_of_both_numbers_meanwhile_find_their_users(settings: Any) -> None:
    settings.LOGIN_SEND_GAPS = [0]
    for round_ in range(ROUNDS):
        alice, _, phone = people(round_)
        own, change = alice.profile.pk, asked_by(alice, phone)
        sign_ups = [partial(client().post, "/api/auth/signup", {"phone": one}) for one in (phone, alice.phone) * 2]

        answers = race([partial(confirm, alice, change, right(change)), *sign_ups])

        assert told(answers) == {"ok": 5}
        changed, left = holder(phone), holder(alice.phone)
        assert changed and changed.pk == own and (left is None or left.pk != own)
        # The limits of the number before are with its next user, if there is one.
        kept = LoginCode.objects.filter(user__erased_phone_hash=accounts.phone_hash(f"+7{alice.phone}"))
        assert not (left and kept.exists())


@pytest.mark.parametrize("who", ["the user", "the unverified user of the number"])
def test_erasure_meanwhile(who: str) -> None:
    for round_ in range(ROUNDS):
        alice, _, phone = people(round_)
        change = asked_by(alice, phone)
        unverified = holder(phone)
        erased_id = alice.profile.pk if who == "the user" else unverified and unverified.pk

        changed, erased = race(
            [partial(confirm, alice, change, right(change)), partial(privacy.erase_by_operator, erased_id)]
        )

        if who == "the user":
            assert erased is True
            # After the change, or before it: then the session and the code have ended.
            assert told([changed]).keys() <= {"ok", "token_revoked", "invalid_code"}
            assert User.objects.filter(phone=f"+7{alice.phone}").count() == 0
        else:
            assert told([changed]) == ({"invalid_code": 1} if erased else {"ok": 1})
            assert (holder(phone) is None) == erased
        assert not LoginCode.objects.filter(user__phone=None, closed_at=None).exists()
