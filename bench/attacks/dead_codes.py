"""Attack 5: used, expired and exhausted codes, codes of others, and codes sent again."""

from datetime import timedelta
from typing import ClassVar

from bench.attacks.contract import MAX_ATTEMPTS, SHORT
from bench.attacks.env import RESEND, AttackEnv, phone
from bench.attacks.report import Report
from bench.clients import Answer, Client, at_once


class Case:
    """One phone, one client that has requested a code, and that code."""

    # The logins of all cases.
    tries: ClassVar[list[Answer]] = []

    def __init__(self, env: AttackEnv, number: int) -> None:
        self.env, self.phone = env, phone(5, number)
        self.client: Client = env.owner()
        self.issued = self.client.sign_up(self.phone)
        self.code = env.read(self.phone, self.issued)
        self.wrong = str((int(self.code) + 1) % 10**SHORT).zfill(SHORT)

    def log_in(self, code: str) -> Answer:
        self.tries.append(answer := self.client.log_in(self.issued, code))
        return answer

    def sessions(self) -> int:
        devices = "SELECT count(*) FROM users_device JOIN users_user AS owner ON owner.id = user_id WHERE phone = %s"
        return int(self.env.one(devices, f"+7{self.phone}"))


def refused(*answers: Answer) -> bool:
    return all(answer.error == (400, "invalid_code") for answer in answers)


def dead_codes(env: AttackEnv) -> list[Report]:
    """All challenges of one code have the same digits, so client A's code is correct on B's challenge of that phone.

    It must be refused on a challenge of another phone.
    """
    report = Report(5, "dead codes", "used, expired, spent, another's and sibling codes are refused")
    case = Case(env, 1)
    first, again, third, fourth = (case.log_in(case.code) for _ in range(4))
    same = first.body["refresh"] == again.body["refresh"] == third.body["refresh"]
    report.check("a right code opens one session, also if it is sent three times", same and case.sessions() == 1)
    report.check("and has three attempts", refused(fourth))

    case = Case(env, 2)
    answers = at_once(case.log_in, [case.code] * 50)
    right = [answer for answer in answers if answer.status == 200]
    tokens = {answer.body["refresh"] for answer in right}
    report.check("50 at once open one session", len(tokens) == case.sessions() == 1 and len(right) <= MAX_ATTEMPTS)
    report.check("and the others are refused", refused(*[answer for answer in answers if answer.status != 200]))

    case = Case(env, 3)
    env.pass_time(timedelta(minutes=11))
    report.check("expired: refused", refused(case.log_in(case.code)))

    case = Case(env, 4)
    spent = [case.log_in(case.wrong) for _ in range(MAX_ATTEMPTS)]
    left = [answer.body.get("attempts_left") for answer in spent]
    report.check("after 3 wrong the right one is refused", left == [2, 1, 0] and refused(case.log_in(case.code)))

    case, other = Case(env, 5), Case(env, 6)
    while other.code == case.code:
        other = Case(env, 7 + int(other.phone) % 100)
    report.check("another phone's code: refused", refused(other.log_in(case.code)))

    report.check("sent again: same code, no new attempts", _sent_again(Case(env, 200)))
    report.check("a sign-in ends the phone's other challenges", _siblings(Case(env, 300)))
    report.tried = len(Case.tries)
    return [report]


def _sent_again(case: Case) -> bool:
    case.log_in(case.wrong)
    case.log_in(case.wrong)
    case.env.pass_time(RESEND)
    again = case.client.sign_up(case.phone, challenge_id=case.issued.body["challenge_id"])
    same = again.body["challenge_id"] == case.issued.body["challenge_id"] and again.body["sent"]
    case.env.settle(case.phone)
    codes = [sms.code for sms in case.env.inboxes.of[f"+7{case.phone}"]]
    last = case.log_in(case.wrong)
    return bool(
        same and codes == [case.code] * 2 and last.body["attempts_left"] == 0 and refused(case.log_in(case.code))
    )


def _siblings(case: Case) -> bool:
    """The owner's second client has the same digits; once it has used them, the first one's are dead."""
    second = case.env.owner()
    issued = second.sign_up(case.phone)
    entered = second.log_in(issued, case.code)
    return issued.body["code_length"] == SHORT and entered.status == 200 and refused(case.log_in(case.code))
