"""Attack 1: one address pretends to be many, and one phone is spelled in many ways."""

from bench.attacks.contract import ADDRESS_SENDS
from bench.attacks.env import AttackEnv, phone, prefix
from bench.attacks.report import Report
from bench.clients import Answer, at_once

HEADERS = ("X-Forwarded-For", "X-Real-IP", "Forwarded", "CF-Connecting-IP")


def spoofed_addresses(env: AttackEnv) -> list[Report]:
    report = Report(
        1,
        "spoofed addresses, spellings",
        "one address causes 10 SMS and gets 60 challenges an hour; all spellings are one phone",
    )
    attacker = env.attacker()
    accepted = [attacker.sign_up(phone(1, number)).status for number in range(ADDRESS_SENDS)]
    report.check(f"{ADDRESS_SENDS} SMS an hour for one address", accepted == [200] * ADDRESS_SENDS)

    def pretend(number: int) -> Answer:
        other = f"203.0.113.{number}"
        headers = {name: f"for={other}" if name == "Forwarded" else other for name in HEADERS}
        return attacker.call("POST", "/api/auth/signup", {"phone": phone(1, 100 + number)}, **headers)

    forged = at_once(pretend, range(100))
    report.check(
        "0 of 100 forged addresses get past it (429 each)",
        all(answer.error == (429, "too_many_requests") for answer in forged),
    )
    other = env.attacker()
    attached = at_once(lambda _: other.sign_up(phone(1, 0)), range(80))
    given = [answer.status for answer in attached].count(200)
    report.check(f"60 challenges an hour for one address ({given} of 80 tries)", given <= 60)
    report.check("and no other answer than 200 and 429", {answer.status for answer in attached} == {200, 429})
    typed = spellings(phone(1, 99999))
    spelled = at_once(lambda text: env.attacker().sign_up(text), typed)
    refused = [answer for answer in spelled if answer.status != 200]
    report.check(f"{len(typed)} spellings of one phone are all accepted", not refused)
    users = env.rows("SELECT phone FROM users_user WHERE phone LIKE %s", f"%{prefix(1)}%")
    known = {f"+7{phone(1, number)}" for number in (*range(ADDRESS_SENDS), 99999)}
    report.check("and are one user", {found for (found,) in users} == known)
    short = sum(answer.body["code_length"] == 4 for answer in spelled if answer.status == 200)
    report.check("that gets them 2 short challenges in all", short <= 2)
    report.tried = len(accepted) + len(forged) + len(attached) + len(spelled)
    return [report]


def spellings(digits: str) -> list[str]:
    """One Russian number with each country prefix, each separator and each kind of digits."""
    area, first, middle, last = digits[:3], digits[3:6], digits[6:8], digits[8:]
    national = [
        f"{area}{first}{middle}{last}",
        f"{area} {first} {middle} {last}",
        f"{area}-{first}-{middle}-{last}",
        f"({area}) {first}-{middle}-{last}",
        f"{area}.{first}.{middle}.{last}",
    ]
    typed = [f"{country}{rest}" for country in ("", "+7", "+7 ", "8", "8 ", "007", "00 7 ") for rest in national]
    wide = str.maketrans("0123456789+", "０１２３４５６７８９＋")
    padded = [f"  {text}\u00a0" for text in typed[:5]]
    return [*typed, *padded, *(text.translate(wide) for text in typed[:10])]
