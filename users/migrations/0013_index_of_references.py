"""An index by the gateway's reference, by which a delivery receipt finds its SMS. Built without stopping sign-ups."""

from __future__ import annotations

from django.db import migrations, models
from django.db.models import Q

NAME = "users_smsdelivery_reference"
DROP = f"DROP INDEX CONCURRENTLY IF EXISTS {NAME}"
INDEX = models.Index(fields=["gateway_ref"], name=NAME, condition=~Q(gateway_ref=""))


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("users", "0012_outcomes_of_sms")]

    operations = [
        # It waits for every transaction that is open, a backup's too, and blocks nobody meanwhile.
        migrations.RunSQL("SET lock_timeout = 0", "SET lock_timeout = 0"),
        migrations.SeparateDatabaseAndState(
            [
                # Built anew if an earlier try was broken off and left an invalid one.
                migrations.RunSQL(
                    [
                        DROP,
                        f"CREATE INDEX CONCURRENTLY {NAME} ON users_smsdelivery (gateway_ref) WHERE gateway_ref <> ''",
                    ],
                    [DROP],
                )
            ],
            [migrations.AddIndex("smsdelivery", INDEX)],
        ),
        migrations.RunSQL("SET lock_timeout = '2s'", "SET lock_timeout = '2s'"),
    ]
