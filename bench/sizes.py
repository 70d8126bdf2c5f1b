"""What a row of each table costs, with its indexes: `python -m bench.sizes 100000 1000000`.

The rows are those of a service used for two years (tests/support/large_tables.py): one profile, one device, nine
tenths of a vote and one sign-in in 31 days for each user. Bytes are those of the files, with everything that
PostgreSQL adds.
"""

from __future__ import annotations

import os
import sys
import time
from collections import defaultdict

from inviting_app.ops.embedded import Embedded
from tests.support.environment import NAMES
from tests.support.service import service_folder

# One row a person, kept for good; the tables after them keep a row for each sign-in of the last 31 days.
PEOPLE = ("users_user", "profiles_profile", "profiles_activation", "users_device")

SIGN_INS = ("users_logincode", "users_challenge", "users_smsdelivery")
SHOWN = (*PEOPLE, *SIGN_INS)

SIZES = """
SELECT relid::regclass::text, pg_relation_size(relid), pg_indexes_size(relid), n_live_tup
  FROM pg_stat_user_tables WHERE relname = ANY(%s)
"""
INDEXES = """
SELECT indexrelid::regclass::text, pg_relation_size(indexrelid) FROM pg_index WHERE indrelid::regclass::text = ANY(%s)
 ORDER BY 2 DESC
"""


def main(sizes: list[int]) -> None:
    with service_folder() as folder:
        os.environ |= dict.fromkeys(NAMES, "") | {"DATA_DIR": str(folder / "data")}
        os.environ["DJANGO_SETTINGS_MODULE"] = "inviting_app.settings"
        import django

        django.setup()
        from django.core.management import call_command
        from django.db import connection

        with Embedded(folder / "data").running():
            call_command("migrate", verbosity=0)
            try:
                for size in sizes:
                    _measure(size)
            finally:
                connection.close()


def _measure(size: int) -> None:
    from django.db import connection

    from tests.support.large_tables import grow

    started = time.monotonic()
    grow(size)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        print(f"{size:,} people, made in {time.monotonic() - started:.0f} s; bytes a row: table, indexes")
        cursor.execute(SIZES, [list(SHOWN)])
        found = {name: (table, indexes) for name, table, indexes, _ in cursor.fetchall()}
        sums: defaultdict[str, float] = defaultdict(float)
        for name in SHOWN:
            table, indexes = (bytes_ / size for bytes_ in found[name])
            sums["people" if name in PEOPLE else "sign-ins"] += table + indexes
            print(f"  {name:22} {table:8.0f} {indexes:8.0f}")
        for what, sum_ in sums.items():
            print(f"  all of {what:15} {sum_:8.0f} a person")
        cursor.execute(INDEXES, [list(SHOWN)])
        for name, bytes_ in cursor.fetchall():
            print(f"    {name:50} {bytes_ / size:7.1f}")


if __name__ == "__main__":
    main([int(text) for text in sys.argv[1:]] or [100_000, 1_000_000])
