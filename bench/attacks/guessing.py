"""Attacks 2, 3 and 4: guessing in parallel, guessing for days, and the owner meanwhile."""

import random
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from bench.attacks.contract import LONG, MAX_ATTEMPTS, PHONE_DAY, PHONE_MONTH, SHORT
from bench.attacks.env import OVER_A_DAY, RESEND, AttackEnv, guesses, phone, prefix
from bench.attacks.report import Report, luck
from bench.clients import Answer, Client, at_once

CHALLENGES, CODES = 40, 100


def parallel_guesses(env: AttackEnv) -> list[Report]:
    """The right code is among the guesses, so that wins are frequent enough to be counted."""
    report = Report(2, "100 guesses at once", "3 are compared for each challenge")
    most_compared = 0
    odd = set()
    for number in range(CHALLENGES):
        answers = _guess_at_once(env, phone(2, number))
        report.tried += len(answers)
        report.won += sum(answer.status == 200 for answer in answers)
        most_compared = max(most_compared, sum(answer.compared for answer in answers))
        odd |= {answer.error for answer in answers} - {(200, ""), (400, "invalid_code")}
    chance = MAX_ATTEMPTS / CODES
    report.compared = env.compared(prefix(2))
    report.expected = CHALLENGES * chance
    bound = luck(CHALLENGES, chance)
    report.check(f"at most 3 of 100 codes at once are compared (most: {most_compared})", most_compared <= MAX_ATTEMPTS)
    report.check(f"at most {3 * CHALLENGES} comparisons in the rows", report.compared <= 3 * CHALLENGES)
    report.check(f"at most {bound} wins of {CHALLENGES}", report.won <= bound)
    report.check(f"the others are answered with invalid_code {sorted(odd) or ''}".strip(), not odd)
    return [report]


def _guess_at_once(env: AttackEnv, target: str) -> list[Answer]:
    attacker = env.attacker()
    issued = attacker.sign_up(target)
    right = env.read(target, issued)
    codes = [right, *[code for code in guesses(SHORT, CODES) if code != right][: CODES - 1]]
    random.shuffle(codes)
    return at_once(lambda code: attacker.log_in(issued, code), codes)


@dataclass
class Storm:
    """Any number of strangers at one phone, each with a challenge and three guesses."""

    env: AttackEnv
    phone: str
    lengths: list[int] = field(default_factory=list)
    guessed: list[Answer] = field(default_factory=list)
    # Answers to a sign-up that are neither a challenge nor a 429.
    odd: set[tuple[int, str]] = field(default_factory=set)

    def guess(self, challenges: int) -> None:
        at_once(lambda _: self._guess_once(), range(challenges), threads=12)

    def _guess_once(self) -> None:
        attacker = self.env.attacker()
        issued = attacker.sign_up(self.phone)
        if issued.status != 200:
            self.odd |= {issued.error} - {(429, "too_many_requests")}
            return
        length = issued.body["code_length"]
        self.lengths.append(length)
        for code in guesses(length, MAX_ATTEMPTS):
            self.guessed.append(attacker.log_in(issued, code))

    @property
    def won(self) -> int:
        return sum(answer.status == 200 for answer in self.guessed)


@dataclass
class Owner:
    """The user whose phone it is: how often the log-in succeeded, and how long it took."""

    env: AttackEnv
    phone: str
    tries: int = 0
    waits: list[float] = field(default_factory=list)

    def get_in(self, client: Client, token: str) -> bool:
        """Sign up once on a known device, read the SMS, log in once."""
        started = time.monotonic()
        issued = client.sign_up(self.phone, device_token=token)
        if issued.status != 200 or issued.body["code_length"] != SHORT:
            return self._note(started, False)
        return self.enter(client, issued, True, started)

    def enter(self, client: Client, issued: Answer, known: bool, started: float) -> bool:
        entered = client.log_in(issued, self.env.read(self.phone, issued, known))
        return self._note(started, entered.status == 200)

    def _note(self, started: float, entered: bool) -> bool:
        self.tries += 1
        self.waits += [time.monotonic() - started] if entered else []
        return entered

    def __str__(self) -> str:
        return f"in {len(self.waits)} of {self.tries}, at most {max(self.waits, default=0):.1f} s"


@dataclass
class FirstDay:
    """The log-ins of the owner while strangers guess. One web process restarts meanwhile."""

    at_home: list[bool]
    before: bool
    new_device: bool
    compared: int


def one_phone(env: AttackEnv) -> list[Report]:
    """One phone for six days. On the first, the owner signs in five times meanwhile."""
    storm, owner = Storm(env, phone(3, 1)), Owner(env, phone(3, 1))
    weight = Report(3, "guessing at one phone", "6 comparisons with short codes in 24 h, 12 in 30 days; then 10 digits")
    access = Report(4, "the owner meanwhile", "gets in at the first try: known device, earlier challenge, new device")
    day = _first_day(env, storm, owner)
    _judge_first_day(weight, access, storm, day)
    access.check("and never waits 10 s", max(owner.waits, default=99) < 10)
    access.owner = weight.owner = str(owner)
    by_day = [day.compared]
    for _ in range(5):
        env.pass_time(OVER_A_DAY)
        storm.guess(5)
        by_day.append(env.compared(prefix(3)) - sum(by_day))
    weight.tried, weight.compared, weight.won = len(storm.guessed), sum(by_day), storm.won
    weight.expected, access.expected = weight.compared * 1e-4, day.compared * 1e-4
    weight.check(
        f"nor on any of six days {by_day}, and at most 12 in 30",
        max(by_day) <= PHONE_DAY and sum(by_day) <= PHONE_MONTH,
    )
    bound = luck(PHONE_MONTH, 1e-4)
    weight.check(f"at most {bound} wins", storm.won <= bound)
    return [weight, access]


def _first_day(env: AttackEnv, storm: Storm, owner: Owner) -> FirstDay:
    home, early = env.owner(), env.owner()
    token = env.sign_in(home, owner.phone).body["device_token"]
    existing = early.sign_up(owner.phone)

    def from_home() -> bool:
        return owner.get_in(home, token)

    def from_before() -> bool:
        spent = env.one("SELECT attempts FROM users_challenge WHERE public_id = %s", existing.body["challenge_id"])
        if spent or existing.body["code_length"] != SHORT:
            return False
        return owner.enter(early, existing, False, time.monotonic())

    def from_new_device() -> bool:
        client, started = env.owner(), time.monotonic()
        sms = env.one("SELECT count(*) FROM users_smsdelivery")
        issued = client.sign_up(owner.phone)
        # Before the log-in: it ends the code, and the next sign-up of a stranger causes an SMS again.
        causes_none = env.one("SELECT count(*) FROM users_smsdelivery") == sms
        expected = (issued.status, issued.body.get("code_length")) == (200, LONG) and causes_none
        return expected and owner.enter(client, issued, False, started)

    at_home = [_meanwhile(storm, 30, from_home)]
    env.restart_second()
    before = _meanwhile(storm, 30, from_before)
    at_home.append(_meanwhile(storm, 10, from_home))
    env.pass_time(RESEND)
    storm.guess(2)  # causes the second SMS; the next may be sent in an hour
    new_device = _meanwhile(storm, 30, from_new_device)
    at_home.append(_meanwhile(storm, 10, from_home))
    return FirstDay(at_home, before, new_device, env.compared(prefix(3)))


def _judge_first_day(weight: Report, access: Report, storm: Storm, day: FirstDay) -> None:
    short = storm.lengths.count(SHORT)
    weight.check(f"at most 6 comparisons with short codes in 24 h ({day.compared})", day.compared <= PHONE_DAY)
    weight.check(
        f"all later challenges have {LONG} digits ({short} short, {storm.lengths.count(LONG)} long), a restart and "
        "five right sign-ins in between",
        short <= 2 and set(storm.lengths) <= {SHORT, LONG},
    )
    weight.check(f"no other answer than 200 and 429 {sorted(storm.odd) or ''}".strip(), not storm.odd)
    access.check("a known device gets in with 4 digits at the first try, three times", all(day.at_home))
    # If a stranger guessed right, that ended all codes of the track, the owner's too.
    access.check("a challenge from before the attack has all its attempts and works", day.before or storm.won > 0)
    access.check(
        "a new device gets in with one request, by the SMS that a stranger caused; no other may be sent for an hour",
        day.new_device,
    )
    access.tried, access.compared, access.won = len(storm.guessed), day.compared, storm.won


def _meanwhile(storm: Storm, challenges: int, act: Callable[[], bool]) -> bool:
    """The result of the owner's action, done while strangers guess."""
    with ThreadPoolExecutor(1) as pool:
        guessing: Future[None] = pool.submit(storm.guess, challenges)
        while not storm.lengths and not guessing.done():
            time.sleep(0.01)
        done = act()
        guessing.result()
    return done
