"""Random actions of owners and attackers never exceed the bound of the theorem in `users.login.risk`."""

from collections import defaultdict
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests.support.environment import THOROUGH
from tests.support.login_steps import answer, ask, at, challenge, wrong
from users.login import codes, risk
from users.login.challenges import ChallengeIssued
from users.login.devices import TRUST_FOR
from users.login.signin import InvalidCode

pytestmark = [pytest.mark.long, pytest.mark.thorough]

OWNED = "+79991234567"
PHONES = st.sampled_from([OWNED, "+79997654321", "+79995550000"])
DAY, MONTH = timedelta(hours=24), timedelta(days=30)
# The site's limit in this test, low enough to be reached with three phones.
SITE = 8

SPANS = [0, 1, 29, 30, 31, 299, 300, 301, 599, 600, 1800, 3600, 6 * 3600, 24 * 3600 - 1, 24 * 3600, 5 * 24 * 3600]


class Guessing(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.transaction = transaction.atomic()
        self.transaction.__enter__()
        self.second = 0.0
        self.addresses = count(1)
        self.asked: list[tuple[str, ChallengeIssued]] = []
        self.guesses: dict[str, list[float]] = defaultdict(list)
        self.sign_ins: list[float] = []
        self.device_asks: list[float] = []
        self.newer_devices = 0
        self.known_since = 0.0

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.transaction.__exit__(None, None, None)

    def ask(self, phone: str, **given: Any) -> ChallengeIssued:
        number = next(self.addresses)
        self.address = f"10.0.{number // 250}.{number % 250}"
        return ask(self.second, phone, address=self.address, **given)

    @initialize()
    def owner_has_a_known_device(self) -> None:
        self.token = answer(self.ask(OWNED)).device_token

    @rule(span=st.sampled_from(SPANS))
    def time_passes(self, span: int) -> None:
        self.second += span

    @rule(phone=PHONES, times=st.integers(1, 4), each=st.integers(0, 3))
    def attack(self, phone: str, times: int, each: int) -> None:
        for _ in range(times):
            self.asked.append((phone, self.ask(phone)))
            self.guess(*self.asked[-1], each)

    @rule(phone=PHONES, days=st.integers(2, 4), first=st.integers(0, 3), later=st.integers(0, 3))
    def lay_siege(self, phone: str, days: int, first: int, later: int) -> None:
        """On each day, guess a little, collect challenges, and guess at all of them."""
        for _ in range(days):
            self.attack(phone, 1, first)
            self.second += 660
            self.attack(phone, 4, 0)
            self.come_back_to_earlier_challenges(4, later)
            self.second += DAY.total_seconds() - 660

    @rule(last=st.integers(1, 8), times=st.integers(1, 3))
    def come_back_to_earlier_challenges(self, last: int, times: int) -> None:
        for phone, asked in self.asked[-last:]:
            self.guess(phone, asked, times)

    @rule(which=st.integers(0, 99))
    def send_again(self, which: int) -> None:
        if self.asked:
            phone, asked = self.asked[-1 - which % len(self.asked)]
            self.asked.append((phone, self.ask(phone, challenge_id=asked.challenge_id)))

    def guess(self, phone: str, asked: ChallengeIssued, times: int, how: dict[str, str] | None = None) -> None:
        """Guess wrong, and record the guesses that are compared with a short code of the unknown-device track."""
        code = challenge(asked.challenge_id).login_code
        for _ in range(times):
            with pytest.raises(InvalidCode) as refusal:
                answer(asked, self.second, wrong(asked.challenge_id), **(how or {}))
            if refusal.value.attempts_left is not None and code.length == codes.SHORT and code.device is None:
                self.guesses[phone].append(self.second)
        self.hold_the_bounds()

    def hold_the_bounds(self) -> None:
        for guesses in self.guesses.values():
            assert self.within(guesses, DAY) <= 6
            assert self.within(guesses, MONTH) <= 12
        assert sum(self.within(guesses, DAY) for guesses in self.guesses.values()) <= SITE + codes.MAX_ATTEMPTS

    def within(self, times: list[float], span: timedelta) -> int:
        return sum(at(self.second) - at(time) < span for time in times)

    @rule(strangers=st.integers(0, 2))
    def owner_signs_in_on_a_new_device(self, strangers: int) -> None:
        # Ten successes a day do not lengthen the interval, and five devices are known at a time.
        if self.within(self.sign_ins, DAY) < 10 and self.newer_devices < 4:
            asked = self.ask(OWNED)
            # Strangers behind the same address, who do not hold the challenge.
            self.guess(OWNED, asked, strangers, {"challenge_id": "", "phone": OWNED, "address": self.address})
            assert answer(asked, self.second).tokens
            self.sign_ins.append(self.second)
            self.newer_devices += 1

    @rule()
    def owner_signs_in_on_the_known_device(self) -> None:
        known = self.within([self.known_since], TRUST_FOR)
        if known and self.within(self.device_asks, DAY) < 3:
            self.second += 1  # of devices that signed in at one time, the newest rows stay known
            asked = self.ask(OWNED, device_token=self.token)
            self.device_asks.append(self.second)
            assert asked.code_length == codes.SHORT
            assert challenge(asked.challenge_id).login_code.device is not None
            with pytest.raises(InvalidCode) as refusal:  # a stranger behind the same address
                answer(
                    asked, self.second, wrong(asked.challenge_id), challenge_id="", phone=OWNED, address=self.address
                )
            assert refusal.value.attempts_left is None
            self.token = answer(asked, self.second).device_token
            self.newer_devices = 0
            self.known_since = self.second


@pytest.mark.django_db
def test_guesses_stay_within_the_bound_and_the_owner_signs_in(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.DEMO, settings.SMS_GATEWAYS = False, ["webhook+http://127.0.0.1:9/"]
    monkeypatch.setattr(risk, "SITE_DAY", SITE)

    run_state_machine_as_test(Guessing, settings=thorough())


def thorough() -> settings:
    return settings(
        max_examples=60 if THOROUGH else 6,
        stateful_step_count=15,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
