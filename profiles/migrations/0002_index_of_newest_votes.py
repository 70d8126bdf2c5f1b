"""An index for the list of all votes, built without stopping activations on a large table."""

from __future__ import annotations

from django.db import migrations, models

NAME = "profiles_activation_created"
DROP = f"DROP INDEX CONCURRENTLY IF EXISTS {NAME}"


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("profiles", "0001_initial")]

    operations = [
        # It waits for every transaction that is open, a backup's too, and blocks nobody meanwhile.
        migrations.RunSQL("SET lock_timeout = 0", "SET lock_timeout = 0"),
        migrations.SeparateDatabaseAndState(
            [
                migrations.RunSQL(
                    # Anew if an earlier try was broken off and left an invalid one.
                    [DROP, f"CREATE INDEX CONCURRENTLY {NAME} ON profiles_activation (created_at, invitee_id)"],
                    [DROP],
                )
            ],
            [migrations.AddIndex("activation", models.Index(fields=["created_at", "invitee"], name=NAME))],
        ),
        migrations.RunSQL("SET lock_timeout = '2s'", "SET lock_timeout = '2s'"),
    ]
