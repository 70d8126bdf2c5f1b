"""An index of the SMS that wait, by which a worker claims them. Built without stopping sign-ups."""

from __future__ import annotations

from django.db import migrations, models
from django.db.models import Q

NAME = "users_smsdelivery_queued"
DROP = f"DROP INDEX CONCURRENTLY IF EXISTS {NAME}"
INDEX = models.Index(fields=["next_try_at"], name=NAME, condition=Q(state="queued"))


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("users", "0020_claims_of_sms")]

    operations = [
        # It waits for every transaction that is open, a backup's too, and blocks nobody meanwhile.
        migrations.RunSQL("SET lock_timeout = 0", "SET lock_timeout = 0"),
        migrations.SeparateDatabaseAndState(
            [
                # Built anew if an earlier try was broken off and left an invalid one.
                migrations.RunSQL(
                    [
                        DROP,
                        f"CREATE INDEX CONCURRENTLY {NAME} ON users_smsdelivery (next_try_at) WHERE state = 'queued'",
                    ],
                    [DROP],
                )
            ],
            [migrations.AddIndex("smsdelivery", INDEX)],
        ),
        migrations.RunSQL("SET lock_timeout = '2s'", "SET lock_timeout = '2s'"),
    ]
