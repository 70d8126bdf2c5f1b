"""Attack 6: finding out who is registered, from answers and their times."""

import statistics
from collections import defaultdict

from bench.attacks.contract import ADDRESS_SENDS
from bench.attacks.env import OVER_A_DAY, AttackEnv, guesses, phone
from bench.attacks.report import Report, luck, sure_median
from bench.clients import Answer
from profiles import invite_codes

KINDS = {"registered": 0, "unknown": 20_000, "disabled": 40_000}
# Of each kind, until a day passes: the site gives short codes to 166 challenges a day.
PHONES_A_DAY = 50

Samples = defaultdict[tuple[str, str], list[Answer]]


def enumeration(env: AttackEnv, samples: int = 200) -> list[Report]:
    """A sign-up creates an unverified user. So the criterion is not "no row", but no row that others could see."""
    report = Report(6, "enumeration", "same status, keys, headers and time (3 ms or 5 %) for every phone")
    _register(env, samples + PHONES_A_DAY)
    answers: Samples = defaultdict(list)
    for number in range(samples):
        if number and number % PHONES_A_DAY == 0:
            env.pass_time(OVER_A_DAY)
        # The order changes, so that no kind always follows the same one.
        kinds = list(KINDS)[number % 3 :] + list(KINDS)[: number % 3]
        for kind in kinds:
            _probe(env, kind, number, answers)
    env.pass_time(OVER_A_DAY)
    _beyond_the_limit(env, samples, answers)

    report.tried = sum(len(these) for these in answers.values())
    lucky = [answer for answer in _all(answers, "login") if answer.status in (200, 403)]
    report.compared, report.won = len(_all(answers, "login")), len(lucky)
    report.expected = report.compared * 1e-4
    report.check(f"at most {luck(3 * samples, 1e-4)} wins", report.won <= luck(3 * samples, 1e-4))
    for operation in ("signup", "login", "login by phone", "signup beyond the limit"):
        shapes = {
            kind: {_shape(answer) for answer in answers[operation, kind] if answer not in lucky} for kind in KINDS
        }
        report.check(f"{operation}: one status, one set of keys and headers", _are_one(shapes))
    measured = [
        _compare_times(report, operation, other, answers[operation, "registered"], answers[operation, other])
        for operation in ("signup", "login")
        for other in ("unknown", "disabled")
    ]
    report.claim += f"; measured: {max(map(abs, measured)):.1f} ms"
    report.check("unverified users are not visible to others", _unverified_are_hidden(env, samples))
    return [report]


def _register(env: AttackEnv, count: int) -> None:
    """Insert users who have signed in before, some of them disabled."""
    for kind, active in (("registered", True), ("disabled", False)):
        users = [(f"+7{phone(6, KINDS[kind] + number)}", active, invite_codes.generate()) for number in range(count)]
        with env.database.cursor() as cursor:
            cursor.executemany(
                """WITH made AS (INSERT INTO users_user (phone, is_active, verified_at) VALUES (%s, %s, now())
                                   RETURNING id)
                   INSERT INTO profiles_profile (user_id, invite_code) SELECT id, %s FROM made""",
                users,
            )


def _probe(env: AttackEnv, kind: str, number: int, answers: Samples) -> None:
    """Request a code and guess at it once, as a stranger does who wants to know whether the phone is registered."""
    target = phone(6, KINDS[kind] + number)
    attacker = env.attacker()
    issued = attacker.sign_up(target)
    answers["signup", kind].append(issued)
    answers["login", kind].append(attacker.log_in(issued, guesses(4, 1)[0]))
    if number < PHONES_A_DAY:
        without = env.attacker().call("POST", "/api/auth/login", {"phone": target, "code": "0000"})
        answers["login by phone", kind].append(without)


def _beyond_the_limit(env: AttackEnv, samples: int, answers: Samples) -> None:
    attacker = env.attacker()
    for number in range(ADDRESS_SENDS):
        attacker.sign_up(phone(6, 60_000 + number))
    for kind, first in KINDS.items():
        for number in range(samples, samples + 10):
            answers["signup beyond the limit", kind].append(attacker.sign_up(phone(6, first + number)))


def _all(answers: Samples, operation: str) -> list[Answer]:
    return [answer for kind in KINDS for answer in answers[operation, kind]]


def _shape(answer: Answer) -> tuple[object, ...]:
    return answer.status, answer.code, answer.body.get("code_length"), frozenset(answer.body), answer.headers


def _are_one(shapes: dict[str, set[tuple[object, ...]]]) -> bool:
    return all(len(seen) == 1 for seen in shapes.values()) and len(set.union(*shapes.values())) == 1


def _compare_times(report: Report, operation: str, other: str, ours: list[Answer], theirs: list[Answer]) -> float:
    """The median difference in milliseconds. Of neighbours, so that what slows the machine for a while slows both.

    It fails when the median of the differences is beyond the limit for certain: the machine's noise alone, however
    strong, makes it fail less than once in a million runs.
    """
    differences = [(a.seconds - b.seconds) * 1000 for a, b in zip(ours, theirs, strict=True)]
    limit = max(3.0, 0.05 * statistics.median([answer.seconds * 1000 for answer in (*ours, *theirs)]))
    middle, (low, high) = statistics.median(differences), sure_median(differences)
    too_noisy = "" if -limit <= low and high <= limit else "; the machine is too noisy to be sure"
    mine, others = (statistics.median(answer.seconds * 1000 for answer in answers) for answers in (ours, theirs))
    report.check(
        f"{operation}, registered and {other}: {mine:.1f} and {others:.1f} ms, difference {middle:+.1f}, "
        f"surely {low:+.1f} to {high:+.1f} (limit {limit:.1f}{too_noisy})",
        low <= limit and high >= -limit,
    )
    return middle


def _unverified_are_hidden(env: AttackEnv, samples: int) -> bool:
    """The answer to the invite code of an unverified user is that to an unknown code."""
    token = env.sign_in(env.owner(), phone(6, 70_000)).body["token"]
    owned = "SELECT invite_code FROM profiles_profile JOIN users_user AS owner ON owner.id = user_id WHERE phone = %s"
    theirs = env.one(owned, f"+7{phone(6, 60_000)}")
    answers = [env.owner().activate(token, code) for code in (theirs, invite_codes.generate())]
    return all(answer.error == (404, "invite_code_not_found") for answer in answers)
