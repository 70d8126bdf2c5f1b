"""Random actions of many users. After each step the service agrees with a simple model."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from profiles.models import Activation, FailedActivation, Profile
from tests.support.accounts import SignedInUser, client, signed_in
from tests.support.environment import THOROUGH
from tests.support.many_users import nobodys_code, phones, walk
from users import accounts
from users.models import User

PHONES = [f"99911100{n:02}" for n in range(6)]
# The phone of a user who requests codes and never signs in.
NEVER_IN = "9991110077"

# Sign-ins of one phone in an example: more would have to wait for the resend interval.
SIGN_INS = 9
FAILED_ACTIVATIONS = 10
ANY = st.integers(0, 99)
MALFORMED = ["", "OOOOOO", "AAAAA", "AAAAAAA", "АААААО", "\x00" * 6]


@dataclass
class Human:
    """The expected state of one user."""

    phone: str
    id: int
    code: str
    active: bool = True
    erased: bool = False
    chose: Human | None = None
    failed: int = 0

    @property
    def exists(self) -> bool:
        return self.active and not self.erased


@dataclass
class Seat:
    """A device on which a user signed in."""

    human: Human
    client: SignedInUser
    live: bool = True

    @property
    def may_come_in(self) -> bool:
        return self.live and self.human.exists


class Everybody(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.transaction = transaction.atomic()
        self.transaction.__enter__()
        self.humans: list[Human] = []
        self.seats: list[Seat] = []
        self.sign_ins: Counter[str] = Counter()
        self.staff = signed_in("9991119999")
        User.objects.filter(phone="+79991119999").update(is_staff=True, is_superuser=True)
        self.clerk = Human("9991119999", self.staff.profile.pk, self.staff.code)
        client().post("/api/auth/signup", {"phone": NEVER_IN})

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.transaction.__exit__(None, None, None)

    def seat(self, which: int, live: bool = True) -> Seat | None:
        seats = [seat for seat in self.seats if seat.may_come_in is live]
        return seats[which % len(seats)] if seats else None

    @initialize(number=st.integers(2, 5), votes=st.integers(0, 3))
    def begin_with_some_people_and_votes(self, number: int, votes: int) -> None:
        for phone in PHONES[:number]:
            self.sign_in(phone)
        for voter in range(min(votes, number)):
            self.activate(voter, self.humans[voter - 1])

    @rule(phone=st.sampled_from(PHONES))
    def sign_in_somebody(self, phone: str) -> None:
        self.sign_in(phone)

    def sign_in(self, phone: str) -> None:
        if self.sign_ins[phone] == SIGN_INS:
            return
        self.sign_ins[phone] += 1
        human = next((human for human in self.humans if human.phone == phone and not human.erased), None)
        if human and not human.active:
            api = client()
            code = api.post("/api/auth/signup", {"phone": phone}).json()["code"]
            expect(api.post("/api/auth/login", {"code": code}), 403, "account_disabled")
            return
        person = signed_in(phone)
        if human is None:
            human = Human(phone, person.profile.pk, person.code)
            assert human.id not in {other.id for other in self.humans}
            for former in self.humans:  # an erasure does not reset limits
                if former.phone == phone:
                    human.failed, former.failed = human.failed + former.failed, 0
            self.humans.append(human)
        self.seats.append(Seat(human, person))

    @rule(which=ANY, whom=ANY, spelling=st.sampled_from([str.upper, str.lower, "-".join]))
    def activate_anybody(self, which: int, whom: int, spelling: Any) -> None:
        self.activate(which, self.humans[whom % len(self.humans)], spelling)

    def activate(self, which: int, owner: Human, spelling: Any = str) -> None:
        self.try_code(which, spelling(owner.code), owner)

    @rule(which=ANY, whom=ANY)
    def activate_hidden(self, which: int, whom: int) -> None:
        hidden = [human for human in self.humans if not human.exists]
        if hidden:
            self.activate(which, hidden[whom % len(hidden)])

    @rule(which=ANY)
    def activate_unverified(self, which: int) -> None:
        self.try_code(which, Profile.objects.get(user__phone=f"+7{NEVER_IN}").invite_code, None)

    @rule(which=ANY, times=st.sampled_from([1, 4, 11]))
    def activate_unknown(self, which: int, times: int) -> None:
        for _ in range(times):
            self.try_code(which, nobodys_code(), None)

    @rule(which=ANY, typed=st.sampled_from(MALFORMED))
    def activate_malformed(self, which: int, typed: str) -> None:
        if seat := self.seat(which):
            expect(seat.client.activate(typed), 400, "invalid")

    def try_code(self, which: int, typed: str, owner: Human | None) -> None:
        seat = self.seat(which)
        if seat is None:
            return
        answer, me = seat.client.activate(typed), seat.human

        if me.chose:
            expect(answer, 409, "already_activated")
            assert answer.json()["activated_invite"] == me.chose.code
        elif me.failed == FAILED_ACTIVATIONS:
            expect(answer, 429, "too_many_requests")
        elif owner is me:
            expect(answer, 409, "own_invite_code")
        elif owner is None or not owner.exists:
            expect(answer, 404, "invite_code_not_found")
            me.failed += 1
        else:
            expect(answer, 200)
            me.chose = owner

    @rule(which=ANY)
    def disable(self, which: int) -> None:
        if seat := self.seat(which):
            accounts.disable(User.objects.get(pk=seat.human.id))
            seat.human.active = False
            self.end_seats_of(seat.human)

    @rule(whom=ANY)
    def enable(self, whom: int) -> None:
        human = self.humans[whom % len(self.humans)]
        accounts.enable(User.objects.get(pk=human.id))
        human.active = not human.erased

    @rule(which=ANY)
    def erase_anybody(self, which: int) -> None:
        self.erase(self.seat(which))

    @rule(which=ANY)
    def erase_voter(self, which: int) -> None:
        voters = [seat for seat in self.seats if seat.may_come_in and seat.human.chose]
        self.erase(voters[which % len(voters)] if voters else None)

    def erase(self, seat: Seat | None) -> None:
        if seat:
            expect(seat.client.api.delete("/api/v1/profiles/me"), 204)
            seat.human.erased, seat.human.active, seat.human.chose = True, False, None
            self.end_seats_of(seat.human)

    def end_seats_of(self, human: Human) -> None:
        for seat in self.seats:
            seat.live &= seat.human is not human

    @rule(which=ANY, whom=ANY)
    def come_back_after_the_end(self, which: int, whom: int) -> None:
        if seat := self.seat(which, live=False):
            api, code = seat.client.api, self.humans[whom % len(self.humans)].code
            expect(api.get("/api/v1/profiles/me"), 401, "token_revoked")
            expect(api.post("/api/v1/profiles/me", {"activated_invite": code}), 401, "token_revoked")
            expect(api.delete("/api/v1/profiles/me"), 401, "token_revoked")

    @rule(which=ANY)
    def read_me(self, which: int) -> None:
        seat = self.seat(which)
        if seat is None:
            return
        shown, me = seat.client.me(), seat.human
        voters = [human for human in self.humans if human.chose is me]
        assert (shown["user_id"], shown["phone"], shown["invite_code"]) == (me.id, me.phone, me.code)
        assert shown["activated_invite"] == (me.chose.code if me.chose else None)
        assert shown["invitations_count"] == len(voters)
        assert sorted(shown["invitations"]) == sorted(human.phone for human in voters if human.exists)

    @rule(ordering=st.sampled_from(["created_at", "-invitations_count"]))
    def read_list(self, ordering: str) -> None:
        shown = phones(walk(self.staff, f"/api/v1/profiles?ordering={ordering}"))

        assert sorted(shown) == sorted(human.phone for human in [*self.humans, self.clerk] if human.exists)

    @invariant()
    def database_is_the_model(self) -> None:
        votes = {human.id: human.chose.id for human in self.humans if human.chose}
        received = Counter(votes.values())
        failed = sum(human.failed for human in self.humans)
        assert dict(Activation.objects.values_list("invitee_id", "inviter_id")) == votes
        assert Counter(dict(Profile.objects.values_list("pk", "invitations_count"))) == received
        assert FailedActivation.objects.count() == failed


def expect(answer: Any, status: int, code: str | None = None) -> None:
    assert answer.status_code == status, answer.content
    assert code is None or answer.json()["code"] == code


@pytest.mark.thorough
@pytest.mark.django_db
def test_service_agrees_with_the_model() -> None:
    run_state_machine_as_test(
        Everybody,
        settings=settings(
            max_examples=60 if THOROUGH else 8,
            stateful_step_count=35,
            derandomize=True,
            database=None,
            deadline=None,
            # A failure is shown as it was found: to shrink it would take minutes.
            phases=[Phase.generate],
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
