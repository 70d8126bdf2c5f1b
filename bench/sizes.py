"""Bytes of a row of each table, with its indexes: `python -m bench.sizes 100000 1000000`.

The rows are those of a service used for two years (tests/support/large_tables.py): one profile, one device, nine
tenths of a vote and one sign-in in 31 days for each user. Sizes are those of PostgreSQL's files.
"""

import sys

import django
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from inviting_app.ops.embedded import SUPERUSER, Embedded
from tests.support import environment  # noqa: F401 - its DATA_DIR is a new folder
from tests.support.large_tables import grow

# One row for each user, kept as long as the user, then one for each sign-in of the last 31 days.
TABLES = {
    "user": ["users_user", "profiles_profile", "profiles_activation", "users_device"],
    "sign-in": ["users_logincode", "users_challenge", "users_smsdelivery"],
}
SIZES = """
SELECT relname, pg_relation_size(relid), pg_indexes_size(relid) FROM pg_stat_user_tables WHERE relname = ANY(%s)
"""


def measure(size: int) -> None:
    grow(size)
    print(f"{size:,} users; bytes a row: table, indexes")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        for what, names in TABLES.items():
            cursor.execute(SIZES, [names])
            found = {name: (table / size, indexes / size) for name, table, indexes in cursor.fetchall()}
            for name in names:
                print(f"  {name:22} {found[name][0]:8.0f} {found[name][1]:8.0f}")
            print(f"  all of a {what:13} {sum(map(sum, found.values())):8.0f}")


if __name__ == "__main__":
    settings.DATABASES["default"]["USER"] = SUPERUSER
    django.setup()
    with Embedded(settings.DATA_DIR).running():
        call_command("migrate", verbosity=0)
        for size in [int(text) for text in sys.argv[1:]] or [100_000, 1_000_000]:
            measure(size)
        connection.close()
