"""Attack 10: guesses at many phones, SMS that nobody uses, failing gateways, malformed codes."""

import statistics
import time

from bench.attacks.contract import ADDRESS_SENDS, LONG, MAX_ATTEMPTS, SHORT, SITE_DAY
from bench.attacks.env import OVER_A_DAY, AttackEnv, guesses, phone, prefix
from bench.attacks.report import Report, luck
from bench.clients import at_once

PHONES = 600
# Requests that are under way at once.
IN_FLIGHT = 24

MOST = SITE_DAY + MAX_ATTEMPTS * IN_FLIGHT
# The first of the numbers whose SMS nobody uses.
UNUSED = 20_000


def spray(env: AttackEnv) -> list[Report]:
    report = Report(
        10,
        "many phones, unused SMS",
        "500 comparisons with short codes a day (and 3 for each request in flight); a known device still gets 4 digits",
    )
    _spray(env, report)
    env.pass_time(OVER_A_DAY)
    _unused_sms(env, report)
    env.pass_time(OVER_A_DAY)
    _failing_gateways(env, report)
    _leading_zero(env, report)
    return [report]


def _spray(env: AttackEnv, report: Report) -> None:
    """Three guesses at each phone, more than the site allows in all."""
    home, owner = env.owner(), phone(10, 99_999)
    token = env.sign_in(home, owner).body["device_token"]

    def guess(target: str) -> tuple[int, int, int]:
        attacker = env.attacker()
        issued = attacker.sign_up(target)
        if issued.status != 200:
            return issued.status, 0, 0
        codes = guesses(issued.body["code_length"], MAX_ATTEMPTS)
        answers = [attacker.log_in(issued, code) for code in codes]
        return issued.body["code_length"], len(answers), sum(answer.status == 200 for answer in answers)

    results = at_once(lambda number: guess(phone(10, number)), range(PHONES), IN_FLIGHT)
    report.tried = sum(tried for _, tried, _ in results)
    report.won = sum(won for *_, won in results)
    report.compared = env.compared(prefix(10))
    report.expected = report.compared * 1e-4
    lengths = {length for length, *_ in results}
    report.check(
        f"{PHONES} phones from as many addresses: at most {MOST} comparisons with short codes", report.compared <= MOST
    )
    report.check(
        f"then long codes for unknown devices, and no other answer {sorted(lengths)}", lengths <= {SHORT, LONG}
    )
    report.check("the next has 10 digits", env.attacker().sign_up(phone(10, PHONES)).body["code_length"] == LONG)
    bound = luck(MOST, 1e-4)
    report.check(f"at most {bound} wins", report.won <= bound)
    started = time.monotonic()
    issued = home.sign_up(owner, device_token=token)
    entered = home.log_in(issued, env.read(owner, issued, known=True))
    report.check("a known device still gets 4", issued.body["code_length"] == SHORT and entered.status == 200)
    report.owner = f"in {int(entered.status == 200)} of 1, {time.monotonic() - started:.1f} s"


def _unused_sms(env: AttackEnv, report: Report) -> None:
    """By default the number prefix is recorded and causes a warning. The limits of the address stop one attacker."""
    attacker = env.attacker()
    answers = at_once(lambda n: attacker.sign_up(phone(10, UNUSED + n)), range(200))
    report.tried += len(answers)
    env.settle()
    sms = sum(len(env.inboxes.of[f"+7{phone(10, UNUSED + n)}"]) for n in range(200))
    report.check(
        f"200 sign-ups from one address: at most {ADDRESS_SENDS} SMS an hour ({sms})",
        sms <= ADDRESS_SENDS and {answer.status for answer in answers} == {200, 429},
    )
    at_once(lambda n: env.attacker().sign_up(phone(10, UNUSED + n)), range(200, 230))
    env.settle()
    # A code counts as not used 15 minutes after its SMS; totals are made each minute, here at once.
    env.database.execute("UPDATE users_smsdelivery SET created_at = created_at - interval '16 minutes'")
    env.operate("from users.sms import tasks; tasks.count_site(timestamp=0)")
    suspect = env.one("SELECT suspect_prefixes FROM users_sitetotals")
    report.check(
        "from 30 addresses to one number prefix: recorded (SMS_GUARD=record)", f"+7{phone(10, UNUSED)[:-4]}" in suspect
    )


def _failing_gateways(env: AttackEnv, report: Report) -> None:
    first, second = 30_000, 30_100
    env.gateways[0].answers.clear()
    answers = [env.attacker().sign_up(phone(10, first + n)) for n in range(6)]
    env.settle()
    env.gateways[0].status = 503
    env.gateways[0].answers.set()
    answers += [env.attacker().sign_up(phone(10, second + n)) for n in range(6)]
    env.settle()
    env.gateways[0].status = 200
    report.tried += len(answers)
    taken = statistics.median(answer.seconds for answer in answers)
    report.check(
        f"the first gateway hangs, then refuses: sign-ups are answered in {taken * 1000:.0f} ms (median; limit 300)",
        taken < 0.3 and {answer.status for answer in answers} == {200},
    )
    counts = [len(env.inboxes.of[f"+7{phone(10, start + n)}"]) for start in (first, second) for n in range(6)]
    report.check("the second gateway delivers, each SMS once", counts == [1] * 12)


def _leading_zero(env: AttackEnv, report: Report) -> None:
    """One code in ten begins with 0. That none of 150 does happens once in seven million runs."""
    for number in range(150):
        client, target = env.owner(), phone(10, 40_000 + number)
        issued = client.sign_up(target)
        code = env.read(target, issued)
        if issued.body["code_length"] == SHORT and code.startswith("0"):
            break
    malformed = [code.lstrip("0")[:3], int(code), [code], {"code": code}, None, 1234, "9" * 10_000, f"{code}0", ""]
    answers = [client.log_in(issued, text) for text in malformed]
    report.tried += len(answers)
    attempts = "SELECT attempts FROM users_challenge WHERE public_id = %s"
    report.check(
        "anything but a code of that length is 400 `invalid` and consumes no attempt",
        {answer.error for answer in answers} == {(400, "invalid")}
        and env.one(attempts, issued.body["challenge_id"]) == 0,
    )
    report.check("a code with leading zeros works", code.startswith("0") and client.log_in(issued, code).status == 200)
