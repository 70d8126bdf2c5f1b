"""Bytes of a row of each table, with its indexes: `python -m bench.sizes 100000 1000000`.

The rows are those of a service used for two years (tests/support/large_tables.py): one profile, one device, nine
tenths of a vote and one sign-in in 31 days for each user. Sizes are those of PostgreSQL's files.
"""

import os
import sys

from tests.support.environment import NAMES
from tests.support.service import service_folder

# One row for each user, kept as long as the user, then one for each sign-in of the last 31 days.
OF_USERS = ("users_user", "profiles_profile", "profiles_activation", "users_device")
OF_SIGN_INS = ("users_logincode", "users_challenge", "users_smsdelivery")
SIZES = """
SELECT relname, pg_relation_size(relid), pg_indexes_size(relid) FROM pg_stat_user_tables WHERE relname = ANY(%s)
"""


def main(sizes: list[int]) -> None:
    with service_folder() as folder:
        os.environ |= dict.fromkeys(NAMES, "") | {"DATA_DIR": str(folder / "data")}
        os.environ["DJANGO_SETTINGS_MODULE"] = "inviting_app.settings"
        import django

        django.setup()
        from django.core.management import call_command
        from django.db import connection

        from inviting_app.ops.embedded import Embedded

        with Embedded(folder / "data").running():
            call_command("migrate", verbosity=0)
            for size in sizes:
                measure(size)
            connection.close()


def measure(size: int) -> None:
    from django.db import connection

    from tests.support.large_tables import grow

    grow(size)
    print(f"{size:,} users; bytes a row: table, indexes")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        for what, names in (("user", OF_USERS), ("sign-in", OF_SIGN_INS)):
            cursor.execute(SIZES, [list(names)])
            found = {name: (table / size, indexes / size) for name, table, indexes in cursor.fetchall()}
            for name in names:
                print(f"  {name:22} {found[name][0]:8.0f} {found[name][1]:8.0f}")
            print(f"  all of a {what:13} {sum(map(sum, found.values())):8.0f}")


if __name__ == "__main__":
    main([int(text) for text in sys.argv[1:]] or [100_000, 1_000_000])
