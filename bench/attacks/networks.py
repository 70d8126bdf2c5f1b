"""Attacks 11 and 12: a whole IPv6 /48, one address that wants many codes, and what a refusal gives away."""

import time
from statistics import median

from bench.attacks.env import CLAIMED, AttackEnv, guesses, phone
from bench.attacks.report import Report, sure_area
from bench.clients import Answer, Client, at_once

# What one /48 may cause in an hour: four times what one address may.
WIDE_SENDS, WIDE_SHORT_WEIGHT = 40, 120

# Timed refusals of each kind of phone, and the largest area under the curve that tells two kinds apart.
TIMED, LARGEST_AREA = 2500, 0.55
# WAL is measured for this many of each kind at a time.
BLOCK = 50


def ipv6(env: AttackEnv) -> list[Report]:
    """Each request comes from another /64."""
    report = Report(11, "a free IPv6 /48", "40 SMS an hour, 60 challenges for one phone, 40 short codes")
    attacker = env.attacker()

    def sign_up(number: int, target: str) -> Answer:
        headers = {CLAIMED: f"2001:db8:77:{number:x}::{number + 1:x}"}
        return attacker.call("POST", "/api/auth/signup", {"phone": target}, **headers)

    answers = at_once(lambda number: sign_up(number, phone(11, number)), range(300))
    env.settle()
    sms = sum(len(env.inboxes.of[f"+7{phone(11, number)}"]) for number in range(300))
    report.check(f"300 phones from as many /64: at most {WIDE_SENDS} SMS ({sms})", sms <= WIDE_SENDS)
    report.check("and no other answer than 200 and 429", {answer.status for answer in answers} <= {200, 429})
    short = sum(answer.status == 200 and answer.body["code_length"] == 4 for answer in answers)
    report.check(f"at most {WIDE_SHORT_WEIGHT // 3 + 1} short codes ({short})", short <= WIDE_SHORT_WEIGHT // 3 + 1)
    env.attacker().sign_up(phone(11, 900))
    one = at_once(lambda number: sign_up(1000 + number, phone(11, 900)), range(200))
    given = [answer.status for answer in one].count(200)
    report.check(f"200 requests for one phone: at most 60 challenges ({given})", given <= 60)
    report.tried = len(answers) + len(one)
    return [report]


def refusals(env: AttackEnv) -> list[Report]:
    """One address wants all short codes of the site, then reads what its refusals tell."""
    report = Report(12, "one address, and its refusals", "11 short codes a day; refusals write nothing and look alike")
    attacker = env.attacker()
    _want_short_codes(env, attacker, report)
    for number in range(100, 112):
        attacker.sign_up(phone(12, number))
    kinds = _phones(env)
    report.check(
        "a refusal is the same for known, unknown, disabled and operators' phones",
        len({_shape(attacker.sign_up(these[0])) for these in kinds.values()}) == 1,
    )
    env.part("manage.py worker").suspend()
    try:
        # Statistics of earlier requests come with the next one of their process, or after ten idle seconds.
        _time(env, attacker, {kind: these[:BLOCK] for kind, these in kinds.items()}, BLOCK)
        time.sleep(11)
        _time(env, attacker, {kind: these[:BLOCK] for kind, these in kinds.items()}, BLOCK)
        before = _rows(env)
        samples, written = _time(env, attacker, kinds, TIMED)
        after = _rows(env)
    finally:
        env.part("manage.py worker").resume()
    count = sum(map(len, samples.values()))
    report.tried += count
    # Dead rows may be fewer afterwards: PostgreSQL clears them away.
    changed = [table for table, (written_rows, dead) in after.items()
               if written_rows != before[table][0] or dead > before[table][1]]  # fmt: skip
    report.check(f"{count} refusals: no row is written or dead {changed or ''}".strip(), not changed)
    # Background processes of PostgreSQL write too, but not all the time.
    each = median(written) / (4 * BLOCK)
    report.check(f"and {each:.1f} bytes of WAL each (median of {len(written)} blocks; limit 1)", each < 1)
    _compare(report, samples)
    report.claim += f"; a refusal takes {median(samples['unknown']):.1f} ms"
    return [report]


def _compare(report: Report, samples: dict[str, list[float]]) -> None:
    """Whether the times tell phones of each kind from unknown ones."""
    for kind in ("known", "disabled", "operators'"):
        area, low, high = sure_area(samples["unknown"], samples[kind])
        report.check(
            f"area under the curve, unknown and {kind}: {area:.3f}, surely {low:.3f} to {high:.3f} "
            f"(limit {LARGEST_AREA})",
            low <= LARGEST_AREA and high >= 1 - LARGEST_AREA,
        )


def _want_short_codes(env: AttackEnv, attacker: Client, report: Report) -> None:
    short = []
    for number in range(20):
        env.attacker().sign_up(target := phone(12, number))
        issued = attacker.sign_up(target)
        if issued.status == 200 and issued.body["code_length"] == 4:
            short.append([attacker.log_in(issued, code).status for code in guesses(4, 3)])
    report.tried, report.compared = 40 + 3 * len(short), 3 * len(short)
    report.won = sum(statuses.count(200) for statuses in short)
    report.expected = report.compared * 1e-4
    report.check(f"20 phones with an open code: at most 11 short codes ({len(short)})", len(short) <= 11)


def _phones(env: AttackEnv) -> dict[str, list[str]]:
    """Phones of each kind. All but the unknown ones are rows of users."""
    columns = {
        "known": "verified_at = now()",
        "disabled": "verified_at = now(), is_active = false",
        "operators'": "verified_at = now(), is_staff = true",
    }
    kinds = {"unknown": [phone(12, 50_000 + number) for number in range(TIMED)]}
    for place, (kind, values) in enumerate(columns.items()):
        kinds[kind] = [phone(12, 60_000 + 10_000 * place + number) for number in range(TIMED)]
        rows = [(f"+7{one}",) for one in kinds[kind]]
        with env.database.cursor() as cursor:
            cursor.executemany("INSERT INTO users_user (phone) VALUES (%s)", rows)
            first, last = rows[0][0], rows[-1][0]
            cursor.execute(f"UPDATE users_user SET {values} WHERE phone BETWEEN %s AND %s", [first, last])  # noqa: S608
    env.database.execute("VACUUM ANALYZE users_user")
    return kinds


def _time(
    env: AttackEnv, attacker: Client, kinds: dict[str, list[str]], count: int
) -> tuple[dict[str, list[float]], list[float]]:
    """Milliseconds of the refusals of each kind, in an order that changes, and the bytes of WAL of each block."""
    samples: dict[str, list[float]] = {kind: [] for kind in kinds}
    names, written = list(kinds), []
    for block in range(0, count, BLOCK):
        before = env.one("SELECT pg_current_wal_insert_lsn()")
        for number in range(block, block + BLOCK):
            for kind in names[number % 4 :] + names[: number % 4]:
                answer = attacker.sign_up(kinds[kind][number])
                assert answer.status == 429, answer
                samples[kind].append(answer.seconds * 1000)
        written.append(float(env.one("SELECT pg_current_wal_insert_lsn() - %s::pg_lsn", before)))
    return samples, written


def _rows(env: AttackEnv) -> dict[str, tuple[int, int]]:
    """How many rows were written, and how many are dead, of each table of sign-in."""
    env.database.execute("SELECT pg_stat_force_next_flush()")
    rows = env.rows(
        "SELECT relname, n_tup_ins + n_tup_upd + n_tup_del, n_dead_tup FROM pg_stat_user_tables"
        " WHERE relname ~ '^(users|profiles)_(user|logincode|challenge|smsdelivery|profile)$'"
    )
    return {table: (written, dead) for table, written, dead in rows}


def _shape(answer: Answer) -> tuple[object, ...]:
    return answer.status, answer.code, frozenset(answer.body), answer.headers
