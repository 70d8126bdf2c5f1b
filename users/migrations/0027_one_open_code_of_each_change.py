"""At most one open code of each user who changes to a phone, beside its sign-in codes. Built without stopping sign-ups."""

from __future__ import annotations

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations, models
from django.db.models import Q

BEFORE, NAME = "users_logincode_one_open", "users_logincode_one_open_each"
DROP_BEFORE, DROP = (f"DROP INDEX CONCURRENTLY IF EXISTS {name}" for name in (BEFORE, NAME))
CREATE = "CREATE UNIQUE INDEX CONCURRENTLY {} ON users_logincode ({}) NULLS NOT DISTINCT WHERE closed_at IS NULL"
COLUMNS = "user_id, device_id, digits"
CHANGES = "users_logincode_changes"
DROP_CHANGES = f"DROP INDEX CONCURRENTLY IF EXISTS {CHANGES}"
WHERE_CHANGES = "(changing_user_id) WHERE changing_user_id IS NOT NULL"
CREATE_CHANGES = f"CREATE INDEX CONCURRENTLY {CHANGES} ON users_logincode {WHERE_CHANGES}"
# A version without these codes would take them for sign-in codes.
CLOSE = """
UPDATE users_logincode SET closed_at = statement_timestamp(), expires_at = statement_timestamp()
 WHERE changing_user_id IS NOT NULL AND closed_at IS NULL
"""


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("users", "0026_change_of_phone")]

    operations = [
        ValidateConstraint("logincode", "users_logincode_change_is_unknown"),
        # It waits for every transaction that is open, a backup's too, and blocks nobody meanwhile.
        migrations.RunSQL("SET lock_timeout = 0", "SET lock_timeout = 0"),
        migrations.SeparateDatabaseAndState(
            # Built anew if an earlier try was broken off and left an invalid one.
            [
                migrations.RunSQL([DROP, CREATE.format(NAME, f"{COLUMNS}, changing_user_id")], [DROP]),
                migrations.RunSQL([DROP_CHANGES, CREATE_CHANGES], [DROP_CHANGES]),
                migrations.RunSQL([DROP_BEFORE], [CLOSE, DROP_BEFORE, CREATE.format(BEFORE, COLUMNS)]),
            ],
            [
                migrations.RemoveConstraint("logincode", BEFORE),
                migrations.AddConstraint(
                    "logincode",
                    models.UniqueConstraint(
                        name=NAME,
                        fields=["user", "device", "length", "changing_user"],
                        condition=Q(closed_at__isnull=True),
                        nulls_distinct=False,
                    ),
                ),
                migrations.AddIndex(
                    "logincode",
                    models.Index(fields=["changing_user"], name=CHANGES, condition=Q(changing_user__isnull=False)),
                ),
            ],
        ),
        migrations.RunSQL("SET lock_timeout = '2s'", "SET lock_timeout = '2s'"),
    ]
