"""What a sign-up's limits cost in the database when there are 1.5 million login codes of 30 days.

    python -m bench.limits [ROWS]

Starts an embedded PostgreSQL in a folder of its own, fills it, and has PostgreSQL time the very statements that
`users.challenges.decide` runs: planning (once prepared: none) and execution, without
the way to it and back.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROWS = 1_500_000
PEOPLE = 300_000
SAMPLES = 200

FILL = """
INSERT INTO users_user (phone) SELECT '+7' || 9000000000 + n FROM generate_series(1, {people}) AS n;
INSERT INTO users_logincode (user_id, digits, nonce, language, challenges, wrong, created_at, sent_at, open_until,
                             expires_at, closed_at, used_at)
SELECT 1 + n % {people}, 4, '\\x00', 'ru', 1, (n % 20 = 0)::int, at, at, at, at + interval '1 min',
       at + interval '1 min', CASE WHEN n % 10 > 0 THEN at + interval '1 min' END
  FROM generate_series(1, {rows}) AS n, LATERAL (SELECT now() - n * (interval '30 days' / {rows})) AS t(at);
INSERT INTO users_challenge (public_id, login_code_id, address, attempts, created_at)
SELECT id::text, id, '10.0.0.0'::inet + id % 1000000, 1, created_at FROM users_logincode;
INSERT INTO users_smsdelivery (login_code_id, channel, gateway, gateway_ref, state, address, country, prefix, error,
                               asked_from, created_at)
SELECT id, 'sms', '1 json', '', 'sent', '', 'RU', '+7900' || id % 1000, '', '10.0.0.0'::inet + id % 1000000, created_at
  FROM users_logincode;
-- One phone that strangers have asked codes for all month, long and short ones, and one address that never rests.
UPDATE users_logincode SET user_id = 1, digits = CASE WHEN id / ({rows} / 1000) % 3 = 0 THEN 4 ELSE 10 END, wrong = 3,
       used_at = NULL, challenges = 60 WHERE id % ({rows} / 1000) = 0;
UPDATE users_challenge SET address = '192.0.2.1' WHERE id % 50 = 0;
UPDATE users_smsdelivery SET asked_from = '192.0.2.1' WHERE id % 50 = 0;
"""


def main(rows: int) -> None:
    with tempfile.TemporaryDirectory(prefix="inviting_app-bench-") as folder:
        os.chmod(folder, 0o755)  # noqa: S103 - PostgreSQL, which never runs as root, gets through
        os.environ |= {"DATA_DIR": folder, "SMS_GATEWAYS": "json://127.0.0.1:9/{phone}", "SMS_PER_DAY": "1000000"}
        os.environ |= {"DJANGO_SETTINGS_MODULE": "inviting_app.settings", "DATABASE_URL": ""}
        import django

        django.setup()
        from inviting_app.ops.embedded import OPTIONS, Embedded

        OPTIONS.update({"shared_preload_libraries": "pg_stat_statements", "pg_stat_statements.track_planning": "on"})
        with Embedded(Path(folder)).running():
            fill(rows)
            report()


def fill(rows: int) -> None:
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        for statement in FILL.format(rows=rows, people=PEOPLE).split(";\n"):
            cursor.execute(statement)
        cursor.execute("CREATE EXTENSION pg_stat_statements")
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("SELECT COUNT(*) FROM users_logincode")
        print(f"{cursor.fetchone()[0]:,} login codes of 30 days, {PEOPLE:,} people, {os.cpu_count()} cores")


def report() -> None:
    from django.db import transaction

    from users.clock import database_now
    from users.login import challenges, sms_limits
    from users.models import User

    def asked(user_id: int, address: str) -> Callable[[], Any]:
        user = User.objects.get(pk=user_id)
        return lambda: challenges.decide_code(user, now=database_now(), address=address)

    print(f"{'milliseconds of PostgreSQL':45}{'median':>8}{'p99':>8}{'max':>8}")
    sms_limits.count(database_now())
    for name, ask in {
        "a typical phone": asked(4711, "10.9.9.9"),
        "a phone under attack all month": asked(1, "10.9.9.9"),
        "an address that never rests": asked(4712, "192.0.2.1"),
    }.items():
        with transaction.atomic():
            times = sorted(timed(ask) for _ in range(SAMPLES))
        print(f"{name:45}{statistics.median(times):8.2f}{times[int(SAMPLES * 0.99)]:8.2f}{times[-1]:8.2f}")
    print(f"{'once a minute: the totals':45}{timed(lambda: sms_limits.count(database_now())):8.0f}")


def timed(work: Callable[[], Any]) -> float:
    """Milliseconds that PostgreSQL spent on the statements of this work, planning included, by its own clock."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_statements_reset()")
        work()
        cursor.execute(
            "SELECT SUM(total_plan_time + total_exec_time) FROM pg_stat_statements WHERE query LIKE '%users_%'"
        )
        return float(cursor.fetchone()[0])


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS)
