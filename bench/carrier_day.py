"""One day of `bench.carrier`, in a process that has the settings of the service."""

import heapq
import logging
import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from profiles import signup
from users import limit_queries
from users.login import codes, risk, signin, sms_limits
from users.login.decisions import TooManyRequests
from users.models import Challenge
from users.sms.models import SiteTotals

# How many people share an address.
BEHIND_AN_ADDRESS = 2_500
HOUR, MINUTE = 3600, 60
DAY = 24 * HOUR
# The share of a day's people that begins in each hour.
HOURS = [1, 1, 1, 1, 1, 2, 4, 7, 8, 6, 5, 5, 6, 5, 4, 4, 5, 6, 7, 8, 6, 4, 2, 1]
# The shares of people who mistype the code at first, and who never type it.
TYPING_ERRORS, GIVE_UP = 0.05, 0.02
# Seconds between an SMS and its code, and between two requests of an attacker.
TYPING, ATTACK_EVERY = (8, 60), 6
# Refusals after which a person goes away.
PATIENCE = 20

START = datetime(2026, 11, 1, tzinfo=UTC)
Event = tuple[float, int, Callable[[float], None]]


class Day:
    """Events in the order of their time, and what became of them."""

    def __init__(self, seed: int, people: int, attacked_from: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - a simulation
        self.events: list[Event] = []
        self.order = count()
        self.count: Counter[str] = Counter()
        self.waits: list[float] = []
        self.site_long_at: float | None = None
        self.expected = 0.0
        for minute in range(DAY // MINUTE):
            self.at(minute * MINUTE, self.each_minute)
        addresses = people // BEHIND_AN_ADDRESS or 1
        for number in range(people):
            hour = self.random.choices(range(24), HOURS)[0]
            begun = (hour + self.random.random()) * HOUR
            self.at(begun, self.person(f"+7999{number:07}", f"192.0.2.{number % addresses + 1}", begun))
        for number, second in enumerate(range(attacked_from * HOUR, DAY, ATTACK_EVERY)):
            self.at(second, self.attacker("same NAT", f"+7998{number:07}", "192.0.2.1"))
            self.at(second + 3, self.attacker("IPv6 /48", f"+7997{number:07}", f"2001:db8:0:{number % 65536:x}::1"))

    def at(self, seconds: float, act: Callable[[float], None]) -> None:
        if seconds < DAY:
            heapq.heappush(self.events, (seconds, next(self.order), act))

    def play(self) -> None:
        while self.events:
            seconds, _, act = heapq.heappop(self.events)
            act(seconds)

    def each_minute(self, seconds: float) -> None:
        sms_limits.count_site(self.clock(seconds))

    def clock(self, seconds: float) -> datetime:
        return START + timedelta(seconds=seconds)

    def ask(self, phone: str, address: str, seconds: float, **more: Any) -> Any:
        return signup.sign_up(phone, address=address, language="en", now=self.clock(seconds), **more)

    def person(self, phone: str, address: str, begun: float, refusals: int = 0) -> Callable[[float], None]:
        def act(seconds: float) -> None:
            try:
                asked = self.ask(phone, address, seconds)
            except TooManyRequests as refused:
                when = f"{'at' if address == '192.0.2.1' else 'not at'} the attacker's address"
                when = f"in the first hour, {when}" if begun < HOUR else f"later, {when}"
                if not refusals:
                    self.count[f"people refused {when}"] += 1
                if refusals == PATIENCE or seconds + refused.retry_after >= DAY:
                    self.count[f"people who went away {when}"] += 1
                    return
                again = seconds + refused.retry_after + self.random.uniform(0, 5)
                self.at(again, self.person(phone, address, begun, refusals + 1))
                return
            self.waits.append(seconds - begun)
            self.count["SMS of honest people"] += asked.sent
            self.count[f"honest codes of {asked.code_length} digits"] += 1
            if self.random.random() >= GIVE_UP:
                self.at(seconds + self.random.uniform(*TYPING), lambda then: self.type(asked, then))

        return act

    def type(self, asked: Any, seconds: float) -> None:
        code = self.code_of(asked)
        if self.random.random() < TYPING_ERRORS:
            with suppress(signin.InvalidCode):
                self.answer(f"{(int(code) + 1) % 10 ** len(code):0{len(code)}}", asked, seconds)
        try:
            self.answer(code, asked, seconds)
            self.count["signed in"] += 1
        except signin.InvalidCode:
            self.count["honest codes refused"] += 1

    def answer(self, code: str, asked: Any, seconds: float) -> None:
        signin.sign_in(code, challenge_id=asked.challenge_id, now=self.clock(seconds))

    def code_of(self, asked: Any) -> str:
        code = Challenge.objects.select_related("login_code").get(public_id=asked.challenge_id).login_code
        return codes.derive(code.nonce, code.length)

    def attacker(self, name: str, phone: str, address: str) -> Callable[[float], None]:
        def act(seconds: float) -> None:
            try:
                asked = self.ask(phone, address, seconds)
            except TooManyRequests:
                self.count[f"refusals of {name}"] += 1
                return
            self.count[f"SMS by {name}"] += asked.sent
            self.count[f"short codes for {name}"] += asked.code_length == 4
            for _ in range(3):
                guess = str(self.random.randrange(10**asked.code_length)).zfill(asked.code_length)
                with suppress(signin.InvalidCode):
                    self.answer(guess, asked, seconds)
                    self.count[f"takeovers by {name}"] += 1
                self.expected += 10.0**-asked.code_length
            if asked.code_length == 10 and self.site_long_at is None and self.site_is_long(seconds):
                self.site_long_at = seconds

        return act

    def site_is_long(self, seconds: float) -> bool:
        totals = SiteTotals.objects.first()
        limit = risk.site_limit(totals.people_a_day if totals else 0)
        return limit_queries.site_risk_weight(self.clock(seconds), weight=3, site=limit) > limit


def play(people: int, seed: int, attacked_from: int, result: Path) -> None:
    """Play a day with this many people, attackers from this hour on, and write what became of it to a file."""
    logging.disable()
    day = Day(seed, people, attacked_from)
    day.play()
    long_at = "never" if day.site_long_at is None else f"after {day.site_long_at / 60:.0f} min"
    waits = sorted(day.waits) or [float("inf")]
    lines = [f"{number:8,} {name}" for name, number in sorted(day.count.items())] + [
        f"{waits[len(waits) // 2]:8.0f} s median wait for a code; one in 100 waits {waits[-len(waits) // 100]:.0f} s",
        f"{day.expected:8.3f} takeovers expected from all guesses; the site is on long codes: {long_at}",
    ]
    result.write_text("\n".join(lines))
